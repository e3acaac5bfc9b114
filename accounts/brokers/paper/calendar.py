"""When markets trade: sessions and holidays are data, three clocks read them."""

import json
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from .units import DAY, IST, ROLL, clock_time, midnight, ordinal

CLOCKS = ("real", "open", "manual")


@dataclass(frozen=True, slots=True)
class Session:
    """One phase of a market's day, in milliseconds since midnight."""

    name: str
    begins: int
    ends: int
    accepts: bool
    matches: bool


ALWAYS = Session("open", 0, DAY, accepts=True, matches=True)
CLOSED = Session("closed", 0, DAY, accepts=False, matches=False)


@dataclass(frozen=True, slots=True)
class Regime:
    """The sessions in force from one day on."""

    begins: int
    sessions: dict[str, tuple[Session, ...]]
    square_off: dict[str, int]
    closing: dict[str, int]


@cache
def _table() -> tuple[frozenset[int], tuple[Regime, ...]]:
    plain = json.loads(files(__package__).joinpath("calendar.json").read_text())
    holidays = frozenset(
        date.fromisoformat(f"{year}-{day}").toordinal()
        for year, days in plain["holidays"].items()
        for day in days
    )
    return holidays, tuple(_regime(each) for each in plain["regimes"])


def _regime(plain: dict[str, Any]) -> Regime:
    sessions = {
        market: tuple(
            Session(name, clock_time(begins), clock_time(ends), accepts, matches)
            for name, begins, ends, accepts, matches in rows
        )
        for market, rows in plain["sessions"].items()
    }
    first = date.fromisoformat(plain["from"]).toordinal()
    return Regime(first, sessions, _times(plain["square_off"]), _times(plain["closing"]))


def _times(plain: dict[str, str]) -> dict[str, int]:
    return {market: clock_time(at) for market, at in plain.items()}


def is_trading_day(day: int) -> bool:
    """Weekdays that are no exchange holiday."""
    return date.fromordinal(day).weekday() < 5 and day not in _table()[0]


def trading_day_before(day: int) -> int:
    """The last trading day before this one."""
    day -= 1
    while not is_trading_day(day):
        day -= 1
    return day


def regime(day: int) -> Regime:
    """The sessions in force on a day."""
    regimes = _table()[1]
    return regimes[bisect_right([each.begins for each in regimes], day) - 1]


def book_day(at: int) -> int:
    """The day an order belongs to: it begins at 06:00 IST."""
    return ordinal(at - ROLL)


def next_roll(at: int) -> int:
    """The next 06:00 IST."""
    return midnight(book_day(at) + 1) + ROLL


class Calendar:
    """The hours of all markets under one clock."""

    def __init__(self, clock: str, start: int) -> None:
        if clock not in CLOCKS:
            raise ValueError(clock)
        self.never_closes = clock == "open"
        self.start = start

    def session(self, market: str, at: int) -> Session:
        """The phase a market is in."""
        if self.never_closes:
            return ALWAYS
        day = ordinal(at)
        if not is_trading_day(day):
            return CLOSED
        time = (at + IST) % DAY
        for each in regime(day).sessions[market]:
            if each.begins <= time < each.ends:
                return each
        return CLOSED

    def price_time(self, market: str, at: int) -> int:
        """The moment whose price counts: a closed market stands at its last second."""
        if self.never_closes and at >= self.start:
            return at
        day, time = ordinal(at), (at + IST) % DAY
        sessions = [each for each in regime(day).sessions[market] if each.matches]
        if is_trading_day(day) and time >= sessions[0].begins:
            return midnight(day) + _latest(sessions, time)
        return self._close(market, trading_day_before(day))

    def _close(self, market: str, day: int) -> int:
        sessions = [each for each in regime(day).sessions[market] if each.matches]
        return midnight(day) + sessions[-1].ends - 1

    def day_begins(self, market: str, at: int) -> int:
        """When the trading day that `at` shows began."""
        if self.never_closes and at >= self.start:
            return max(midnight(book_day(at)) + ROLL, 0)
        shown = ordinal(self.price_time(market, at))
        first = next(each for each in regime(shown).sessions[market] if each.matches)
        return midnight(shown) + first.begins

    def day_ends(self, market: str, begins: int) -> int:
        """When a trading day that began at `begins` stops trading."""
        if self.never_closes and begins >= midnight(book_day(self.start)):
            return begins + DAY
        return self._close(market, ordinal(begins)) + 1

    def previous_close(self, market: str, at: int) -> int:
        """The moment whose price was the last of the day before."""
        if self.never_closes and at >= self.start:
            return midnight(book_day(at)) + ROLL - 1
        return self._close(market, trading_day_before(ordinal(self.price_time(market, at))))

    def carried_close(self, market: str, day: int) -> int:
        """The moment whose price was the last before a day of the books."""
        if self.never_closes:
            return midnight(day) + ROLL - 1
        return self._close(market, trading_day_before(day))

    def next_session(self, market: str, at: int, release: str) -> int:
        """When orders left after hours go in."""
        if self.never_closes:
            today = midnight(ordinal(at)) + clock_time(release)
            return today if today > at else today + DAY
        day = ordinal(at)
        while True:
            if is_trading_day(day):
                first = next(s for s in regime(day).sessions[market] if s.accepts)
                if midnight(day) + first.begins > at:
                    return midnight(day) + first.begins
            day += 1

    def square_off(self, market: str, day: int) -> int | None:
        """When intraday positions are closed by force, None for never."""
        if self.never_closes or not is_trading_day(day):
            return None
        return midnight(day) + regime(day).square_off[market]

    def closing(self, market: str, day: int) -> int | None:
        """When what is left of the day's orders is cancelled, None for not before the roll."""
        if self.never_closes or not is_trading_day(day):
            return None
        return midnight(day) + regime(day).closing[market]


def _latest(sessions: list[Session], time: int) -> int:
    latest = sessions[0].begins
    for each in sessions:
        if time >= each.begins:
            latest = min(time, each.ends - 1)
    return latest
