"""Money and time as whole numbers: 1/10,000 of a rupee, and milliseconds shown in IST."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

RUPEE = 10_000  # a currency tick of Rs 0.0025 is still a whole number
PAISA = 100
SECOND = 1_000
MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000
IST = 19_800_000  # IST is UTC plus five and a half hours
ROLL = 6 * HOUR  # the trading day, the tokens and the order book turn over at 06:00 IST
EPOCH_ORDINAL = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
LARGEST = 10**15  # no honest amount is larger than Rs 100 billion


def units(value: Any) -> int:
    """Read an amount in rupees; raises ValueError for anything but a plain amount."""
    return _units_of(str(value))


@lru_cache(8192)
def _units_of(value: str) -> int:
    try:
        exact = Decimal(value) * RUPEE
    except ArithmeticError:  # also the overflow of 1e999999999
        raise ValueError(value) from None
    if not exact.is_finite() or abs(exact) > LARGEST:
        raise ValueError(value)
    return int(exact.to_integral_value(ROUND_HALF_UP))


def rupees(amount: int) -> float:
    """An amount as JSON carries it; the shortest decimal comes back out exactly."""
    return amount / RUPEE


def ratio(amount: int, quantity: int) -> float:
    """An average price as Kite shows it: up to four decimals, 0 of nothing."""
    return round(amount / (quantity * RUPEE), 4) if quantity else 0.0


def to_paisa(amount: Decimal) -> int:
    """Round a computed amount of units to whole paise."""
    return int((amount / PAISA).quantize(Decimal(1), ROUND_HALF_UP)) * PAISA


@lru_cache(4096)
def _stamp(second: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second, milliseconds=IST)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def stamp(at: int) -> str:
    """A moment as Kite writes it: IST without saying so."""
    return _stamp(at // SECOND)


def stamp_or_none(at: int) -> str | None:
    """As `stamp`; 0 stands for not yet."""
    return _stamp(at // SECOND) if at else None


def moment(text: str) -> int:
    """Read a date or date and time in IST; raises ValueError."""
    plain = text.strip().replace("T", " ")
    parsed = datetime.fromisoformat(plain).replace(tzinfo=UTC)
    return int(parsed.timestamp()) * SECOND - IST


def ordinal(at: int) -> int:
    """The calendar day in IST, as `date.toordinal` counts."""
    return (at + IST) // DAY + EPOCH_ORDINAL


def midnight(day: int) -> int:
    """The first millisecond of a calendar day in IST."""
    return (day - EPOCH_ORDINAL) * DAY - IST


def clock_time(text: str) -> int:
    """Milliseconds since midnight of "HH:MM"."""
    hours, minutes = text.split(":")
    return int(hours) * HOUR + int(minutes) * MINUTE
