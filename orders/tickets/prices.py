"""Rules about prices by themselves: which an order needs, their step, and market protection."""

from collections.abc import Iterator

from accounts.brokers.words import OrderType, Variety
from orders.tickets.facts import Facts
from orders.tickets.problems import EMPTY, Fix, Problem, refused
from orders.tickets.steps import NAMES, below, plain_step, priced, prices_of, tick_of
from orders.tickets.ticket import AUTOMATIC, Ticket

NAMELESS = {
    OrderType.MARKET: "A market order",
    OrderType.LIMIT: "A limit order",
    OrderType.SL: "A stop order (SL)",
    OrderType.SL_M: "A stop order at the market (SL-M)",
}
WITH_PRICE = {OrderType.MARKET: OrderType.LIMIT, OrderType.SL_M: OrderType.SL}


def needs(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """A price and a trigger stand where the type has them, and nowhere else."""
    what = NAMELESS[ticket.order_type]
    if ticket.order_type.has_price and ticket.price is None:
        near = near_the_last(facts, "price")
        yield refused("needs", "price", f"{what} needs a price.", near)
    if not ticket.order_type.has_price and ticket.price is not None:
        other = WITH_PRICE[ticket.order_type]
        fixes = [
            Fix(text="no price", changes={"price": None}),
            Fix(text=f"type {other}", changes={"order_type": other, "protection": None}),
        ]
        yield refused(
            "needs",
            "price",
            f"{what} has no price of its own.",
            fixes,
            how=f"Leave it empty, or use type {other}.",
        )
    if ticket.has_trigger and ticket.trigger_price is None:
        named = "A cover order" if ticket.variety == Variety.COVER else what
        yield refused(
            "needs", "trigger_price", f"{named} needs a trigger price.",
            how="Enter the price that releases it.",
        )  # fmt: skip
    if not ticket.has_trigger and ticket.trigger_price is not None:
        fix = Fix(text="no trigger price", changes={"trigger_price": None})
        yield refused(
            "needs", "trigger_price", f"{what} has no trigger.", [fix],
            how="Leave it empty, or use type SL.",
        )  # fmt: skip


def near_the_last(facts: Facts, field: str) -> list[Fix]:
    step = tick_of(facts)
    if facts.last is None or not step:
        return []
    return priced(field, [max(below(facts.last.price, step), step)], step)


def step(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """Every price is a multiple of the tick."""
    prices = list(prices_of(ticket))
    tick = tick_of(facts)
    if prices and not tick:
        yield refused(
            "step", prices[0][0], f"The step of prices of {ticket.key} is not known.",
            how="Fetch the instruments again.",
        )  # fmt: skip
        return
    for field, price in prices:
        if price % tick:
            low = below(price, tick)
            near = [one for one in (low, low + tick) if one > 0]
            cause = f"{NAMES[field]} must step by {plain_step(tick)}."
            yield refused("step", field, cause, priced(field, near, tick))


def protection(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """A market order says how far it may go; exchanges take none without since April 2026."""
    asked = ticket.market_protection
    if not ticket.is_at_any_price:
        if asked is not None:
            yield refused(
                "protection", "protection",
                f"{NAMELESS[ticket.order_type]} has a price and needs no market protection.",
                [Fix(text="no protection", changes={"protection": None})],
                how=EMPTY,
            )  # fmt: skip
        return
    is_automatic = asked == AUTOMATIC
    broker_chooses = (
        facts.capabilities.automatic_protection is not None
        or not facts.capabilities.needs_market_protection
    )
    if is_automatic and broker_chooses:
        return
    fixes = [Fix(text="automatic (-1)", changes={"protection": AUTOMATIC})]
    if is_automatic:
        cause = "This broker does not choose the market protection by itself."
    elif asked is None or not 0 < asked <= 100:
        cause = "Market protection is never zero: it is a percentage above 0 and up to 100."
    else:
        return
    how = "" if broker_chooses else "Enter a percentage."
    yield refused("protection", "protection", cause, fixes if broker_chooses else [], how=how)
