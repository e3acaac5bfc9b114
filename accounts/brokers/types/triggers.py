"""What a broker watches for us: triggers that release orders, and alerts that only tell."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from accounts.brokers.types.raw import Raw
from accounts.brokers.words import GttKind, GttStatus, OrderType, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class GttLeg:
    """The limit order that a trigger releases, and what became of it."""

    side: Side
    quantity: int
    product: str
    price: Decimal
    order_type: str = OrderType.LIMIT
    order_id: str | None = None
    succeeded: bool | None = None  # None: not released yet
    rejection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GttRequest:
    """A trigger that we want kept at the broker: one leg, or a stop and a target."""

    kind: GttKind
    exchange: str
    symbol: str
    triggers: tuple[Decimal, ...]  # ascending: stop, target
    last_price: Decimal
    legs: tuple[GttLeg, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gtt:
    """A trigger kept at the broker until it fires, once."""

    gtt_id: str
    kind: str
    status: GttStatus | str
    exchange: str
    symbol: str
    triggers: tuple[Decimal, ...]
    last_price: Decimal
    legs: tuple[GttLeg, ...]
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRequest:
    """A price that somebody wants to hear of, against a constant or another instrument."""

    name: str
    exchange: str
    symbol: str
    operator: str  # <=, >=, <, >, ==
    constant: Decimal | None = None
    other_exchange: str | None = None
    other_symbol: str | None = None
    attribute: str = "LastTradedPrice"
    other_attribute: str = "LastTradedPrice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert kept at the broker."""

    alert_id: str
    name: str
    kind: str
    status: str
    disabled_reason: str = ""
    exchange: str
    symbol: str
    attribute: str
    operator: str
    constant: Decimal | None = None
    other_exchange: str = ""
    other_symbol: str = ""
    fired: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFiring:
    """One time that an alert's condition was met."""

    alert_id: str
    condition: str
    fired_at: datetime | None
    raw: Raw = field(default_factory=dict, repr=False)
