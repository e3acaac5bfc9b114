"""Lowest and highest prices, volumes and open interest of a stretch of time."""

from itertools import accumulate, pairwise

from .instruments import Instrument
from .market import Market
from .units import DAY, IST, MINUTE, SECOND
from .walk import GRID, LIVELINESS, WHOLE, scramble

HALF_HOUR = 1_800
DAY_SECONDS = 86_400
DONE = [0, *accumulate(each * HALF_HOUR for each in LIVELINESS)]


def span(
    market: Market, instrument: Instrument, begins: int, ends: int, *, rough: bool = False
) -> tuple[int, int]:
    """The lowest and highest price in the seconds [begins, ends), or rough bounds of them."""
    marks = market.state.marks.get(instrument.token)
    if not marks:
        return _modelled(market, instrument, begins, ends, WHOLE, rough=rough)
    pin = market.rules.pin_ms
    cuts = {begins, ends}
    for mark in marks:
        cuts.update((mark[0] // SECOND, (mark[0] + pin) // SECOND))
    edges = sorted(cut for cut in cuts if begins <= cut <= ends)
    found: list[int] = []
    for left, right in pairwise(edges):
        mark_here = market.mark(instrument.token, left)
        if mark_here is None:
            found += _modelled(market, instrument, left, right, WHOLE, rough=rough)
        elif not market.walks or left * SECOND < mark_here[0] + pin - SECOND:
            found.append(mark_here[1])
        else:
            found += _modelled(market, instrument, left, right, mark_here[2], rough=rough)
    found += [mark[1] for mark in marks if begins <= mark[0] // SECOND < ends]
    return min(found), max(found)


def _modelled(
    market: Market, instrument: Instrument, begins: int, ends: int, factor: int, *, rough: bool
) -> tuple[int, int]:
    last = ends - 1
    if not instrument.base:
        low, high = span(market, market.by_token[instrument.source], begins, ends, rough=rough)
    elif not market.walks:
        low = high = instrument.base
    else:
        find = market.walk.bounds if rough else market.walk.extremes
        deviations = find(
            instrument.walk, instrument.swing, begins, ends, with_market=instrument.follows_market
        )
        low, high = (instrument.base + instrument.base * each // WHOLE for each in deviations)
    corners = [
        market.round(market.derive(instrument, spot, second) * factor // WHOLE, instrument)
        for spot in {low, high}
        for second in (begins, last)
    ]
    return min(corners), max(corners)


def day_range(market: Market, instrument: Instrument, at: int) -> tuple[int, int]:
    """The day's lowest and highest price so far."""
    at = market.calendar.price_time(instrument.market, at)
    begins = market.calendar.day_begins(instrument.market, at) // SECOND
    last = market.price(instrument, at)
    low, high = _settled_range(market, instrument, min(begins, at // SECOND), at)
    return min(low, last), max(high, last)


def _settled_range(market: Market, instrument: Instrument, begins: int, at: int) -> tuple[int, int]:
    """The range up to the last bend of the walk; from there on the price moves straight."""
    known = market.ranges.get(instrument.token)
    bend = max(at // SECOND // GRID * GRID, begins) + 1
    if not instrument.base:
        return _derived_range(market, instrument, begins, at)
    if known and known[0] == begins and known[1] == bend:
        return known[2], known[3]
    if known and known[0] == begins and known[1] < bend:
        low, high = span(market, instrument, known[1] - 1, bend)
        low, high = min(low, known[2]), max(high, known[3])
    else:
        low, high = span(market, instrument, begins, bend)
    market.ranges[instrument.token] = (begins, bend, low, high)
    return low, high


def _derived_range(market: Market, instrument: Instrument, begins: int, at: int) -> tuple[int, int]:
    minute = at // MINUTE
    known = market.ranges.get(instrument.token)
    if known and known[0] == begins and known[1] == minute:
        return known[2], known[3]
    marks = market.state.marks.get(instrument.token)
    if marks:
        low, high = span(market, instrument, begins, at // SECOND + 1)
    else:
        source = market.by_token[instrument.source]
        below, above = day_range(market, source, at)
        corners = [
            market.round(market.derive(instrument, spot, second), instrument)
            for spot in {below, above}
            for second in (begins, (minute + 1) * MINUTE // SECOND)
        ]
        low, high = min(corners), max(corners)
    market.ranges[instrument.token] = (begins, minute, low, high)
    return low, high


def _liveliness(second: int) -> int:
    """How much trading has been done at a second, counted from any midnight."""
    days, second = divmod(second, DAY_SECONDS)
    half_hour, past = divmod(second, HALF_HOUR)
    return days * DONE[-1] + DONE[half_hour] + LIVELINESS[half_hour] * past


def day_volume(market: Market, instrument: Instrument, at: int) -> int:
    """What has been traded since the day began."""
    at = market.calendar.price_time(instrument.market, at)
    begins = market.calendar.day_begins(instrument.market, at)
    first = (begins + IST) // SECOND
    done = _liveliness((at + IST) // SECOND) - _liveliness(first)
    ends = market.calendar.day_ends(instrument.market, begins)
    whole = _liveliness((ends + IST) // SECOND) - _liveliness(first)
    busy = 600 + scramble(market.state.seed, instrument.token, begins // DAY) % 800
    lots = instrument.daily_volume // instrument.lot * busy * max(done, 0) // whole // 1_000
    return lots * instrument.lot


def open_interest(market: Market, instrument: Instrument, at: int) -> tuple[int, int, int]:
    """Open interest of a contract now, and its highest and lowest of the day."""
    if not instrument.expiry:
        return 0, 0, 0
    bits = scramble(instrument.token, instrument.expiry)
    lot = instrument.lot
    first = instrument.daily_volume // lot * (1 + bits % 4) * lot
    drift = (bits >> 8) % 200 - 100
    now = first + day_volume(market, instrument, at) // lot * drift // 1_000 * lot
    return now, max(first, now), min(first, now)
