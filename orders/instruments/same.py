"""The same thing elsewhere: a contract at another broker, a share at the other exchange.

Brokers have their own tokens and symbols; the exchange's own number is what they share. It is used
again after an expiry, and an index may bear the number of a share, so the rest must agree too.
"""

import re
from collections.abc import Iterable

from orders.instruments.models import CASH, Instrument, Kind
from orders.instruments.words import LEFT_OUT, words_in

OTHER = {"NSE": "BSE", "BSE": "NSE"}
SERIES = ("BE", "BZ", "BL", "SM", "ST", "SZ")  # how a share is settled at NSE; BSE writes none
ENDS = re.compile(rf"-({'|'.join(SERIES)})$")


def same_at(row: Instrument, master: str) -> Instrument | None:
    """Find an instrument of one broker in the list of another."""
    return all_at([row], master).get(row.pk)


def all_at(rows: Iterable[Instrument], master: str) -> dict[int, Instrument]:
    """Find many in another broker's list, by their own row's key; what it lacks is left out."""
    wanted = list(rows)
    there = Instrument.objects.of(master).active()
    by_number = {
        (row.exchange, row.exchange_token, row.kind): row
        for row in there.filter(
            exchange__in={row.exchange for row in wanted},
            exchange_token__in={row.exchange_token for row in wanted} - {""},
        )
    }
    by_symbol = {
        row.key: row
        for row in there.filter(
            exchange__in={row.exchange for row in wanted},
            symbol__in={row.symbol for row in wanted},
        )
    }
    found = {}
    for row in wanted:
        number = by_number.get((row.exchange, row.exchange_token, row.kind))
        # Indices have numbers of the brokers' own making.
        symbol = by_symbol.get(row.key)
        match = next((one for one in (number, symbol) if one and is_same(row, one)), None)
        if match:
            found[row.pk] = match
    return found


def is_same(row: Instrument, other: Instrument) -> bool:
    """Tell whether two rows that share a number or a symbol are one instrument."""
    contract = (row.kind, row.expiry, row.strike) == (other.kind, other.expiry, other.strike)
    return contract and (row.kind in CASH or row.family == other.family)


def twin_of(row: Instrument) -> Instrument | None:
    """Find the same share at the other exchange, in the same list."""
    return twins_of([row]).get(row.pk)


def twins_of(rows: Iterable[Instrument]) -> dict[int, Instrument]:
    """Find the twins of many shares of one list, by their own row's key."""
    shares = [row for row in rows if row.kind == Kind.EQ and row.exchange in OTHER]
    names = {bare(row.symbol) for row in shares}
    series = [f"{name}-{letters}" for name in names for letters in SERIES]
    others = Instrument.objects.active().filter(
        master__in={row.master for row in shares},
        exchange__in=OTHER,
        kind=Kind.EQ,
        symbol__in=[*names, *series],
    )
    # Last wins: the plain symbol before one with a series.
    known = {
        (one.master, one.exchange, bare(one.symbol)): one
        for one in sorted(others, key=lambda one: -len(one.symbol))
    }
    pairs = {
        row.pk: known.get((row.master, OTHER[row.exchange], bare(row.symbol))) for row in shares
    }
    by_pk = {row.pk: row for row in shares}
    return {pk: twin for pk, twin in pairs.items() if twin and is_one_company(by_pk[pk], twin)}


def bare(symbol: str) -> str:
    return ENDS.sub("", symbol)


def is_one_company(row: Instrument, other: Instrument) -> bool:
    """Tell by the names whether one symbol stands for one company: no list tells the ISIN."""
    mine, theirs = ({*words_in(one.name)} - LEFT_OUT for one in (row, other))
    return not mine or not theirs or bool(mine & theirs)
