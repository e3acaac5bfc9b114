"""The parts of an account that orders are made of: where they come from and how they are kept."""

from collections.abc import Sequence
from datetime import datetime

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import Fill, Gtt, OrderUpdate
from orders import book
from orders.datasets import Part, Source


def keep_orders(account: BrokerAccount, told: Sequence[OrderUpdate], at: datetime) -> int:
    return book.absorb(account, told, heard_from="sync", at=at)


def keep_trades(account: BrokerAccount, told: Sequence[Fill], at: datetime) -> int:
    return book.record_trades(account, told, at=at)


def keep_gtts(account: BrokerAccount, told: Sequence[Gtt], at: datetime) -> int:
    return book.record_gtts(account, told, at=at)


SOURCES = (
    Source(
        part=Part.ORDERS,
        fetch=lambda broker: broker.orders(),
        key=lambda row: row.order_id,
        keep=keep_orders,
    ),
    Source(
        part=Part.TRADES,
        fetch=lambda broker: broker.trades(),
        key=lambda row: (row.exchange, row.trade_id),
        keep=keep_trades,
    ),
    Source(
        part=Part.GTTS,
        fetch=lambda broker: broker.gtts(),
        key=lambda row: row.gtt_id,
        keep=keep_gtts,
    ),
)
