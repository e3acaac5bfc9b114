"""Rules about prices beside the market: they refuse by what is fresh, and are left out otherwise."""

from collections.abc import Iterator

from accounts.brokers.words import OrderType, Side, Variety
from orders.tickets.facts import Facts, LastPrice
from orders.tickets.problems import Fix, Problem, Severity, noted, refused
from orders.tickets.steps import (
    LEAST_TICK,
    NAMES,
    above,
    aged,
    below,
    priced,
    prices_of,
    tick_of,
)
from orders.tickets.ticket import Ticket
from tradedesk.money import price as shown
from tradedesk.money import rounded


def band(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """No price lies outside the day's circuit limits."""
    prices = list(prices_of(ticket))
    limits = facts.fresh_band
    if prices and limits is None:
        why = aged(facts.age(facts.band)) if facts.band else "not known"
        yield noted(
            "band", prices[0][0],
            f"The circuit limits of {ticket.symbol} are {why}: the price was not compared with them.",
        )  # fmt: skip
    if limits is None:
        return
    tick = tick_of(facts) or LEAST_TICK
    low, high = above(limits.lower, tick), below(limits.upper, tick)
    for field, price in prices:
        if limits.lower <= price <= limits.upper:
            continue
        near, more = (low, "more") if price < limits.lower else (high, "less")
        between = f"{shown(limits.lower, tick)} and {shown(limits.upper, tick)}"
        cause = f"{NAMES[field]} must be between {between} today."
        fixes = priced(field, [near], tick) if limits.lower <= near <= limits.upper else []
        yield refused(
            "band", field, cause, fixes, how=f"Use {shown(near, tick)} or {more}." if fixes else ""
        )


def trigger_and_price(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """Once released, a stop with a limit can still be filled; a cover order's stop guards its entry."""
    if ticket.price is None or ticket.trigger_price is None or not ticket.has_trigger:
        return
    tick = tick_of(facts) or LEAST_TICK
    buys = ticket.side == Side.BUY
    gap = ticket.trigger_price - ticket.price if buys else ticket.price - ticket.trigger_price
    if ticket.variety == Variety.COVER:
        if gap < 0:
            return
        word = "below" if buys else "above"
        stop = below(ticket.price, tick) - tick if buys else above(ticket.price, tick) + tick
        yield refused(
            "trigger_and_price", "trigger_price",
            f"The stop of this cover order must be {word} its price.",
            priced("trigger_price", [stop], tick) if stop > 0 else [],
        )  # fmt: skip
    elif gap > 0:
        word = "above" if buys else "below"
        trigger, price = shown(ticket.price, tick), shown(ticket.trigger_price, tick)
        fixes = [
            Fix(text=f"a trigger of {trigger}", changes={"trigger_price": ticket.price}),
            Fix(text=f"a price of {price}", changes={"price": ticket.trigger_price}),
        ]
        yield refused(
            "trigger_and_price", "trigger_price",
            f"To {ticket.side.lower()}, the trigger must not be {word} the limit price, or it would"
            " be released where it cannot be filled.",
            fixes,
        )  # fmt: skip


def trigger_and_market(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """The market has not passed the trigger yet, or it would be released at once."""
    if ticket.trigger_price is None or not ticket.has_trigger:
        return
    if facts.last is None:
        yield noted(
            "trigger_and_market", "trigger_price",
            f"The last price of {ticket.symbol} is not known: the trigger was not compared with it.",
        )  # fmt: skip
        return
    wrong = wrong_side(ticket, facts, facts.last)
    if facts.fresh_price is not None:
        yield from wrong
        return
    # An old price proves nothing, so it refuses nothing; what looks wrong is worth a look.
    why = aged(facts.age(facts.last))
    for one in wrong:
        yield Problem(
            rule=one.rule, field=one.field, text=f"{one.text} That price is {why}.",
            fixes=one.fixes, severity=Severity.WARNS,
        )  # fmt: skip
    if not wrong:
        yield noted(
            "trigger_and_market", "trigger_price",
            f"The last price of {ticket.symbol} is {why}: the trigger was not compared with a newer one.",
        )  # fmt: skip


def wrong_side(ticket: Ticket, facts: Facts, last: LastPrice) -> list[Problem]:
    assert ticket.trigger_price is not None
    tick = tick_of(facts) or LEAST_TICK
    # A stop to buy waits above the market; the stop of a cover order that buys is one to sell.
    waits_above = (ticket.side == Side.BUY) != (ticket.variety == Variety.COVER)
    if ticket.trigger_price > last.price if waits_above else ticket.trigger_price < last.price:
        return []
    word = "above" if waits_above else "below"
    near = below(last.price, tick) + tick if waits_above else above(last.price, tick) - tick
    cause = f"The trigger must be {word} the last price of {shown(last.price, tick)}."
    fixes = priced("trigger_price", [near] if near > 0 else [], tick)
    how = f"Use {shown(near, tick)} or {'more' if waits_above else 'less'}." if fixes else ""
    return [refused("trigger_and_market", "trigger_price", cause, fixes, how=how)]


def distance(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """A limit price lies near the market, as far as the account's cap says."""
    most = facts.caps.distance if facts.caps else None
    if most is None or ticket.order_type != OrderType.LIMIT or ticket.price is None:
        return
    last = facts.fresh_price
    if last is None or last <= 0:
        why = aged(facts.age(facts.last)) if facts.last else "not known"
        yield noted(
            "distance", "price",
            f"The last price of {ticket.symbol} is {why}: the price was not compared with it.",
        )  # fmt: skip
        return
    tick = tick_of(facts) or LEAST_TICK
    low, high = last * (1 - most / 100), last * (1 + most / 100)
    if low <= ticket.price <= high:
        return
    away = rounded(abs(ticket.price - last) / last * 100)
    is_above = ticket.price > high
    near = below(high, tick) if is_above else above(low, tick)
    fixes = priced("price", [near], tick) if low <= near <= high and near > 0 else []
    how = f"Use {shown(near, tick)} or {'less' if is_above else 'more'}." if fixes else ""
    yield refused(
        "distance", "price",
        f"Price is {away}% {'above' if is_above else 'below'} the last price of"
        f" {shown(last, tick)}; this account allows {most:f}%.",
        fixes, how=how,
    )  # fmt: skip
