"""What becomes of orders and positions that stand: new terms, cancelling one or all, closing."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.brokers.types import OrderChange
from accounts.brokers.words import OrderType, Product, Side, Validity, Variety
from orders.engine import asking, exits
from orders.engine.accept import Accepted, Asked, NotAccepted
from orders.engine.models import Kind, OrderTask
from orders.front import Refused, facts_of, working_orders
from orders.ledger import Order
from orders.tickets import Facts, Ticket, check, refusals
from orders.tickets.problems import Problem

# What an order may have anew; the rest of its ticket stays as it is.
CHANGEABLE = (
    "quantity", "order_type", "price", "trigger_price", "validity", "disclosed_quantity",
)  # fmt: skip


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


def problems_of(order: Order, wanted: Ticket, facts: Facts) -> list[Problem]:
    """Look new terms over; legs and validity stay, so nothing is said of them."""
    found = check(replace(wanted, variety=Variety.REGULAR), facts)
    if wanted.quantity <= order.filled_quantity:
        text = f"{order.filled_quantity} are filled already. Ask for more than that, or cancel the rest."
        found.insert(0, Problem(rule="filled", field="quantity", text=text))
    return found


def change_of(order: Order, wanted: Ticket) -> OrderChange | None:
    """Say what is to change, and only that; nothing, where all stays."""
    stands = ticket_of(order)
    changes: dict[str, Any] = {
        name: getattr(wanted, name)
        for name in CHANGEABLE
        if getattr(wanted, name) is not None and getattr(wanted, name) != getattr(stands, name)
    }
    if not changes:
        return None
    if wanted.is_at_any_price:
        changes["market_protection"] = wanted.market_protection  # none is never sent without
    return OrderChange(
        order_id=order.order_id,
        variety=Variety(order.variety),
        parent_order_id=order.parent_order_id,
        **changes,
    )


def modify(asked: Asked, order: Order, wanted: Ticket, at: datetime) -> Accepted:
    """Look new terms over and have them sent."""
    found = refusals(problems_of(order, wanted, facts_of(wanted, asked.account, at)))
    if found:
        raise Refused(found)
    change = change_of(order, wanted)
    if change is None:
        raise NotAccepted("Nothing is changed yet. Enter new terms, or leave the order as it is.")
    return asking.modify(asked, change, order)


def cancel(asked: Asked, order: Order) -> Accepted:
    """Have an order ended; one wish that is on its way is enough."""
    same = OrderTask.objects.working().filter(
        account=asked.account, kind=Kind.CANCEL, target=order.order_id
    )
    if task := same.first():
        return Accepted(task=task, is_replay=True)
    return asking.cancel(asked, order)


def cancel_all(asked: Asked, at: datetime) -> list[Accepted]:
    """Have every working order ended, as one request."""
    return [
        cancel(replace(asked, key=f"{asked.key}.{order.pk}"), order)
        for order in working_orders(asked.account, at)
    ]


def close(
    asked: Asked,
    *,
    exchange: str,
    symbol: str,
    product: Product,
    net: int,
    protection: Decimal | None,
    at: datetime,
) -> Accepted:
    """Close a position at the market; the engine makes it no larger than what is open then."""
    ticket = closing_ticket(
        exchange=exchange, symbol=symbol, product=product, net=net, protection=protection
    )
    facts = facts_of(ticket, asked.account, at, is_exit=True)
    found = refusals(check(ticket, facts))
    if any("autoslice" in fix.changes for one in found for fix in one.fixes):
        ticket = replace(ticket, autoslice=True)  # whoever wants out wants out of all of it
        found = refusals(check(ticket, facts))
    if found:
        raise Refused(found)
    order = exits.closing(
        exchange=exchange,
        symbol=symbol,
        product=product,
        net=net,
        protection=ticket.market_protection,
    )
    return asking.close_position(asked, replace(order, autoslice=ticket.autoslice))


def closing_ticket(
    *, exchange: str, symbol: str, product: Product, net: int, protection: Decimal | None
) -> Ticket:
    """Write the exit as a ticket, so that the same rules look at it."""
    return Ticket(
        exchange=exchange,
        symbol=symbol,
        side=Side.SELL if net > 0 else Side.BUY,
        quantity=abs(net),
        order_type=OrderType.MARKET,
        product=product,
        protection=protection,
    )
