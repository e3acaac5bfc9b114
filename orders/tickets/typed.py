"""Numbers as traders type them. What could be read in two ways is not read at all."""

import re
import unicodedata
from decimal import Decimal

LONGEST = 32
AUTOMATIC_WORDS = frozenset({"", "auto", "automatic", "-1"})

# 1,23,456 as in India, 1,234,567 as elsewhere; blanks may stand for the commas. 1,5 is neither:
# to some it is one and a half, and as 15 it would be ten times the order.
GROUPED = re.compile(r"[0-9]{1,2}(,[0-9]{2})*,[0-9]{3}|[0-9]{1,3}(,[0-9]{3})+|[0-9]*")
PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?|\.[0-9]+")
SIGNS = "-\N{MINUS SIGN}\N{EN DASH}"
BLANKS = re.compile(r"[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]")
SHORT = re.compile(r".*[0-9]\s*(k|l|lac|lakh|lakhs|m|cr|crore|crores)", re.IGNORECASE)
POWER = re.compile(r"[0-9.,]+e[+-]?[0-9]+", re.IGNORECASE)


class Unreadable(ValueError):
    """What was typed is no number; the message tells how to write one."""


def read_number(text: str) -> Decimal:
    """Read 1,012.50; the sign of the rupee may stand before it."""
    if len(text) > LONGEST:
        raise Unreadable("That is too long to be a number.")
    if any(unicodedata.category(sign).startswith("C") for sign in text):
        raise Unreadable("There is an invisible character in it. Type the number by hand.")
    number = text.strip().removeprefix("\N{INDIAN RUPEE SIGN}").strip()
    refuse_others(number)
    whole, dot, part = BLANKS.sub(",", number).partition(".")
    plain = (whole + dot + part).replace(",", "")
    if not PLAIN.fullmatch(plain):
        raise Unreadable("Write a number such as 1,012.50.")
    if not GROUPED.fullmatch(whole) or "," in part:
        raise Unreadable("The commas are not where they belong. Write 1,012.50 or 1012.50.")
    return Decimal(plain)


def refuse_others(number: str) -> None:
    """Name what people do write, and what we do not read."""
    if number[:1] and number[0] in SIGNS:
        raise Unreadable("It must not be negative. To sell, choose Sell.")
    if any(sign.isdigit() and not sign.isascii() for sign in number):
        raise Unreadable("Write it with the digits 0 to 9.")
    if POWER.fullmatch(number) or SHORT.fullmatch(number):
        raise Unreadable("Write the number in full, such as 1,500.")


def read_whole(text: str) -> int:
    """Read a number of things; 10.00 is one, 10.5 is not."""
    number = read_number(text)
    if number != number.to_integral_value():  # a remainder of a huge number has no answer
        raise Unreadable("It must be a whole number.")
    return int(number)


def read_protection(text: str) -> Decimal | None:
    """Read a percentage; nothing, auto and -1 leave it to the broker."""
    asked = text.strip().lower()
    if asked in AUTOMATIC_WORDS:
        return None
    return read_number(asked.removesuffix("%"))
