"""What the parts of the contract share: how an answer is looked at, and how orders are made."""

import dataclasses
from datetime import date, datetime, timedelta
from decimal import Decimal

from accounts.brokers.types import OrderRequest, OrderStatus, OrderType, Product, Side
from tests.patience import until

KEY = "NSE:INFY"


def plain(value, path="answer"):
    """Walk through an answer: no float, no naive time, nothing but our own types."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            plain(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, dict):
        for name, one in value.items():
            plain(one, f"{path}[{name}]")
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            plain(one, f"{path}[{index}]")
    elif isinstance(value, datetime):
        assert value.utcoffset() == timedelta(hours=5, minutes=30), f"{path} is {value}"
    else:
        allowed = str | int | Decimal | bool | date | None
        assert isinstance(value, allowed), f"{path} is a {type(value)}"
    return value


class Contract:
    """Run by each adapter's own test class, which gives `desk`."""

    def order(self, desk, tag="", **more):
        terms = {
            "exchange": "NSE",
            "symbol": "INFY",
            "side": Side.BUY,
            "quantity": 2,
            "product": Product.CNC,
            "order_type": OrderType.LIMIT,
            "price": desk.far_below,
            "tag": tag or desk.new_tag(),
        }
        return OrderRequest(**{**terms, **more})

    def placed(self, desk, **more):
        order = self.order(desk, **more)
        placed = desk.broker.place(order)
        return until(
            lambda: next(
                (
                    one
                    for one in desk.broker.find_by_tag(order.tag)
                    if one.order_id == placed.order_id and one.status is OrderStatus.OPEN
                ),
                None,
            )
        )

    def market(self, desk, **more):
        protection = desk.broker.capabilities.automatic_protection
        more = {
            "order_type": OrderType.MARKET,
            "price": None,
            "market_protection": protection,
            **more,
        }
        order = self.order(desk, **more)
        placed = desk.broker.place(order)
        return until(lambda: self.complete(desk, placed.order_id))

    def complete(self, desk, order_id):
        last = desk.broker.order_history(order_id)[-1]
        return last if last.status is OrderStatus.COMPLETE else None

    def instrument(self, desk, symbol="INFY"):
        with desk.broker.instruments("NSE") as found:
            return next(one for one in found if one.symbol == symbol)
