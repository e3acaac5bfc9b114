"""What becomes of orders and positions that stand: new terms, cancelling one or all, closing."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderRequest
from accounts.brokers.words import OrderType, Product, Side
from orders.changes import change_of, problems_of, rebased, ticket_of
from orders.engine import asking, operator
from orders.engine.accept import Accepted, Asked, NotAccepted, PossibleDuplicate
from orders.engine.core import State
from orders.engine.models import Kind, OrderTask
from orders.engine.spelling import spell
from orders.front import Refused, facts_of, working_orders
from orders.ledger import Order
from orders.tickets import Facts, Ticket, check, refusals
from orders.tickets.quantities import freeze, slices

MOST_PIECES = 50  # of one exit; beyond it something is wrong


def modify(
    asked: Asked, order: Order, wanted: Ticket, at: datetime, *, opened: Ticket | None = None
) -> Accepted:
    """Look new terms over and send what differs from those that were shown; a repeated key gives its task."""
    opened = opened or ticket_of(order)
    change = change_of(order, wanted, opened)
    if change and (earlier := asking.standing(asked, Kind.MODIFY, spell(change))):
        return earlier
    becomes = rebased(order, wanted, opened)
    facts = facts_of(becomes, asked.account, at, user=asked.user)
    found = refusals(problems_of(order, becomes, facts))
    if found:
        raise Refused(found)
    if change is None:
        raise NotAccepted("Nothing is changed yet. Enter new terms, or leave the order as it is.")
    return asking.modify(asked, change, order)


def cancel(asked: Asked, order: Order) -> Accepted:
    """Have an order ended; one wish that is on its way is enough, one that is unclear is not."""
    if earlier := asking.standing(asked, Kind.CANCEL, asking.spelt_cancel(order)):
        return earlier
    same = OrderTask.objects.on_their_way().filter(
        account=asked.account, kind=Kind.CANCEL, target=order.order_id
    )
    if task := same.first():
        return Accepted(task=task, is_replay=True)
    return asking.cancel(asked, order)


def waiting_orders(account: BrokerAccount) -> list[OrderTask]:
    """Give the new orders and changes that have not left; exits and cancels are left alone."""
    entries = Q(kind=Kind.PLACE, is_exit=False) | Q(kind=Kind.MODIFY)
    waiting = OrderTask.objects.filter(entries, account=account, state=State.PENDING)
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


@transaction.atomic
def close(
    asked: Asked,
    *,
    exchange: str,
    symbol: str,
    product: Product,
    net: int,
    protection: Decimal | None,
    at: datetime,
) -> list[Accepted]:
    """Close a position at the market, all of it or none; the engine makes it no larger than what is open then."""
    ticket = closing_ticket(
        exchange=exchange, symbol=symbol, product=product, net=net, protection=protection
    )
    facts = facts_of(ticket, asked.account, at, user=asked.user, is_exit=True)
    pieces = pieces_of(ticket, facts)
    parts = [
        (replace(asked, key=key_of(asked.key, number)), piece.request(), number)
        for number, piece in enumerate(pieces)
    ]
    stands = [
        asking.standing(ask, Kind.PLACE, asking.spelt_exit(order, number))
        for ask, order, number in parts
    ]
    if found := [one for one in stands if one]:
        return found
    if problems := [one for piece in pieces for one in refusals(check(piece, facts))]:
        raise Refused(problems)
    return [close_piece(*part) for part in parts]


def pieces_of(ticket: Ticket, facts: Facts) -> list[Ticket]:
    """Cut an exit into what the broker takes at once: whoever wants out wants out of all of it."""
    ways = [fix.of(ticket) for problem in freeze(ticket, facts) for fix in problem.fixes]
    if not ways:
        return [ticket]
    largest = max(ways, key=lambda way: way.quantity)
    sizes = slices(ticket.quantity, largest.quantity)
    if len(sizes) == 1:
        return [largest]
    if len(sizes) > MOST_PIECES:
        return [ticket]  # the rules say how much can leave
    return [one for size in sizes for one in pieces_of(replace(ticket, quantity=size), facts)]


def key_of(key: str, number: int) -> str:
    """Give each piece a key of its own; the first has the form's."""
    return f"{key}.{number}" if number else key


def close_piece(asked: Asked, order: OrderRequest, number: int) -> Accepted:
    """Close a part; whoever knowingly closes the first part again means the others, too."""
    if not number:
        return asking.close_position(asked, order)
    try:
        return asking.close_position(replace(asked, confirms=None), order, number)
    except PossibleDuplicate as question:
        if asked.confirms is None:
            raise
        again = replace(asked, confirms=question.earlier.pk)
        return asking.close_position(again, order, number)


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
