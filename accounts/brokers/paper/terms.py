"""What goes into the exchange and what comes out of it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """One thing the exchange is asked to do; journalled as it stands."""

    op: str
    args: dict[str, Any]
    at: int  # exchange time in milliseconds since the epoch, never going backwards
    user: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened and that somebody outside may want to know."""

    kind: str  # "order", "tick", "tokens_expired", "gtt", "alert", "message"
    user: str  # whose news it is, "" for everybody's
    data: dict[str, Any]
    api_key: str = ""  # of an order: the app that placed it, to which postbacks go


class Refusal(Exception):
    """The exchange says no, in the words and with the status that Kite uses."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        error_type: str = "InputException",
        data: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.error_type = error_type
        self.data = data


Level = tuple[int, int, int]  # quantity, price, orders


@dataclass(frozen=True, slots=True)
class Tick:
    """The newest values of one instrument, integers as they travel in a binary packet."""

    token: int
    tradable: bool  # an index has no trades, depth or interest of its own
    last_price: int
    last_quantity: int
    average_price: int
    volume: int
    buy_quantity: int
    sell_quantity: int
    open: int
    high: int
    low: int
    close: int
    change: int
    last_trade_time: int  # seconds since the epoch
    oi: int
    oi_day_high: int
    oi_day_low: int
    exchange_time: int  # seconds since the epoch
    bids: tuple[Level, ...] = field(default=())  # always five on a tradable instrument
    offers: tuple[Level, ...] = field(default=())
