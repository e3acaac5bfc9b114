"""The words of the trade, in one spelling for every broker.

Each is a string, so it can be stored, compared and shown as it is. What a broker sends that stands
in none of these lists is passed on in the broker's own word and never stops a whole answer from
being read.
"""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a call that changes something at the broker."""

    ACCEPTED = "ACCEPTED"  # the broker registered it
    REJECTED = "REJECTED"  # the broker said no; the same request gets the same answer
    NOT_SENT = "NOT_SENT"  # certainly not registered; the same request may be sent again
    UNKNOWN = "UNKNOWN"  # nobody can tell; look for it at the broker, never send it again


class Line(StrEnum):
    """What a failure tells about the line to the broker; the breaker counts it."""

    BROKEN = "BROKEN"  # infrastructure: one more towards opening
    ALIVE = "ALIVE"  # a refusal is a sign of life: counts from nought again
    NEUTRAL = "NEUTRAL"  # says nothing about the line: log-in, limits, our own refusals


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def other(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"  # a limit order once the trigger is met
    SL_M = "SL-M"  # a market order once the trigger is met

    @property
    def has_price(self) -> bool:
        return self in {OrderType.LIMIT, OrderType.SL}

    @property
    def has_trigger(self) -> bool:
        return self in {OrderType.SL, OrderType.SL_M}


class Product(StrEnum):
    CNC = "CNC"  # shares to keep
    MIS = "MIS"  # today only
    NRML = "NRML"  # derivatives carried overnight
    MTF = "MTF"  # shares on margin
    CO = "CO"  # what a cover order comes back as


class Variety(StrEnum):
    REGULAR = "regular"
    AMO = "amo"  # entered while the market is closed
    COVER = "co"
    ICEBERG = "iceberg"
    AUCTION = "auction"


class Validity(StrEnum):
    DAY = "DAY"
    IOC = "IOC"
    TTL = "TTL"  # a number of minutes


class Exchange(StrEnum):
    NSE = "NSE"
    BSE = "BSE"
    NFO = "NFO"
    BFO = "BFO"
    CDS = "CDS"
    BCD = "BCD"
    MCX = "MCX"
    NCO = "NCO"


class OrderStatus(StrEnum):
    """Where an order stands at the broker."""

    RECEIVED = "RECEIVED"  # on its way through the broker's checks, or waiting for the session
    TRIGGER_PENDING = "TRIGGER PENDING"
    OPEN = "OPEN"
    MODIFYING = "MODIFYING"
    CANCELLING = "CANCELLING"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"

    @property
    def is_final(self) -> bool:
        return self in {OrderStatus.COMPLETE, OrderStatus.CANCELLED, OrderStatus.REJECTED}


class GttKind(StrEnum):
    SINGLE = "single"
    OCO = "two-leg"  # one cancels the other: a stop and a target


class GttStatus(StrEnum):
    ACTIVE = "active"
    TRIGGERED = "triggered"  # the condition was met; the order may have failed all the same
    DISABLED = "disabled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    DELETED = "deleted"


class Interval(StrEnum):
    MINUTE = "minute"
    MINUTES_3 = "3minute"
    MINUTES_5 = "5minute"
    MINUTES_10 = "10minute"
    MINUTES_15 = "15minute"
    MINUTES_30 = "30minute"
    HOUR = "60minute"
    DAY = "day"


class CallClass(StrEnum):
    """Which allowance of the broker a call is taken from."""

    ENTRY = "entry"  # place and modify
    EXIT = "exit"  # cancel, and whatever makes a position smaller: has slots of its own
    READ = "read"
    SYNC = "sync"  # reads by the routine sync: a share of READ
    QUOTE = "quote"
    HISTORICAL = "historical"

    @property
    def sends_orders(self) -> bool:
        return self in {CallClass.ENTRY, CallClass.EXIT}
