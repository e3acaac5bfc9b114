"""Quotes and ticks: what the market shows of an instrument at a moment."""

from collections.abc import Callable
from typing import Any

from .floor import Floor
from .instruments import Instrument
from .market import EMPTY, LEVELS
from .ranges import day_range, day_volume, open_interest
from .terms import Level, Tick
from .units import SECOND, rupees, stamp
from .walk import scramble

TOTAL_DEPTH = 14  # all bids together, against the five that are shown


def shown_at(floor: Floor, instrument: Instrument) -> int:
    """The moment whose values are shown: the present, or when the market closed."""
    return floor.calendar.price_time(instrument.market, floor.now)


def last_quantity(floor: Floor, instrument: Instrument, at: int) -> int:
    """The size of the last trade."""
    if instrument.is_index:
        return 0
    bits = scramble(at // SECOND, instrument.token)
    return instrument.lot * (1 + bits % 20)


def ohlc(floor: Floor, instrument: Instrument) -> tuple[int, int, int, int]:
    """Open, high and low of the day, and the close of the day before."""
    market, at = floor.market, shown_at(floor, instrument)
    begins = floor.calendar.day_begins(instrument.market, at)
    first = market.day_open(instrument, min(begins, at))
    low, high = day_range(market, instrument, at)
    return first, max(high, first), min(low, first), market.previous_close(instrument, at)


def tick(floor: Floor, token: int) -> Tick | None:
    """The newest values of an instrument as integers of the wire."""
    instrument = floor.market.by_token.get(token)
    if instrument is None:
        return None
    at = shown_at(floor, instrument)
    market = floor.market
    last = market.price(instrument, at)
    first, high, low, close = ohlc(floor, instrument)
    bids, offers = _depth(floor, instrument, at)
    interest = open_interest(market, instrument, at)
    scale = 1_000 if instrument.exchange == "CDS" else 0

    def out(price: int) -> int:
        return price * scale if scale else price // 100

    return Tick(
        token=token,
        tradable=not instrument.is_index,
        last_price=out(last),
        last_quantity=last_quantity(floor, instrument, at),
        average_price=out((low + high + 2 * last) // 4),
        volume=0 if instrument.is_index else day_volume(market, instrument, at),
        buy_quantity=sum([each[0] for each in bids]) * TOTAL_DEPTH,
        sell_quantity=sum([each[0] for each in offers]) * TOTAL_DEPTH,
        open=out(first),
        high=out(high),
        low=out(low),
        close=out(close),
        change=out(last - close),
        last_trade_time=at // SECOND,
        oi=interest[0],
        oi_day_high=interest[1],
        oi_day_low=interest[2],
        exchange_time=floor.now // SECOND,
        bids=tuple([(quantity, out(price), orders) for quantity, price, orders in bids]),
        offers=tuple([(quantity, out(price), orders) for quantity, price, orders in offers]),
    )


def _depth(floor: Floor, instrument: Instrument, at: int) -> tuple[list[Level], list[Level]]:
    if instrument.is_index:
        return [EMPTY] * LEVELS, [EMPTY] * LEVELS
    return floor.market.depth(instrument, at)


def _asked(floor: Floor, keys: list[str]) -> dict[str, Instrument]:
    """Instruments by the keys they were asked by; unknown ones are left out."""
    found: dict[str, Instrument] = {}
    for key in keys:
        text = str(key)
        known = floor.market.by_key.get(text)
        if known is None and text.isdecimal():
            known = floor.market.by_token.get(int(text))
        if known is not None:
            found[text] = known
    return found


def ltp_row(floor: Floor, instrument: Instrument) -> dict[str, Any]:
    """The last price."""
    price = floor.market.price(instrument, floor.now)
    return {"instrument_token": instrument.token, "last_price": rupees(price)}


def ohlc_row(floor: Floor, instrument: Instrument) -> dict[str, Any]:
    """The last price and the day's range."""
    first, high, low, close = ohlc(floor, instrument)
    return ltp_row(floor, instrument) | {
        "ohlc": {
            "open": rupees(first),
            "high": rupees(high),
            "low": rupees(low),
            "close": rupees(close),
        }
    }


def quote_row(floor: Floor, instrument: Instrument) -> dict[str, Any]:
    """Everything that is known."""
    market, at = floor.market, shown_at(floor, instrument)
    last = market.price(instrument, at)
    bids, offers = _depth(floor, instrument, at)
    lower, upper = market.band(instrument, at)
    interest, highest, lowest = open_interest(market, instrument, at)
    row = ohlc_row(floor, instrument)
    sides = row["ohlc"]
    average = (sides["high"] + sides["low"] + 2 * row["last_price"]) / 4
    is_index = instrument.is_index
    return row | {
        "timestamp": stamp(floor.now),
        "last_trade_time": None if is_index else stamp(at),
        "last_quantity": last_quantity(floor, instrument, at),
        "buy_quantity": sum(each[0] for each in bids) * TOTAL_DEPTH,
        "sell_quantity": sum(each[0] for each in offers) * TOTAL_DEPTH,
        "volume": 0 if is_index else day_volume(market, instrument, at),
        "average_price": 0.0 if is_index else round(average, 2),
        "oi": interest,
        "oi_day_high": highest,
        "oi_day_low": lowest,
        "net_change": rupees(last - market.previous_close(instrument, at)),
        "lower_circuit_limit": rupees(lower),
        "upper_circuit_limit": rupees(upper),
        "depth": {"buy": _shown(bids), "sell": _shown(offers)},
    }


def _shown(levels: list[Level]) -> list[dict[str, Any]]:
    return [
        {"price": rupees(price), "quantity": quantity, "orders": orders}
        for quantity, price, orders in levels
    ]


def range_row(floor: Floor, instrument: Instrument) -> dict[str, Any]:
    """Between which prices a cover order's trigger may lie."""
    lower, upper = floor.market.band(instrument, floor.now)
    return {
        "instrument_token": instrument.token,
        "lower": rupees(lower),
        "upper": rupees(upper),
    }


def _mapping(row: Callable[[Floor, Instrument], dict[str, Any]]) -> Callable[..., Any]:
    def answer(floor: Floor, user: str, *, i: list[str], **_: Any) -> Any:
        return {key: row(floor, each) for key, each in _asked(floor, i).items()}

    return answer


def instruments(floor: Floor, user: str, *, exchange: str | None = None) -> Any:
    """The instrument master, of one exchange or of all."""
    return [
        each.row()
        for each in floor.market.by_token.values()
        if exchange is None or each.exchange == exchange
    ]


QUERIES: dict[str, Callable[..., Any]] = {
    "quote": _mapping(quote_row),
    "ohlc": _mapping(ohlc_row),
    "ltp": _mapping(ltp_row),
    "trigger_range": _mapping(range_row),
    "instruments": instruments,
}
