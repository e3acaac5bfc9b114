"""Rows as a broker tells them, and what a list of fills makes of them the slow way."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.brokers.types import Holding, Position
from portfolio.valuation import value_holding, value_position

D = Decimal
NO_PRICE, ONE = D(0), D(1)
INFY: dict[str, Any] = {"exchange": "NSE", "symbol": "INFY", "quantity": 0}


@dataclass(frozen=True)
class Bought:
    """One fill: below nought it was a sale."""

    quantity: int
    price: Decimal


def position(**facts: Any):
    return Position(**INFY | {"product": "MIS"} | facts)


def holding(**facts: Any):
    return Holding(**INFY | facts)


def valued(row, *, account="FAM", environment="live", **more):
    work_out = value_position if isinstance(row, Position) else value_holding
    return work_out(row, account=account, environment=environment, **more)


def position_of(fills, *, carried=(), last=NO_PRICE, close=NO_PRICE, multiplier=ONE):
    """Add fills up as a broker does."""
    day_buys, day_sells = sides(fills)
    old_buys, old_sells = sides(carried)
    overnight = units(old_buys) - units(old_sells)
    buys, sells = [*old_buys, *day_buys], [*old_sells, *day_sells]
    return position(
        quantity=units(buys) - units(sells),
        overnight_quantity=overnight,
        multiplier=multiplier,
        last_price=last,
        close_price=close,
        buy_quantity=units(buys),
        buy_value=worth(buys) * multiplier,
        sell_quantity=units(sells),
        sell_value=worth(sells) * multiplier,
        day_buy_quantity=units(day_buys),
        day_buy_value=worth(day_buys) * multiplier,
        day_sell_quantity=units(day_sells),
        day_sell_value=worth(day_sells) * multiplier,
    )


def sides(fills):
    buys = [(fill.quantity, fill.price) for fill in fills if fill.quantity > 0]
    return buys, [(-fill.quantity, fill.price) for fill in fills if fill.quantity < 0]


def units(side):
    return sum(quantity for quantity, _ in side)


def worth(side):
    return sum((quantity * price for quantity, price in side), D(0))


def slow_pnl(fills, last, multiplier):
    """What each fill gained by now, one after the other."""
    return sum((fill.quantity * (last - fill.price) * multiplier for fill in fills), D(0))
