"""What tables share: links that sort them, words that filter them, and instruments by their names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from orders.instruments.models import Instrument, Kind, master_of
from orders.panels import Panel, Seat


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column that a table can be sorted by."""

    key: str
    label: str
    css: str = ""
    is_text: bool = False  # then the first click sorts upwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A column's head as it stands now: where a click leads, and how it is sorted."""

    label: str
    css: str
    href: str
    aria_sort: str


def headers(panel: Panel, columns: Sequence[Column]) -> list[Header]:
    """Make the heads; a second click turns the order around."""
    now = panel.query.get("sort", "")
    found = []
    for column in columns:
        first = column.key if column.is_text else f"-{column.key}"
        other = f"-{column.key}" if column.is_text else column.key
        wanted = other if now == first else first
        sorted_by = {column.key: "ascending", f"-{column.key}": "descending"}.get(now, "")
        query = {**panel.query, "sort": wanted}
        found.append(
            Header(
                label=column.label,
                css=column.css,
                href=f"{panel.href}?{urlencode(query)}",
                aria_sort=sorted_by,
            )
        )
    return found


def ordered[Row](
    rows: Iterable[Row], wanted: str, keys: Mapping[str, Any], default: str
) -> list[Row]:
    """Sort by what was asked for; what has no figure comes last either way."""
    name = wanted.removeprefix("-")
    if name not in keys:
        wanted, name = default, default.removeprefix("-")
    key = keys[name]
    rows = list(rows)
    known = [row for row in rows if key(row) is not None]
    unknown = [row for row in rows if key(row) is None]
    return sorted(known, key=key, reverse=wanted.startswith("-")) + unknown


def instruments_of(
    seats: Iterable[Seat], names: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], Instrument]:
    """Find instruments by account, exchange and symbol, in one question for each master."""
    wanted: dict[str, set[tuple[str, str, str]]] = {}
    masters = {
        seat.account.code: master_of(seat.account.broker, seat.account.environment)
        for seat in seats
    }
    for name in names:
        wanted.setdefault(masters[name[0]], set()).add(name)
    found: dict[tuple[str, str, str], Instrument] = {}
    for master, some in wanted.items():
        rows = Instrument.objects.of(master).filter(symbol__in={name[2] for name in some})
        known = {(row.exchange, row.symbol): row for row in rows}
        found |= {name: known[name[1:]] for name in some if name[1:] in known}
    return found


def names_of(instrument: Instrument | None, symbol: str) -> tuple[str, str]:
    """Split a name into what it is about and which contract of it: NIFTY, 24 NOV 26400 CE."""
    if instrument is None or instrument.expiry is None:
        return symbol, ""
    if instrument.kind == Kind.FUT:
        return instrument.underlying, f"{instrument.expiry:%d %b} FUT".upper()
    strike = f"{instrument.strike.normalize():f}" if instrument.strike is not None else ""
    return instrument.underlying, f"{instrument.expiry:%d %b} {strike} {instrument.kind}".upper()


def matches(text: str, *values: str) -> bool:
    """Tell whether every word of the filter stands somewhere in these."""
    there = " ".join(values).lower()
    return all(word in there for word in text.lower().split())
