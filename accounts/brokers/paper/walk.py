"""A random walk that is a function of time: any moment can be asked for, nothing is remembered.

Several layers of noise, from months to seconds, are added up. Each layer runs in straight
lines between random heights on a fixed grid, so it always returns towards its middle, its
steepest slope is known, and the extremes of any stretch lie on the grid of the finest layer.
"""

from collections.abc import Iterator
from itertools import pairwise

# seconds between the heights, and how high they reach in parts per billion
LAYERS = (
    (5_529_600, 110_000_000),
    (691_200, 45_000_000),
    (86_400, 14_000_000),
    (3_600, 4_000_000),
    (600, 1_500_000),
    (60, 500_000),
    (15, 200_000),
)
WHOLE = 10**9
GRID = 15
BLOCK = 600  # up to here layers are finer than a block, from here on they are straight in it
FINE = sum(height for period, height in LAYERS if period < BLOCK) * 3 // 2
MASK = 2**64 - 1
MARKET = 0  # the walk all shares have in common
MARKET_SWING = 600

# How lively each half hour from midnight is, in thousandths: the open and the close are.
LIVELINESS = (
    [600] * 18 + [1500, 1400, 1200, 1050, 950, 850, 800, 800, 850, 900, 1000, 1150, 1300]
    + [900] * 4 + [700] * 13
)  # fmt: skip


def scramble(*parts: int) -> int:
    """64 bits that look random and depend on all of the numbers."""
    mixed = 0x9E3779B97F4A7C15
    for part in parts:
        mixed = ((mixed ^ part) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & MASK
        mixed ^= mixed >> 29
    mixed = (mixed * 0xBF58476D1CE4E5B9) & MASK
    return mixed ^ (mixed >> 32)


class Walk:
    """The deviations of every walk from its middle, in parts per billion."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._cells: dict[int, list[tuple[int, int, int]]] = {}

    def at(self, walk: int, second: int) -> int:
        """How far a walk is from its middle at a second."""
        cells = self._cells.get(walk)
        if cells is None:
            cells = self._cells[walk] = [(-1, 0, 0)] * len(LAYERS)
        total = 0
        for nth, (period, _) in enumerate(LAYERS):
            index, past = divmod(second, period)
            cell = cells[nth]
            if cell[0] != index:
                left, right = self._height(walk, nth, index), self._height(walk, nth, index + 1)
                cell = cells[nth] = (index, left, right)
            total += cell[1] + (cell[2] - cell[1]) * past // period
        return total

    def _height(self, walk: int, nth: int, index: int) -> int:
        period, reach = LAYERS[nth]
        height = scramble(self.seed, walk, nth, index) % (2 * reach + 1) - reach
        if period > BLOCK:
            return height
        half_hour = (index * period + 19_800) % 86_400 // 1_800
        return height * LIVELINESS[half_hour] // 1_000

    def share_at(self, walk: int, swing: int, second: int, *, with_market: bool) -> int:
        """The deviation of one instrument: its own walk, and its part of the market's."""
        own = self.at(walk, second) * swing // 1_000
        return own + self.at(MARKET, second) * MARKET_SWING // 1_000 if with_market else own

    def extremes(
        self, walk: int, swing: int, begins: int, ends: int, *, with_market: bool
    ) -> tuple[int, int]:
        """The lowest and highest deviation in [begins, ends), without visiting every second."""

        def height(second: int) -> int:
            return self.share_at(walk, swing, second, with_market=with_market)

        spread = FINE * 2 * (swing + MARKET_SWING * with_market) // 1_000
        first = {second: height(second) for second in _edges(begins, ends)}
        low, high = min(first.values()), max(first.values())
        for left, right in pairwise(first):
            top, bottom = max(first[left], first[right]), min(first[left], first[right])
            # Between two edges only the fine layers bend the line, and never more than this.
            if top + spread > high or bottom - spread < low:
                inner = [height(each) for each in range(_after(left), right, GRID)]
                low, high = min(low, *inner, low), max(high, *inner, high)
        return low, high


def _after(second: int) -> int:
    return (second // GRID + 1) * GRID


def _edges(begins: int, ends: int) -> Iterator[int]:
    yield begins
    yield from range((begins // BLOCK + 1) * BLOCK, ends - 1, BLOCK)
    if ends - 1 > begins:
        yield ends - 1
