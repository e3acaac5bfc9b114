"""Saying that orders stand differently: on open pages, and to whoever keeps what they change."""

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderStatus
from orders import datasets
from orders.datasets import Part
from orders.ledger import Order
from tradedesk import live

# What is said of an order of which the broker says nothing in words.
SAID = {
    OrderStatus.RECEIVED: "Order received",
    OrderStatus.TRIGGER_PENDING: "Order waits for its trigger",
    OrderStatus.OPEN: "Order open",
    OrderStatus.MODIFYING: "Order being changed",
    OrderStatus.CANCELLING: "Order being cancelled",
    OrderStatus.COMPLETE: "Order executed",
    OrderStatus.CANCELLED: "Order cancelled",
    OrderStatus.REJECTED: "Order rejected",
}


def tell(account: BrokerAccount, orders: Sequence[Order], *, has_fills: bool) -> None:
    """Say how these orders stand, once that is committed; what a fill changes is asked for at once."""
    if not orders:
        return
    datasets.look_different(account.pk, Part.ORDERS)
    for one in orders:
        live.announce(live.account_group(account.pk), event_of(one))
    if has_fills:
        renew = partial(datasets.renew_soon, account.pk, datasets.CHANGED_BY_FILLS)
        transaction.on_commit(renew, robust=True)


def event_of(order: Order) -> live.OrderChanged:
    return {
        "type": "order.changed",
        "account": order.account_id,
        "order_id": order.order_id,
        "status": order.status,
        "filled_quantity": order.filled_quantity,
        "average_price": str(order.average_price),
        "status_message": order.message or SAID[OrderStatus(order.status)],
    }
