"""Tables of orders for the operator; each registers itself where it is kept."""

from orders import product_rule_admin  # noqa: F401
