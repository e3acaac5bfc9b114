"""Closing what is open: an exit never sells more than there is, whatever happened since the click."""

from accounts.brokerage import BrokerAccount
from accounts.brokers.base import Broker
from accounts.brokers.types import OrderRequest
from accounts.brokers.words import Side
from accounts.lines import line_to
from orders.engine import core, store
from orders.engine.models import OrderTask
from orders.engine.spelling import read_order


def cap(task: OrderTask, account: BrokerAccount) -> str:
    """Read the position at the broker and make the exit no larger; say why it must not leave at all."""
    order = read_order(task.params)
    with line_to(account) as broker:
        left = open_quantity(broker, order)
        if left < order.quantity:  # perhaps something was just being filled
            left = open_quantity(broker, order)
    if left <= 0:
        return "There is nothing left to close: the position is gone, or other orders close it already."
    if left < order.quantity:
        params = task.params | {"quantity": left}
        store.move(task, core.cap(task, params))
    return ""


def open_quantity(broker: Broker, order: OrderRequest) -> int:
    """Tell how much this side can still close: the position less what works against it already.

    The orders are read first: what is filled between the two counts twice, and never not at all.
    """
    place = (order.exchange, order.symbol, order.product)
    working = sum(
        told.pending_quantity
        for told in broker.orders()
        if (told.exchange, told.symbol, told.product) == place and told.side is order.side
    )
    net = sum(
        row.quantity
        for row in broker.positions().net
        if (row.exchange, row.symbol, row.product) == place
    )
    sign = 1 if order.side is Side.SELL else -1
    return sign * net - working
