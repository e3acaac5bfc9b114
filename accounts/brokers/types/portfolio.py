"""What an account holds, owes and can spend."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from accounts.brokers.types.raw import ZERO, Raw
from accounts.brokers.words import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One instrument and product; signed, closed ones stay with quantity 0 until the day ends."""

    exchange: str
    symbol: str
    instrument_token: int | None = None
    product: str
    quantity: int
    overnight_quantity: int = 0
    multiplier: Decimal = Decimal(1)
    average_price: Decimal = ZERO
    close_price: Decimal = ZERO
    last_price: Decimal = ZERO
    value: Decimal = ZERO
    pnl: Decimal = ZERO
    m2m: Decimal = ZERO
    realised: Decimal = ZERO
    unrealised: Decimal = ZERO
    buy_quantity: int = 0
    buy_price: Decimal = ZERO
    buy_value: Decimal = ZERO
    sell_quantity: int = 0
    sell_price: Decimal = ZERO
    sell_value: Decimal = ZERO
    day_buy_quantity: int = 0
    day_buy_price: Decimal = ZERO
    day_buy_value: Decimal = ZERO
    day_sell_quantity: int = 0
    day_sell_price: Decimal = ZERO
    day_sell_value: Decimal = ZERO
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """The positions with what was carried overnight, and today's trades alone."""

    net: tuple[Position, ...]
    day: tuple[Position, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Shares that are the account's own."""

    exchange: str
    symbol: str
    instrument_token: int | None = None
    isin: str = ""
    product: str = ""
    quantity: int  # settled
    t1_quantity: int = 0  # bought, not delivered yet
    used_quantity: int = 0  # sold today
    opening_quantity: int = 0
    realised_quantity: int = 0
    collateral_quantity: int = 0  # pledged
    collateral_type: str = ""
    authorised_quantity: int = 0
    authorised_at: datetime | None = None
    mtf_quantity: int = 0
    mtf_average_price: Decimal = ZERO
    mtf_initial_margin: Decimal = ZERO
    average_price: Decimal = ZERO
    last_price: Decimal = ZERO
    close_price: Decimal = ZERO
    pnl: Decimal = ZERO
    day_change: Decimal = ZERO  # a share
    day_change_percent: Decimal = ZERO
    has_discrepancy: bool = False
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionLot:
    """Shares that may be offered in today's auction, and its number."""

    auction_number: str
    exchange: str
    symbol: str
    quantity: int
    last_price: Decimal = ZERO
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFunds:
    """The money of one segment."""

    is_enabled: bool
    net: Decimal
    cash: Decimal = ZERO
    opening_balance: Decimal = ZERO
    live_balance: Decimal = ZERO
    collateral: Decimal = ZERO
    intraday_payin: Decimal = ZERO
    adhoc_margin: Decimal = ZERO
    used: Decimal = ZERO
    span: Decimal = ZERO
    exposure: Decimal = ZERO
    option_premium: Decimal = ZERO
    m2m_realised: Decimal = ZERO
    m2m_unrealised: Decimal = ZERO
    holding_sales: Decimal = ZERO
    delivery: Decimal = ZERO
    payout: Decimal = ZERO
    turnover: Decimal = ZERO
    liquid_collateral: Decimal = ZERO
    stock_collateral: Decimal = ZERO
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """The money of an account; a segment the broker does not offer is None."""

    equity: SegmentFunds | None
    commodity: SegmentFunds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A position, or a part of it, that we want under another product."""

    exchange: str
    symbol: str
    side: Side  # of the trade that made the position
    quantity: int
    old_product: str
    new_product: str
    is_overnight: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """A request to the depository to let shares be sold; a person answers it in the browser."""

    request_id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FundOrder:
    """A mutual fund order."""

    order_id: str
    fund: str
    symbol: str  # an ISIN
    status: str
    message: str = ""
    side: Side
    amount: Decimal = ZERO
    quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    last_price: Decimal = ZERO
    folio: str = ""
    tag: str | None = None
    ordered_at: datetime | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundPlan:
    """A mutual fund bought in instalments."""

    plan_id: str
    fund: str
    symbol: str
    status: str
    side: Side
    frequency: str
    amount: Decimal
    instalments: int  # -1: without end
    completed: int = 0
    pending: int = 0
    next_on: date | None = None
    last_at: datetime | None = None
    made_at: datetime | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundHolding:
    """Units of a mutual fund."""

    folio: str
    fund: str
    symbol: str
    quantity: Decimal
    pledged_quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    last_price: Decimal = ZERO
    priced_on: date | None = None
    pnl: Decimal = ZERO
    raw: Raw = field(default_factory=dict, repr=False)
