"""Instruments by the names that accounts' rows carry, and how they are written for traders."""

from collections.abc import Iterable

from orders.instruments.models import Instrument, Kind, master_of
from orders.panels import Seat


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
