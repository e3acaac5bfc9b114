"""Rules about orders that wait at the broker for a price (GTT): each leg's own, and where triggers lie.

The fields of a problem are those of a form: `trigger` and `price` of a single one, `stop_trigger`,
`target_price` and so on where there are two legs. Fixes go by those names too.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from accounts.brokers.types import GttLeg, GttRequest
from accounts.brokers.words import Exchange, GttKind, OrderType, Product, Side
from orders.tickets import prices, products, quantities
from orders.tickets.checking import out_of_reach
from orders.tickets.facts import Facts
from orders.tickets.problems import Fix, Problem, Severity, noted, refused
from orders.tickets.steps import LEAST_TICK, above, aged, below, plain_step, tick_of
from orders.tickets.ticket import Ticket
from tradedesk.money import price as shown

NEAREST = Decimal("0.25")  # per cent between a trigger and the last price, as Kite wants it
TAKEN_ON = frozenset(
    {Exchange.NSE, Exchange.BSE, Exchange.NFO, Exchange.BFO, Exchange.CDS, Exchange.MCX}
)
LEGS = {GttKind.SINGLE: ("",), GttKind.OCO: ("stop_", "target_")}
# Circuit limits and the last price of today say nothing of the day on which it fires.
RULES_OF_A_LEG = (quantities.lot, quantities.freeze, quantities.value, quantities.caps, prices.step)


def check_gtt(request: GttRequest, facts: Facts) -> list[Problem]:
    """Tell everything that is wrong with a trigger that is to be kept at the broker."""
    names = LEGS[request.kind]
    if len(request.legs) != len(names) or len(request.triggers) != len(names):
        text = "A trigger has one price and one order, or a stop and a target with two."
        return [refused("legs", "kind", text, how="Fill in both, or choose a single trigger.")]
    tickets = [ticket_of(request, leg) for leg in request.legs]
    beyond = [
        renamed(problem, name)
        for name, ticket, trigger in zip(names, tickets, request.triggers, strict=True)
        for problem in out_of_reach(replace(ticket, trigger_price=trigger))
    ]
    if beyond:
        return beyond
    found = [*offered(request, facts), *products.tradable(tickets[0], facts)]
    of_legs = facts_of_legs(facts)
    for name, ticket in zip(names, tickets, strict=True):
        found += [renamed(problem, name) for problem in of_a_leg(ticket, of_legs)]
    return [*found, *of_triggers(request, facts)]


def ticket_of(request: GttRequest, leg: GttLeg) -> Ticket:
    """Write the order that a trigger would release."""
    return Ticket(
        exchange=request.exchange,
        symbol=request.symbol,
        side=leg.side,
        quantity=leg.quantity,
        order_type=OrderType.LIMIT,
        price=leg.price,
        product=Product(leg.product),
    )


def offered(request: GttRequest, facts: Facts) -> Iterator[Problem]:
    if request.kind not in facts.capabilities.gtt:
        how = "Place a stop order instead: it stands for the day."
        yield refused("offered", "kind", "This broker keeps no such triggers.", how=how)
    if request.exchange not in TAKEN_ON:
        yield refused("offered", "exchange", f"No triggers are kept for {request.exchange}.")
    for name, leg in zip(LEGS[request.kind], request.legs, strict=True):
        if leg.order_type != OrderType.LIMIT:
            cause = "A trigger releases limit orders only."
            yield refused("offered", f"{name}order_type", cause, how="Enter a price.")


def facts_of_legs(facts: Facts) -> Facts:
    """A trigger releases one order, whatever its size, on any day."""
    return replace(
        facts,
        capabilities=replace(facts.capabilities, has_autoslice=False),
        account_products=(facts.account_products or frozenset(Product)) - {Product.MIS},
    )


def of_a_leg(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    if ticket.product == Product.MIS:
        cause = "A trigger may fire on any later day, and MIS is for today only."
        yield refused(
            "product", "product", cause, products.choices(products.allowed(ticket, facts))
        )
    else:
        yield from products.product(ticket, facts)
    for rule in RULES_OF_A_LEG:
        if facts.listing:
            yield from rule(ticket, facts)


def of_triggers(request: GttRequest, facts: Facts) -> Iterator[Problem]:
    names = [f"{name}trigger" for name in LEGS[request.kind]]
    tick = tick_of(facts)
    for field, trigger, leg in zip(names, request.triggers, request.legs, strict=True):
        if tick and trigger % tick:
            low = below(trigger, tick)
            near = [one for one in (low, low + tick) if one > 0]
            cause = f"Trigger must step by {plain_step(tick)}."
            yield refused("step", field, cause, fixes_of(field, near, tick))
        yield from waits_after(field, trigger, leg, tick or LEAST_TICK)
    if any(first >= second for first, second in pairwise(request.triggers)):
        cause = "The lower trigger must be below the upper one."
        yield refused("order", names[0], cause, how="Change one of the two.")
        return
    last = facts.fresh_price
    if last is None or last <= 0:
        why = aged(facts.age(facts.last)) if facts.last else "not known"
        yield noted(
            "distance", names[0],
            f"The last price of {request.symbol} is {why}: triggers were not compared with it.",
        )  # fmt: skip
        return
    for nth, (field, trigger) in enumerate(zip(names, request.triggers, strict=True)):
        stands_above = nth == 1 or (request.kind == GttKind.SINGLE and trigger > last)
        yield from too_near(field, trigger, last, tick or LEAST_TICK, is_above=stands_above)


def too_near(
    field: str, trigger: Decimal, last: Decimal, tick: Decimal, *, is_above: bool
) -> Iterator[Problem]:
    """A trigger lies on its side of the market and a little away, or it would fire at once."""
    gap = last * NEAREST / 100
    if trigger >= last + gap if is_above else trigger <= last - gap:
        return
    near = above(last + gap, tick) if is_above else below(last - gap, tick)
    word, more = ("above", "more") if is_above else ("below", "less")
    cause = f"Trigger must be {NEAREST:f}% or more {word} the last price of {shown(last, tick)}."
    fixes = fixes_of(field, [near] if near > 0 else [], tick)
    how = f"Use {shown(near, tick)} or {more}." if fixes else ""
    yield refused("distance", field, cause, fixes, how=how)


def waits_after(field: str, trigger: Decimal, leg: GttLeg, tick: Decimal) -> Iterator[Problem]:
    """A limit beyond the trigger may wait unfilled: worth a look, and sometimes meant."""
    if leg.price > trigger if leg.side == Side.SELL else leg.price < trigger:
        word = "above" if leg.side == Side.SELL else "below"
        yield Problem(
            rule="waits", field=field.replace("trigger", "price"), severity=Severity.WARNS,
            text=f"The price is {word} its trigger of {shown(trigger, tick)}: once it fires, the order"
            " may wait unfilled.",
        )  # fmt: skip


def fixes_of(field: str, values: list[Decimal], tick: Decimal) -> list[Fix]:
    return [Fix(text=shown(value, tick), changes={field: value}) for value in values]


def renamed(problem: Problem, leg: str) -> Problem:
    """Put a problem of an order beside the fields of its leg."""

    def name(field: str) -> str:
        return leg + ("trigger" if field == "trigger_price" else field)

    fixes = [
        replace(fix, changes={name(field): value for field, value in fix.changes.items()})
        for fix in problem.fixes
    ]
    return replace(problem, field=name(problem.field), fixes=tuple(fixes))
