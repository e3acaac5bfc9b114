"""Rounding to the step of an instrument's prices, and how such prices are offered."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from orders.tickets.facts import Facts
from orders.tickets.problems import Fix
from orders.tickets.ticket import Ticket
from tradedesk.money import price as shown

NAMES = {"price": "Price", "trigger_price": "Trigger price"}
LEAST_TICK = Decimal("0.01")


def prices_of(ticket: Ticket) -> Iterable[tuple[str, Decimal]]:
    """Tell the prices that the order would carry."""
    if ticket.price is not None and ticket.order_type.has_price:
        yield "price", ticket.price
    if ticket.trigger_price is not None and ticket.has_trigger:
        yield "trigger_price", ticket.trigger_price


def priced(field: str, prices: Iterable[Decimal], tick: Decimal) -> list[Fix]:
    return [Fix(text=shown(price, tick), changes={field: price}) for price in prices]


def tick_of(facts: Facts) -> Decimal:
    """Tell the step; 0 where it is not known."""
    return facts.listing.tick_size if facts.listing else Decimal(0)


def below(price: Decimal, tick: Decimal) -> Decimal:
    """Round down to the step."""
    return price // tick * tick


def above(price: Decimal, tick: Decimal) -> Decimal:
    """Round up to the step."""
    low = below(price, tick)
    return low if low == price else low + tick


def plain_step(tick: Decimal) -> str:
    text = f"{tick.normalize():f}"
    return f"{tick:.2f}" if len(text.partition(".")[2]) < 2 else text


def aged(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    size, unit = (seconds, "second") if seconds < 120 else (seconds // 60, "minute")
    return f"{size} {unit}{'' if size == 1 else 's'} old"
