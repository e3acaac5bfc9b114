"""Who is logged in, until when, and what their broker lets them do."""

from dataclasses import dataclass, field
from datetime import datetime

from accounts.brokers.types.raw import Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who the session belongs to and what the broker lets them do."""

    user_id: str
    name: str
    short_name: str = ""
    email: str = ""
    broker: str = ""
    exchanges: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    order_types: tuple[str, ...] = ()
    raw: Raw = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSession:
    """A log-in that the broker granted. The tokens never show in a repr."""

    user_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    feed_token: str = field(default="", repr=False)
    logged_in_at: datetime
    expires_at: datetime
    profile: Profile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew:
    """How far the broker's clock is ahead of ours, in seconds, give or take."""

    seconds: float
    uncertainty: float
    measured_at: datetime
