"""Closing what is open: an exit never sells more than there is, whatever happened since the click."""

from collections.abc import Iterable

from django.db.models import Q

from accounts.brokerage import BrokerAccount
from accounts.brokers.base import Broker
from accounts.brokers.errors import TradedeskError
from accounts.brokers.types import OrderRequest, OrderUpdate
from accounts.brokers.words import Side
from accounts.lines import line_to
from orders.engine import core, store
from orders.engine.core import Phase, State
from orders.engine.models import Kind, OrderTask
from orders.engine.spelling import read_order


class Unclear(TradedeskError):
    """Nobody knows yet what is left to close."""


def cap(task: OrderTask, account: BrokerAccount) -> str:
    """Read the position at the broker and make the exit no larger; say why it must not leave at all."""
    order = read_order(task.params)
    with line_to(account) as broker:
        left = open_quantity(broker, order, task)
        if left < order.quantity:  # perhaps something was just being filled
            left = open_quantity(broker, order, task)
    if left <= 0:
        return (
            "There is nothing left to close: the position is gone, or orders that work close it already. "
            "Look at the order book; cancel those first if this one is to go instead."
        )
    if left < order.quantity:
        store.move(task, core.cap(task, task.params | {"quantity": left}))
    return ""


def open_quantity(broker: Broker, order: OrderRequest, task: OrderTask) -> int:
    """Tell how much this side can still close: the position less what works against it already.

    The orders are read first: what is filled between the two counts twice, and never not at all.
    """
    place = (order.exchange, order.symbol, order.product)
    told = broker.orders()
    if unclear := unclear_closings(task, told):
        raise Unclear(
            f"{unclear[0].code} may close it already: the broker is asked what became of it."
        )
    working = sum(
        one.coming_quantity
        for one in told
        if (one.exchange, one.symbol, one.product) == place and one.side is order.side
    )
    net = sum(
        row.quantity
        for row in broker.positions().net
        if (row.exchange, row.symbol, row.product) == place
    )
    sign = 1 if order.side is Side.SELL else -1
    return sign * net - working


def unclear_closings(task: OrderTask, told: Iterable[OrderUpdate]) -> list[OrderTask]:
    """Give what may do the same at the broker, without standing in its book."""
    seen = {tag for one in told for tag in (one.tag, *one.tags)}
    sent = Q(state=State.UNKNOWN) | Q(state=State.RUNNING, phase=Phase.SENDING)
    place = {name: task.params[name] for name in ("side", "product")}
    same = OrderTask.objects.filter(
        sent, account=task.account_id, kind=Kind.PLACE, exchange=task.exchange, symbol=task.symbol,
        **{f"params__{name}": value for name, value in place.items()},
    )  # fmt: skip
    return [one for one in same.exclude(pk=task.pk) if seen.isdisjoint(store.tags_of(one))]
