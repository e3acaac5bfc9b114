"""The words by which an instrument is found: the same reading of symbols, names and questions."""

import re
from functools import lru_cache

from accounts.brokers.types import Exchange, Instrument

MONTHS = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER",
    "OCTOBER", "NOVEMBER", "DECEMBER",
)  # fmt: skip
KINDS = {"CALL": "CE", "PUT": "PE", "FUTURE": "FUT", "FUTURES": "FUT"}
EXCHANGES = frozenset(Exchange)
LEFT_OUT = frozenset({"LTD", "LIMITED", "THE", "AND", "OF"})  # in too many names to find anything

NUMBER = re.compile(r"\d+(?:\.\d+)?")
WORD = re.compile(r"\d+\.\d+|[A-Z0-9]+(?:[&'-][A-Z0-9]+)*")
SIGNS = re.compile(r"[^A-Z0-9]")
SIGNS_IN_WORDS = re.compile(r"[&'-]")
LONGEST = 500
MOST_WORDS = 8
LONGEST_WORD = 30


def compact(text: str) -> str:
    """Write a symbol without blanks and signs: BAJAJ-AUTO is BAJAJAUTO, M&M is MM."""
    return SIGNS.sub("", text.upper())


@lru_cache(8192)
def words_in(text: str) -> tuple[str, ...]:
    """Split a text; a sign inside a word joins it."""
    return tuple(SIGNS_IN_WORDS.sub("", word) for word in WORD.findall(text.upper()))


def asked(text: str) -> list[str]:
    """Read the words of a question, of at most a sensible number and length."""
    words = [KINDS.get(word, word) for word in words_in(text[:LONGEST])]
    words = [word for word in words if word not in LEFT_OUT] or words
    return [word[:LONGEST_WORD] for word in words[:MOST_WORDS]]


def words_of(row: Instrument) -> str:
    """Tell every word that finds an instrument; of a contract, its parts and not its symbol."""
    if row.expiry is None:
        found = [*words_in(row.symbol), *parts(row.symbol), *words_in(row.name)]
    else:
        day = row.expiry
        strike = format(row.strike.normalize(), "f") if row.strike else ""
        found = [
            *words_in(row.name or row.symbol),
            row.kind,
            str(day.day),
            MONTHS[day.month - 1],
            str(day.year),
            strike,
        ]
    kept = dict.fromkeys(word for word in found if word and word not in LEFT_OUT)
    return " ".join(word[:LONGEST_WORD] for word in list(kept)[:MOST_WORDS])


def parts(symbol: str) -> list[str]:
    """Split a symbol at its signs too: BAJAJ-AUTO is also found by AUTO."""
    return [part for part in SIGNS.split(symbol.upper()) if part]


def is_number(word: str) -> bool:
    return NUMBER.fullmatch(word) is not None


def is_month(word: str) -> bool:
    return len(word) >= 3 and any(month.startswith(word) for month in MONTHS)
