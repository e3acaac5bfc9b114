"""Rows that limits are compared with: limits, positions as they were read, orders that work."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from accounts.brokers.types import OrderUpdate, Position
from accounts.brokers.words import OrderStatus
from orders import book
from orders.datasets import Dataset, Part
from orders.engine import store
from orders.risk import checking
from orders.risk.models import RiskLimits
from portfolio.state import PositionRow
from tests.engine.desk import give, limit


def limits(account=None, user=None, **most):
    return RiskLimits.objects.create(account=account, user=user, **most)


def read(account, *parts, age=0.0):
    """Let these parts have been read so many seconds ago."""
    for part in parts or (Part.POSITIONS, Part.ORDERS):
        at = store.now() - timedelta(seconds=age)
        stands_so = {"synced_at": at, "asked_at": at}
        Dataset.objects.update_or_create(account=account, part=part, defaults=stands_so)


def holds(account, quantity, *, symbol="INFY", exchange="NSE", price="1500", **facts):
    row = Position(
        exchange=exchange, symbol=symbol, product="CNC", quantity=quantity,
        last_price=Decimal(price), **facts,
    )  # fmt: skip
    PositionRow.objects.create(account=account, synced_at=store.now(), **PositionRow.columns(row))


def stands(account, order_id="9", *, side="BUY", quantity=1, price="1450", age=30.0, **facts):
    """Let an order of this account stand in the book; it was heard of so many seconds ago."""
    at = store.now() - timedelta(seconds=age)
    told: dict[str, Any] = {
        "order_id": order_id, "status": OrderStatus.OPEN, "status_text": "OPEN", "exchange": "NSE",
        "symbol": "INFY", "side": side, "order_type": "LIMIT", "product": "CNC", "variety": "regular",
        "validity": "DAY", "quantity": quantity, "filled_quantity": 0, "price": Decimal(price),
        "ordered_at": at,
    }  # fmt: skip
    book.absorb(account, [OrderUpdate(**told | facts)], heard_from="sync", at=at)


def refusal(account, order=None, **more):
    """Say what the engine would say of an order that is about to leave."""
    task = give(account, order or limit(), **more)
    return checking.why_not(task, account, store.now())
