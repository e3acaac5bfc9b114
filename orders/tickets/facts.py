"""What a ticket is judged by: everything that the rules look at, gathered beforehand."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from accounts.brokers.capabilities import Capabilities
from accounts.brokers.words import Exchange
from tradedesk.times import in_ist

PRICE_AGE = timedelta(seconds=5)  # a last price older than this proves nothing
BAND_AGE = timedelta(seconds=60)  # circuit limits move, but not with every trade
CASH = frozenset({Exchange.NSE, Exchange.BSE})
CONTRACTS = frozenset(Exchange) - CASH


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The instrument as the newest list has it. What is None is not known."""

    exchange: str
    symbol: str
    kind: str  # EQ, INDEX, FUT, CE, PE
    lot_size: int
    tick_size: Decimal
    freeze_quantity: int | None = None
    expiry: date | None = None
    is_active: bool = True
    multiplier: Decimal | None = Decimal(1)  # 1000 where a quantity counts contracts of 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most that one order may be, as set for the account; None sets no cap."""

    quantity: int | None = None
    value: Decimal | None = None
    distance: Decimal | None = None  # per cent between a limit price and the last price


class Only(StrEnum):
    """A restriction of one instrument at this broker."""

    INTRADAY = "intraday"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """An instrument on one of the lists, and why."""

    only: Only
    why: str = ""


class Seen(Protocol):
    """Something that was seen in the market at a moment."""

    @property
    def at(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPrice:
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The circuit limits: the exchange takes no price outside."""

    lower: Decimal
    upper: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the rules may look at.

    What is ours to know (the listing, caps, restrictions) has no default: None says that it could
    not be read, and then the ticket is refused. What the market tells may be missing.
    """

    at: datetime
    capabilities: Capabilities
    listing: Listing | None
    caps: Caps | None
    restrictions: tuple[Restriction, ...] | None
    account_exchanges: frozenset[str] | None = None  # as the broker's profile tells them
    account_products: frozenset[str] | None = None
    last: LastPrice | None = None
    band: Band | None = None
    # An order that only makes a position smaller, by at most its size: whoever knows the position
    # says so. Lists and caps are there to keep positions small, so they do not hold it back.
    is_exit: bool = False

    @property
    def today(self) -> date:
        return in_ist(self.at).date()

    def age(self, seen: Seen) -> timedelta:
        return max(self.at - seen.at, timedelta(0))

    @property
    def fresh_price(self) -> Decimal | None:
        if self.last is None or self.age(self.last) > PRICE_AGE:
            return None
        return self.last.price

    @property
    def fresh_band(self) -> Band | None:
        if self.band is None or self.age(self.band) > BAND_AGE:
            return None
        return self.band
