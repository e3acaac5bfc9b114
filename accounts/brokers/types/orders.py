"""Orders as we ask for them and as a broker shows them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from accounts.brokers.types.raw import ZERO, Raw
from accounts.brokers.words import OrderStatus, OrderType, Product, Side, Validity, Variety


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order that we want placed."""

    exchange: str
    symbol: str
    side: Side
    quantity: int
    product: Product
    order_type: OrderType
    variety: Variety = Variety.REGULAR
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: Validity = Validity.DAY
    validity_minutes: int | None = None  # for TTL
    disclosed_quantity: int | None = None
    iceberg_legs: int | None = None
    iceberg_quantity: int | None = None
    auction_number: str | None = None
    market_protection: Decimal | None = None  # per cent; -1 leaves it to the broker
    tag: str | None = None  # how the order is found again
    algo_id: str | None = None
    autoslice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """New terms for a working order; what is None stays. `quantity` is the new total."""

    order_id: str
    variety: Variety = Variety.REGULAR
    parent_order_id: str | None = None
    quantity: int | None = None
    price: Decimal | None = None
    order_type: OrderType | None = None
    trigger_price: Decimal | None = None
    validity: Validity | None = None
    disclosed_quantity: int | None = None
    market_protection: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One of the orders that a large one was cut into: its id, or why it was refused."""

    order_id: str | None
    refusal: str = ""
    error_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order that the broker registered. Registered is not executed: it may be rejected yet."""

    order_id: str  # of a sliced order its parent, or the first slice where there is no parent
    slices: tuple[Slice, ...] = ()
    raw: Raw = field(default_factory=dict, repr=False)

    @property
    def order_ids(self) -> tuple[str, ...]:
        """Tell every order that stands in the book because of this request."""
        return tuple(one.order_id for one in self.slices if one.order_id) or (self.order_id,)

    @property
    def is_whole(self) -> bool:
        """Tell whether no slice was refused."""
        return all(one.order_id for one in self.slices)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdate:
    """An order as the broker showed it at one moment: a row of the book or a step of its history."""

    order_id: str
    status: OrderStatus
    status_text: str  # the broker's own word
    message: str = ""
    raw_message: str = ""
    exchange: str
    symbol: str
    instrument_token: int | None = None
    side: Side
    order_type: str
    product: str
    variety: str
    validity: str
    validity_minutes: int | None = None
    quantity: int
    filled_quantity: int
    cancelled_quantity: int = 0
    disclosed_quantity: int = 0
    held_back_quantity: int = 0  # of an iceberg, behind this leg
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO
    average_price: Decimal = ZERO
    market_protection: Decimal = ZERO
    exchange_order_id: str | None = None
    parent_order_id: str | None = None
    placed_by: str = ""
    tag: str | None = None
    tags: tuple[str, ...] = ()
    is_modified: bool = False
    ordered_at: datetime | None = None
    exchange_at: datetime | None = None
    updated_at: datetime | None = None
    odd: str = ""  # what of it is new to us
    raw: Raw = field(default_factory=dict, repr=False)

    @property
    def pending_quantity(self) -> int:
        """Tell what can still be filled; brokers' own figure is not reliable after the end."""
        return 0 if self.status.is_final else self.quantity - self.filled_quantity

    @property
    def coming_quantity(self) -> int:
        """Tell what can still be filled by it and by the legs that follow it."""
        return 0 if self.status.is_final else self.pending_quantity + self.held_back_quantity

    def is_tagged(self, tag: str) -> bool:
        """Tell whether it carries our tag, among whatever the broker added."""
        return tag == self.tag or tag in self.tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution."""

    trade_id: str
    order_id: str
    exchange: str
    symbol: str
    instrument_token: int | None = None
    side: Side
    product: str
    quantity: int
    price: Decimal
    filled_at: datetime | None = None
    exchange_at: datetime | None = None
    exchange_order_id: str | None = None
    raw: Raw = field(default_factory=dict, repr=False)
