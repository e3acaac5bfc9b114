"""Looking a ticket over: every rule, in the order in which a trader reads the ticket."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from orders.tickets import icebergs, market, prices, products, quantities
from orders.tickets.facts import Facts
from orders.tickets.problems import Problem, refused
from orders.tickets.ticket import Ticket

Rule = Callable[[Ticket, Facts], Iterator[Problem]]
RULES: tuple[Rule, ...] = (
    products.tradable,
    products.product,
    products.offered,
    products.validity,
    quantities.lot,
    quantities.freeze,
    quantities.slicing,
    quantities.value,
    quantities.caps,
    quantities.disclosed,
    icebergs.iceberg,
    prices.needs,
    prices.step,
    prices.protection,
    market.band,
    market.trigger_and_price,
    market.trigger_and_market,
    market.distance,
)
# Of an instrument that nobody knows there is no lot or step to complain of.
WITHOUT_LISTING = frozenset({quantities.lot, quantities.freeze, prices.step})
LARGEST = 10**8
SMALLEST = Decimal("0.0001")  # no exchange has a finer step
WHOLE_NUMBERS = {
    "quantity": "Quantity",
    "disclosed_quantity": "Disclosed quantity",
    "iceberg_quantity": "Quantity of a leg",
}
PRICES = {"price": "Price", "trigger_price": "Trigger price"}


def check(ticket: Ticket, facts: Facts) -> list[Problem]:
    """Tell everything that is wrong with the ticket, and which rules could not be applied."""
    beyond = list(out_of_reach(ticket))
    if beyond:
        return beyond  # no rule can reckon with these
    rules = [rule for rule in RULES if facts.listing or rule not in WITHOUT_LISTING]
    return [problem for rule in rules for problem in rule(ticket, facts)]


def out_of_reach(ticket: Ticket) -> Iterator[Problem]:
    """Find numbers that are no amount of anything."""
    for field, name in WHOLE_NUMBERS.items():
        amount = getattr(ticket, field)
        if amount is not None and abs(amount) > LARGEST:
            yield refused("reach", field, f"{name} is too large.", how="Enter what you mean.")
    for field, name in PRICES.items():
        price: Decimal | None = getattr(ticket, field)
        if price is None:
            continue
        if not price.is_finite():
            yield refused("reach", field, f"{name} is not a number.", how="Enter one.")
        elif price <= 0:
            yield refused("reach", field, f"{name} must be above zero.", how="Enter the price.")
        elif price < SMALLEST:
            yield refused("reach", field, f"{name} is too small.", how="Enter what you mean.")
        elif price > LARGEST:
            yield refused("reach", field, f"{name} is too large.", how="Enter what you mean.")
    if ticket.protection is not None and not ticket.protection.is_finite():
        yield refused("reach", "protection", "Protection is not a number.", how="Enter one.")
