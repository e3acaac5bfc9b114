"""Historical candles, made from the same walk as the live prices."""

from collections.abc import Callable, Iterator
from typing import Any

from .calendar import is_trading_day, regime
from .floor import Floor
from .instruments import Instrument
from .ranges import day_volume, open_interest, span
from .terms import Refusal
from .units import DAY, HOUR, MINUTE, ROLL, SECOND, midnight, moment, ordinal, rupees, stamp

LENGTHS = {
    "minute": 1, "2minute": 2, "3minute": 3, "4minute": 4, "5minute": 5, "10minute": 10,
    "15minute": 15, "30minute": 30, "60minute": 60, "hour": 60, "2hour": 120, "3hour": 180,
    "4hour": 240,
}  # fmt: skip
WEEK = 7
Stretch = tuple[int, int]


def historical(
    floor: Floor, user: str, *, token: int, interval: str, begins: str, ends: str,
    oi: bool = False, continuous: bool = False,
) -> Any:  # fmt: skip
    """The candles between two moments, none of them in the future."""
    instrument = floor.market.by_token.get(token)
    if instrument is None:
        raise Refusal("Invalid `instrument_token`.")
    if interval not in floor.rules.spans:
        raise Refusal("Invalid `interval`.")
    first, last = _moments(begins, ends)
    most = floor.rules.spans[interval]
    if last - first > most * DAY:
        raise Refusal(f"interval exceeds max limit: {most} days")
    if continuous and not (interval == "day" and instrument.kind == "FUT"):
        raise Refusal("Continuous data is available for day candles of futures only.")
    stretches = (
        _days(floor, instrument, first, last, weekly=interval == "week")
        if interval in ("day", "week")
        else _minutes(floor, instrument, first, last, LENGTHS[interval] * MINUTE)
    )
    return {"candles": [_candle(floor, instrument, each, oi=oi) for each in stretches]}


def _moments(begins: str, ends: str) -> Stretch:
    try:
        first, last = moment(begins), moment(ends)
    except ValueError:
        raise Refusal("Invalid `from` or `to` date.") from None
    if len(ends.strip()) <= len("2026-11-20"):
        last += DAY - SECOND
    if first > last:
        raise Refusal("`from` date cannot be after the `to` date.")
    return first, last


def _trading(floor: Floor, instrument: Instrument, day: int) -> Stretch | None:
    """When an instrument could be traded on a calendar day."""
    midnight_here = midnight(day)
    if floor.calendar.never_closes and midnight_here + DAY > floor.state.start:
        return max(midnight_here, _opened(floor)), midnight_here + DAY
    if not is_trading_day(day):
        return None
    sessions = [each for each in regime(day).sessions[instrument.market] if each.matches]
    return midnight_here + sessions[0].begins, midnight_here + sessions[0].ends


def _opened(floor: Floor) -> int:
    """Before this the exchange kept ordinary hours; it was not there yet."""
    return floor.state.start // MINUTE * MINUTE


def _minutes(
    floor: Floor, instrument: Instrument, first: int, last: int, length: int
) -> Iterator[Stretch]:
    end = min(last + 1, floor.now + 1)
    for day in range(ordinal(first), ordinal(end) + 1):
        hours = _trading(floor, instrument, day)
        if hours is None:
            continue
        anchor = hours[0] if hours[0] != _opened(floor) else midnight(day)
        place = anchor + max(hours[0] - anchor, 0) // length * length
        while place < hours[1]:
            if first <= place < end:
                yield max(place, hours[0]), min(place + length, hours[1], end)
            place += length


def _days(
    floor: Floor, instrument: Instrument, first: int, last: int, *, weekly: bool
) -> Iterator[Stretch]:
    end = min(last + 1, floor.now + 1)
    week: Stretch | None = None
    for day in range(ordinal(first), ordinal(end - 1) + 1):
        hours = _trading(floor, instrument, day)
        if hours is None or hours[0] >= end:
            continue
        whole = (hours[0], min(hours[1], end))
        if not weekly:
            yield whole
        elif week and (day + 6) // WEEK == (ordinal(week[0]) + 6) // WEEK:
            week = (week[0], whole[1])
        else:
            if week:
                yield week
            week = whole
    if week:
        yield week


def _candle(floor: Floor, instrument: Instrument, stretch: Stretch, *, oi: bool) -> list[Any]:
    begins, ends = stretch
    market = floor.market
    first, after = begins // SECOND, max((ends + SECOND - 1) // SECOND, begins // SECOND + 1)
    opened = market.price_in(instrument, first)
    closed = market.price_in(instrument, after - 1)
    low, high = span(market, instrument, first, after)
    volume = _volume(floor, instrument, begins, ends)
    daily = ends - begins > 4 * HOUR
    shown = midnight(ordinal(begins)) if daily else begins
    candle: list[Any] = [
        stamp(shown).replace(" ", "T") + "+0530",
        rupees(opened),
        rupees(max(high, opened, closed)),
        rupees(min(low, opened, closed)),
        rupees(closed),
        volume,
    ]
    if oi:
        candle.append(open_interest(market, instrument, ends - 1)[0])
    return candle


def _volume(floor: Floor, instrument: Instrument, begins: int, ends: int) -> int:
    """Traded in a stretch; across the turn of the day, in both days."""
    if instrument.is_index:
        return 0
    total = 0
    while begins < ends:
        turn = midnight(ordinal(begins - ROLL) + 1) + ROLL
        until = min(ends, turn)
        before = day_volume(floor.market, instrument, begins)
        total += max(day_volume(floor.market, instrument, until - 1) - before, 0)
        begins = until
    return total


QUERIES: dict[str, Callable[..., Any]] = {"historical": historical}
