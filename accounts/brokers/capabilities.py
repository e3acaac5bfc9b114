"""What a broker can do, as data: nothing above has to know which broker it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from accounts.brokers.words import (
    CallClass,
    GttKind,
    Interval,
    OrderType,
    Product,
    Validity,
    Variety,
)

IST = ZoneInfo("Asia/Kolkata")


class Auth(StrEnum):
    """How a person gets a session."""

    REDIRECT = "redirect"  # to the broker's log-in page and back
    CODE = "code"  # user, PIN and a one-time code, from our own form
    KEY = "key"  # a key and secret that open the connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """At most so many calls in any stretch of so many seconds; `seconds` 0 is the Indian day.

    Calls of several classes may share a log. `after_restart` holds in the seconds after the
    limiter's memory was lost, while nobody knows what was sent just before.
    """

    log: str
    seconds: float
    most: int
    after_restart: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """When sessions end. What was made before `settled` may end earlier than it says."""

    ends: time
    settled: time
    can_refresh: bool = False
    can_log_in_alone: bool = False  # with stored credentials, where the operator allows it

    def expires_at(self, logged_in_at: datetime) -> datetime:
        """Tell when a session made at this moment ends."""
        local = logged_in_at.astimezone(IST)
        end = datetime.combine(local.date(), self.ends, IST)
        return end if local < end else datetime.combine(local.date() + timedelta(1), self.ends, IST)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRules:
    """What a tag may look like, and whether orders show it again."""

    longest: int
    alphabet: str
    is_echoed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """What the broker pushes."""

    ticks: bool = False
    orders: bool = False
    most_sockets: int = 0
    most_instruments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one broker offers in one environment."""

    auth: Auth
    session: SessionPolicy
    exchanges: frozenset[str]
    varieties: frozenset[Variety]
    products: frozenset[Product]
    order_types: frozenset[OrderType]
    validities: frozenset[Validity]
    intervals: frozenset[Interval]
    tags: TagRules
    limits: Mapping[CallClass, tuple[Rule, ...]]
    streams: Streams = field(default_factory=Streams)
    gtt: frozenset[GttKind] = frozenset()
    has_margins: bool = False
    has_basket_margins: bool = False
    has_charges: bool = False
    has_conversion: bool = False
    has_alerts: bool = False
    has_funds: bool = False  # mutual funds
    has_autoslice: bool = False
    needs_static_ip: bool = False
    needs_market_protection: bool = False
    automatic_protection: Decimal | None = None  # what leaves the percentage to the broker
    most_modifications: int | None = None
    most_slices: int | None = None
    quotes_per_call: int = 1
    prices_per_call: int = 1
