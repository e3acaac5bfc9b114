"""Rules about icebergs: an order that shows one leg after the other."""

from collections.abc import Iterator

from accounts.brokers.words import OrderType, Validity, Variety
from orders.tickets.facts import Facts
from orders.tickets.problems import EMPTY, Fix, Problem, refused
from orders.tickets.quantities import lot_of
from orders.tickets.ticket import Ticket
from tradedesk.money import quantity as shown

FEWEST, MOST = 2, 50  # legs, as Kite takes them
WHOLE: dict[str, object] = {
    "variety": Variety.REGULAR,
    "iceberg_legs": None,
    "iceberg_quantity": None,
}


def iceberg(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    """Legs are as many, as large and of a kind as the broker takes them."""
    if ticket.variety != Variety.ICEBERG:
        if ticket.iceberg_legs is not None or ticket.iceberg_quantity is not None:
            fixes = [Fix(text="no legs", changes=WHOLE | {"variety": ticket.variety})]
            yield refused("iceberg", "iceberg_legs", "Only an iceberg has legs.", fixes, how=EMPTY)
        return
    if ticket.order_type not in {OrderType.LIMIT, OrderType.MARKET}:
        yield refused(
            "iceberg", "order_type", "The legs of an iceberg are limit or market orders.",
            [Fix(text=one, changes={"order_type": one}) for one in (OrderType.LIMIT, OrderType.MARKET)],
        )  # fmt: skip
        return
    if ticket.validity == Validity.IOC:
        yield refused(
            "iceberg", "validity", "The legs of an iceberg follow one another; IOC ends with the first.",
            [Fix(text="DAY", changes={"validity": Validity.DAY})],
        )  # fmt: skip
        return
    yield from legs(ticket, facts)


def legs(ticket: Ticket, facts: Facts) -> Iterator[Problem]:
    count, quantity = ticket.iceberg_legs, ticket.quantity
    possible = counts(quantity, facts)
    fixes = [with_legs(one, quantity) for one in near(possible, count)]
    fixes = fixes or [Fix(text="a regular order", changes=WHOLE)]
    if count is None:
        cause = f"An iceberg needs the number of its legs, from {FEWEST} to {MOST}."
    elif not FEWEST <= count <= MOST:
        cause = f"An iceberg has from {FEWEST} to {MOST} legs."
    elif quantity < count:
        cause = "An iceberg has at most as many legs as its quantity."
    elif count not in possible:
        size, each = lot_of(facts) or 1, leg(quantity, count)
        most = freeze_of(facts)
        if each % size:
            cause = f"A leg of {shown(each)} is no whole number of lots of {shown(size)}."
        else:
            cause = (
                f"A leg of {shown(each)} is above {shown(most)}, the exchange's freeze quantity."
            )
    elif ticket.iceberg_quantity not in (None, leg(quantity, count)):
        cause = f"{count} legs of {shown(quantity)} have {shown(leg(quantity, count))} each."
        change: dict[str, object] = {"iceberg_quantity": leg(quantity, count)}
        fixes = [Fix(text=shown(leg(quantity, count)), changes=change)]
        yield refused("iceberg", "iceberg_quantity", cause, fixes)
        return
    else:
        return
    yield refused("iceberg", "iceberg_legs", cause, fixes)


def leg(quantity: int, count: int) -> int:
    """Tell the quantity of each leg; the last may have less."""
    return -(-quantity // count)


def counts(quantity: int, facts: Facts) -> list[int]:
    """Tell into how many legs it can be split."""
    size, most = lot_of(facts) or 1, freeze_of(facts)
    return [
        count
        for count in range(FEWEST, min(MOST, quantity) + 1)
        if leg(quantity, count) % size == 0 and leg(quantity, count) <= most
    ]


def freeze_of(facts: Facts) -> int:
    known = facts.listing.freeze_quantity if facts.listing else None
    return known or 10**12


def near(possible: list[int], count: int | None) -> list[int]:
    """Offer the two that are nearest to what was asked for."""
    asked = count if count is not None else FEWEST
    return sorted(sorted(possible, key=lambda one: abs(one - asked))[:2])


def with_legs(count: int, quantity: int) -> Fix:
    change: dict[str, object] = {"iceberg_legs": count, "iceberg_quantity": leg(quantity, count)}
    return Fix(text=f"{count} legs of {shown(leg(quantity, count))}", changes=change)
