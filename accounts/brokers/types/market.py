"""Instruments, prices, and what an order would cost."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from accounts.brokers.types.raw import ZERO, Raw
from accounts.brokers.words import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What can be traded, or an index that can be watched. Its key is exchange and symbol."""

    exchange: str
    symbol: str
    instrument_token: int
    exchange_token: str
    name: str
    kind: str  # EQ, FUT, CE, PE
    segment: str
    lot_size: int
    tick_size: Decimal
    expiry: date | None = None
    strike: Decimal | None = None
    last_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundInstrument:
    """A mutual fund that can be bought."""

    symbol: str  # an ISIN
    amc: str
    name: str
    can_buy: bool
    can_sell: bool
    minimum_amount: Decimal
    amount_multiplier: Decimal
    minimum_more: Decimal
    minimum_units: Decimal
    units_multiplier: Decimal
    dividend: str
    scheme: str
    plan: str
    settlement: str
    last_price: Decimal
    priced_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ohlc:
    """The day so far; `close` is the close before it."""

    instrument_token: int
    last_price: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """One step of the book."""

    price: Decimal
    quantity: int
    orders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A price with everything around it."""

    instrument_token: int
    last_price: Decimal
    open: Decimal = ZERO
    high: Decimal = ZERO
    low: Decimal = ZERO
    close: Decimal = ZERO
    last_quantity: int = 0
    average_price: Decimal = ZERO
    volume: int = 0
    buy_quantity: int = 0
    sell_quantity: int = 0
    oi: int = 0
    oi_high: int = 0
    oi_low: int = 0
    lower_circuit: Decimal = ZERO
    upper_circuit: Decimal = ZERO
    bids: tuple[Depth, ...] = ()
    offers: tuple[Depth, ...] = ()
    quoted_at: datetime | None = None
    traded_at: datetime | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One stretch of prices, named by its beginning."""

    at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    oi: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRange:
    """Between which triggers a cover order is taken."""

    instrument_token: int
    lower: Decimal
    upper: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargedOrder:
    """An order that was executed, or might be, whose charges we want to know."""

    order_id: str
    exchange: str
    symbol: str
    side: Side
    quantity: int
    average_price: Decimal
    product: str
    order_type: str
    variety: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """What an order costs beside its price."""

    total: Decimal
    brokerage: Decimal = ZERO
    transaction_tax: Decimal = ZERO
    transaction_tax_kind: str = ""  # stt or ctt
    exchange_fee: Decimal = ZERO
    sebi_fee: Decimal = ZERO
    stamp_duty: Decimal = ZERO
    gst: Decimal = ZERO
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What an order blocks."""

    exchange: str
    symbol: str
    total: Decimal
    span: Decimal = ZERO
    exposure: Decimal = ZERO
    option_premium: Decimal = ZERO
    additional: Decimal = ZERO
    cash: Decimal = ZERO
    var: Decimal = ZERO
    leverage: Decimal = ZERO
    charges: Charges | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketMargin:
    """What several orders block: one after the other, and together."""

    initial: Margin
    final: Margin
    orders: tuple[Margin, ...]
    charges: Charges | None = None

    @property
    def benefit(self) -> Decimal:
        """Tell what is saved by holding them together."""
        return self.initial.total - self.final.total
