"""Tables of orders for the operator; each registers itself where it is kept."""

from orders import engine_admin, product_rule_admin, risk_admin  # noqa: F401
