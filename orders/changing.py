"""What becomes of orders and positions that stand: new terms, cancelling one or all, closing."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from accounts.brokerage import BrokerAccount
from accounts.brokers.words import OrderType, Product, Side
from orders.changes import change_of, problems_of
from orders.engine import asking, exits, operator
from orders.engine.accept import Accepted, Asked, NotAccepted
from orders.engine.core import State
from orders.engine.models import Kind, OrderTask
from orders.front import Refused, facts_of, working_orders
from orders.ledger import Order
from orders.tickets import Ticket, check, refusals


def modify(asked: Asked, order: Order, wanted: Ticket, at: datetime) -> Accepted:
    """Look new terms over and have them sent."""
    facts = facts_of(wanted, asked.account, at, user=asked.user)
    found = refusals(problems_of(order, wanted, facts))
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


def waiting_orders(account: BrokerAccount) -> list[OrderTask]:
    """Give the new orders and changes that have not left; exits and cancels are left alone."""
    waiting = OrderTask.objects.filter(
        account=account, state=State.PENDING, kind__in=[Kind.PLACE, Kind.MODIFY], is_exit=False
    )
    return list(waiting.select_related("account").order_by("sequence"))


def withdraw_all(asked: Asked) -> list[OrderTask]:
    """Withdraw what waits; it comes before `cancel_all`, or it would leave after it."""
    withdrawn = []
    for task in waiting_orders(asked.account):
        with suppress(NotAccepted):  # it has just left, or ended
            withdrawn.append(operator.withdraw(task, who=asked.name))
    return withdrawn


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
    facts = facts_of(ticket, asked.account, at, user=asked.user, is_exit=True)
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
