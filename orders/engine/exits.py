"""Closing what is open: an exit never sells more than there is, whatever happened since the click."""

from typing import Any

from accounts.brokerage import BrokerAccount
from accounts.brokers.base import Broker
from accounts.brokers.types import OrderRequest
from accounts.brokers.words import OrderType, Side, Variety
from accounts.lines import line_to
from orders.engine import core, store
from orders.engine.models import OrderTask
from orders.engine.spelling import CAPPED, read_order, spell


def closing(
    *, exchange: str, symbol: str, product: Any, net: int, protection: Any = None
) -> OrderRequest:
    """Make the order that closes a position."""
    return OrderRequest(
        exchange=exchange,
        symbol=symbol,
        side=Side.SELL if net > 0 else Side.BUY,
        quantity=abs(net),
        product=product,
        order_type=OrderType.MARKET,
        variety=Variety.REGULAR,
        market_protection=protection,
    )


def cap(task: OrderTask, account: BrokerAccount) -> str:
    """Read the position at the broker and make the exit no larger; say why it must not leave at all."""
    order = read_order(task.params)
    with line_to(account) as broker:
        left = open_quantity(broker, order)
    if left <= 0:
        return "There is nothing left to close: the position is gone, or other orders close it already."
    if left < order.quantity:
        params = spell(order) | {"quantity": left, CAPPED: True}
        store.move(task, core.cap(task, params))
    return ""


def open_quantity(broker: Broker, order: OrderRequest) -> int:
    """Tell how much this side can still close: the position less what works against it already."""
    place = (order.exchange, order.symbol, order.product)
    net = sum(
        row.quantity
        for row in broker.positions().net
        if (row.exchange, row.symbol, row.product) == place
    )
    sign = 1 if order.side is Side.SELL else -1
    working = sum(
        told.pending_quantity
        for told in broker.orders()
        if (told.exchange, told.symbol, told.product) == place and told.side is order.side
    )
    return sign * net - working
