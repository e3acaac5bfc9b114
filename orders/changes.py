"""New terms for an order that stands: the ticket that it would be then, and what that asks for on top."""

from dataclasses import replace
from typing import Any

from accounts.brokers.types import OrderChange
from accounts.brokers.words import OrderStatus, OrderType, Product, Side, Validity, Variety
from orders.ledger import Order
from orders.tickets import Caps, Facts, Ticket, check
from orders.tickets.problems import Problem

# What an order may have anew; the rest of its ticket stays as it is.
CHANGEABLE = (
    "quantity", "order_type", "price", "trigger_price", "validity", "disclosed_quantity",
)  # fmt: skip
BEFORE_RELEASE = {"trigger_and_market"}  # a trigger that was released is compared with nothing


def ticket_of(order: Order) -> Ticket:
    """Write a standing order as the ticket that asks for the same."""
    kind = OrderType(order.order_type)
    return Ticket(
        exchange=order.exchange,
        symbol=order.symbol,
        side=Side(order.side),
        quantity=order.quantity,
        order_type=kind,
        price=order.price if kind.has_price else None,
        trigger_price=order.trigger_price if kind.has_trigger else None,
        product=Product(order.product),
        validity=Validity(order.validity),
        validity_minutes=order.validity_minutes,
        variety=Variety(order.variety),
        disclosed_quantity=order.disclosed_quantity or None,
    )


def wanted_by(order: Order, change: OrderChange) -> Ticket:
    """Write an order as the ticket that it will be when it is changed so."""
    stands = ticket_of(order)
    given = {name: value for name in CHANGEABLE if (value := getattr(change, name)) is not None}
    kind = given.get("order_type", stands.order_type)
    gone: dict[str, Any] = {} if kind.has_price else {"price": None}
    gone |= {} if kind.has_trigger else {"trigger_price": None}
    return replace(stands, **given | gone, protection=change.market_protection)


def is_smaller(order: Order, wanted: Ticket) -> bool:
    """Tell that an order would be no larger, no dearer and of no other type: no limit is against that.

    A sale at another price is another sale: for more it is worth more, for less it is filled sooner.
    """
    stands = ticket_of(order)
    same = [name for name in ("order_type", "trigger_price") if differs(name, stands, wanted)]
    if same or wanted.quantity > stands.quantity:
        return False
    if stands.price is None or wanted.price is None:
        return True
    return wanted.price == stands.price or (stands.side == Side.BUY and wanted.price < stands.price)


def only_shrinks(order: Order, wanted: Ticket) -> bool:
    """Tell that something of an order gets smaller and nothing more: it may leave while entries may not."""
    stands = ticket_of(order)
    if not is_smaller(order, wanted) or differs("validity", stands, wanted):
        return False
    return wanted.quantity < stands.quantity or differs("price", stands, wanted)


def differs(name: str, one: Ticket, other: Ticket) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def rebased(order: Order, wanted: Ticket, opened: Ticket) -> Ticket:
    """Take what was left alone since the form was opened from the order as it stands now."""
    stands = ticket_of(order)
    alone = [name for name in CHANGEABLE if not differs(name, opened, wanted)]
    return replace(wanted, **{name: getattr(stands, name) for name in alone})


def change_of(order: Order, wanted: Ticket, opened: Ticket) -> OrderChange | None:
    """Say what is to change of the terms that were shown, and only that; nothing, where all stays."""
    changes: dict[str, Any] = {
        name: getattr(wanted, name)
        for name in CHANGEABLE
        if getattr(wanted, name) is not None and differs(name, opened, wanted)
    }
    if not changes:
        return None
    becomes = rebased(order, wanted, opened)
    if becomes.is_at_any_price:
        changes["market_protection"] = becomes.market_protection  # none is never sent without
    return OrderChange(
        order_id=order.order_id,
        variety=Variety(order.variety),
        parent_order_id=order.parent_order_id,
        **changes,
    )


def problems_of(order: Order, wanted: Ticket, facts: Facts) -> list[Problem]:
    """Look new terms over; legs and validity stay, so nothing is said of them."""
    if is_smaller(order, wanted):
        facts = replace(facts, is_exit=True, caps=Caps())
    found = check(replace(wanted, variety=Variety.REGULAR), facts)
    if order.status == OrderStatus.OPEN:
        found = [one for one in found if one.rule not in BEFORE_RELEASE]
    if wanted.quantity <= order.filled_quantity:
        text = f"{order.filled_quantity} are filled already. Ask for more than that, or cancel the rest."
        found.insert(0, Problem(rule="filled", field="quantity", text=text))
    return found
