"""Ticks as bytes, in the layout that the official clients read."""

import struct
from typing import Final, Literal

from accounts.brokers.paper.terms import Level, Tick

Mode = Literal["ltp", "quote", "full"]
MODES: Final[tuple[Mode, ...]] = ("ltp", "quote", "full")
HEARTBEAT: Final = b"\x00"

# Every packet starts with its own length, so that a frame is a count and packets end to end.
LTP: Final = struct.Struct(">HII")
INDEX_QUOTE: Final = struct.Struct(">H7I")
INDEX_FULL: Final = struct.Struct(">H8I")
QUOTE: Final = struct.Struct(">H11I")
FULL: Final = struct.Struct(">H16I" + "IIHxx" * 10)
COUNT: Final = struct.Struct(">H")
MOST_IN_FRAME: Final = 65_535  # the count has two bytes

LARGEST: Final = 0xFFFFFFFF
NO_LEVEL: Final[Level] = (0, 0, 0)


def packet(tick: Tick, mode: Mode) -> bytes:
    """One instrument's packet with its length in front."""
    if mode == "ltp":
        return LTP.pack(8, tick.token, fit(tick.last_price))
    if not tick.tradable:
        return index_packet(tick, mode)
    quote = quote_numbers(tick)
    if mode == "quote":
        return QUOTE.pack(44, *quote)
    rest = (tick.last_trade_time, fit(tick.oi), fit(tick.oi_day_high), fit(tick.oi_day_low))
    levels = [*five(tick.bids), *five(tick.offers)]
    depth = [number for level in levels for number in level]
    return FULL.pack(184, *quote, *rest, tick.exchange_time, *depth)


def fit(number: int) -> int:
    """The wire has 32 unsigned bits; beyond them the nearest end is the least wrong."""
    return min(max(number, 0), LARGEST)


def quote_numbers(tick: Tick) -> tuple[int, ...]:
    return (
        tick.token,
        fit(tick.last_price),
        fit(tick.last_quantity),
        fit(tick.average_price),
        fit(tick.volume),
        fit(tick.buy_quantity),
        fit(tick.sell_quantity),
        fit(tick.open),
        fit(tick.high),
        fit(tick.low),
        fit(tick.close),
    )


def index_packet(tick: Tick, mode: Mode) -> bytes:
    """An index: high and low come first here, and there is no volume or depth."""
    change = tick.change & LARGEST  # a fall travels as two's complement; clients recompute it
    numbers = (
        tick.token,
        fit(tick.last_price),
        fit(tick.high),
        fit(tick.low),
        fit(tick.open),
        fit(tick.close),
        change,
    )
    if mode == "quote":
        return INDEX_QUOTE.pack(28, *numbers)
    return INDEX_FULL.pack(32, *numbers, tick.exchange_time)


def five(levels: tuple[Level, ...]) -> list[Level]:
    """Exactly five levels, as the clients expect."""
    fitted = [
        (fit(quantity), fit(price), min(orders, 0xFFFF)) for quantity, price, orders in levels[:5]
    ]
    return fitted + [NO_LEVEL] * (5 - len(fitted))


def frame(packets: list[bytes]) -> bytes:
    return COUNT.pack(len(packets)) + b"".join(packets)
