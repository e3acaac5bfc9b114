"""Single values, both ways: money, times and words as Kite writes them."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from accounts.brokers.capabilities import IST
from accounts.brokers.errors import InvalidRequest

KITE_TIME = "%Y-%m-%d %H:%M:%S"
NO_TIME = "0001-01-01"


class Unreadable(ValueError):
    """A value of an answer is not what it must be."""


# Outwards ------------------------------------------------------------------------------------


def as_text(value: object) -> str:
    """Spell a parameter; a Decimal never in powers of ten."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def as_number(value: Decimal) -> int | float:
    """Make a number for the official client's JSON: its text is the Decimal's own digits.

    The official client serialises triggers itself and takes no Decimal. A float prints the
    shortest text that means it, which for every price is the one it was made from; checked here.
    """
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise InvalidRequest("spelling a number", text=f"{value} has too many digits")
    return number


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


# Inwards -------------------------------------------------------------------------------------


def money(value: object) -> Decimal:
    """Read an amount; nothing is nought."""
    if value is None or value == "":
        return Decimal(0)
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int | str):
        try:
            found = Decimal(value)
        except InvalidOperation:
            raise Unreadable(f"{value!r} is not an amount") from None
        if found.is_finite():
            return found
    raise Unreadable(f"{value!r} is not an amount")


def whole(value: object) -> int:
    """Read a whole number, also where it is written like 5.0; nothing is nought."""
    found = money(value)
    if found != found.to_integral_value():
        raise Unreadable(f"{value!r} is not a whole number")
    return int(found)


def token(value: object) -> int | None:
    return None if value in (None, "", 0) else whole(value)


def text(value: object) -> str:
    return "" if value is None else str(value)


def or_none(value: object) -> str | None:
    return str(value) if value else None


def ist(value: object) -> datetime | None:
    """Read a time. Kite sends Indian time without an offset; candles carry one."""
    if value in (None, "") or text(value).startswith(NO_TIME):
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(text(value))
    except ValueError:
        raise Unreadable(f"{value!r} is not a time") from None
    return found.astimezone(IST) if found.tzinfo else found.replace(tzinfo=IST)


def day(value: object) -> date | None:
    """Read a date, also where a time follows it."""
    if value in (None, "") or text(value).startswith(NO_TIME):
        return None
    try:
        return date.fromisoformat(text(value)[:10])
    except ValueError:
        raise Unreadable(f"{value!r} is not a date") from None


def raw(row: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a row as it came: the times that the official client makes of candles are text again."""
    return {name: came(value) for name, value in row.items()}


def came(value: Any) -> Any:
    return value.strftime(KITE_TIME) if isinstance(value, datetime) else value
