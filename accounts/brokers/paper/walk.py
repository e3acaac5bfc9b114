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
PERIODS = tuple(period for period, _ in LAYERS)
COARSE = sum(period >= BLOCK for period in PERIODS)
FINE = sum(height for period, height in LAYERS if period < BLOCK)
ROUNDING = 64  # what whole divisions may lose
IST_SECONDS = 19_800
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


def _spread(base: int, index: int) -> int:
    """64 random-looking bits for each point of a grid."""
    mixed = (base + index * 0x9E3779B97F4A7C15) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return mixed ^ (mixed >> 31)


def _liveliness(second: int) -> int:
    return LIVELINESS[(second + IST_SECONDS) % 86_400 // 1_800]


class Walk:
    """The deviations of every walk from its middle, in parts per billion."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._cells: dict[int, list[tuple[int, int, int]]] = {}
        self._bases: dict[int, list[int]] = {}

    def at(self, walk: int, second: int, layers: int = len(LAYERS)) -> int:
        """How far a walk, or its coarsest layers, is from the middle at a second."""
        cells = self._cells.get(walk)
        if cells is None:
            cells = self._cells[walk] = [(-1, 0, 0)] * len(LAYERS)
            count = range(len(LAYERS))
            self._bases[walk] = [scramble(self.seed, walk, nth) for nth in count]
        total = 0
        for nth in range(layers):
            period = PERIODS[nth]
            index, past = divmod(second, period)
            cell = cells[nth]
            if cell[0] != index:
                left = cell[2] if cell[0] == index - 1 else self._height(walk, nth, index)
                cell = cells[nth] = (index, left, self._height(walk, nth, index + 1))
            total += cell[1] + (cell[2] - cell[1]) * past // period
        return total

    def _height(self, walk: int, nth: int, index: int) -> int:
        period, reach = LAYERS[nth]
        height = _spread(self._bases[walk][nth], index) % (2 * reach + 1) - reach
        return height if period > BLOCK else height * _liveliness(index * period) // 1_000

    def share_at(
        self, walk: int, swing: int, second: int, *, with_market: bool, layers: int = len(LAYERS)
    ) -> int:
        """The deviation of one instrument: its own walk, and its part of the market's."""
        own = self.at(walk, second, layers) * swing // 1_000
        if not with_market:
            return own
        return own + self.at(MARKET, second, layers) * MARKET_SWING // 1_000

    def bounds(
        self, walk: int, swing: int, begins: int, ends: int, *, with_market: bool
    ) -> tuple[int, int]:
        """Deviations that are certainly not passed in [begins, ends); quick to find."""
        blocks = self._blocks(walk, swing, begins, ends, with_market=with_market)
        return min(each[1] for each in blocks), max(each[0] for each in blocks)

    def extremes(
        self, walk: int, swing: int, begins: int, ends: int, *, with_market: bool
    ) -> tuple[int, int]:
        """The lowest and highest deviation in [begins, ends), without visiting every second."""

        def height(second: int) -> int:
            return self.share_at(walk, swing, second, with_market=with_market)

        if ends - begins <= BLOCK // 2:
            heights = [height(each) for each in _bends(begins, ends - 1)]
            return min(heights), max(heights)
        blocks = self._blocks(walk, swing, begins, ends, with_market=with_market)
        low = high = height(begins)
        looked: set[int] = set()
        # The most promising blocks first: once they are known, the others can be left out.
        for nth, up in ((0, 1), (1, -1)):
            for block in sorted(blocks, key=lambda each: each[nth] * -up):
                if (block[0] <= high) if up > 0 else (block[1] >= low):
                    break
                if block[2] not in looked:
                    looked.add(block[2])
                    inner = [height(each) for each in _bends(block[2], block[3])]
                    low, high = min(low, *inner, low), max(high, *inner, high)
        return low, high

    def _blocks(
        self, walk: int, swing: int, begins: int, ends: int, *, with_market: bool
    ) -> list[tuple[int, int, int, int]]:
        """Highest and lowest conceivable deviation of each block, and its first and last second."""
        share = swing + MARKET_SWING * with_market
        found = []
        for left, right in pairwise((*_edges(begins, ends), ends)):
            last = min(right, ends - 1)
            ends_here = [
                self.share_at(walk, swing, at, with_market=with_market, layers=COARSE)
                for at in (left, last)
            ]
            lively = max(_liveliness(left - BLOCK // 10), _liveliness(last + BLOCK // 10))
            reach = FINE * lively * share // 1_000_000 + ROUNDING
            found.append((max(ends_here) + reach, min(ends_here) - reach, left, last))
        return found


def _bends(left: int, right: int) -> Iterator[int]:
    """The seconds of a stretch between which the walk runs straight."""
    yield left
    yield from range((left // GRID + 1) * GRID, right, GRID)
    yield right


def _edges(begins: int, ends: int) -> Iterator[int]:
    yield begins
    yield from range((begins // BLOCK + 1) * BLOCK, ends - 1, BLOCK)
