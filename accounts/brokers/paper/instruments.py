"""What can be traded: one instrument, its tick and its row in the master."""

from dataclasses import dataclass
from datetime import date

from .units import RUPEE, rupees

SEGMENT_CODES = {"NSE": 1, "NFO": 2, "CDS": 3, "BSE": 4, "BFO": 5, "MCX": 7, "INDICES": 9}

# NSE sets the tick of a share by its price, and looks at it again every month.
EQUITY_TICKS = ((250, 100), (1_000, 500), (5_000, 1_000), (10_000, 5_000), (20_000, 10_000))
STRIKE_STEPS = (
    (100, RUPEE),
    (250, 5 * RUPEE // 2),
    (500, 5 * RUPEE),
    (1_000, 10 * RUPEE),
    (2_500, 20 * RUPEE),
    (5_000, 50 * RUPEE),
)
OPTION_TICK = 500


@dataclass(frozen=True, slots=True)
class Instrument:
    """One line of the instrument master; money in units."""

    token: int
    symbol: str
    name: str
    exchange: str
    segment: str
    kind: str  # EQ, FUT, CE or PE
    market: str  # whose hours it keeps
    tick: int
    lot: int = 1
    freeze: int = 0  # the largest order, 0 for no limit
    expiry: int = 0
    strike: int = 0
    multiplier: int = 1
    base: int = 0  # where its own walk starts, 0 for a price derived from `source`
    source: int = 0  # token of what the price follows: the twin, index, share or future
    walk: int = 0  # whose random walk it uses
    swing: int = 1_000  # how wide that walk is, in thousandths of a share's
    follows_market: bool = False
    isin: str = ""
    daily_volume: int = 0
    has_derivatives: bool = False

    @property
    def key(self) -> str:
        """EXCHANGE:SYMBOL, as quotes name it."""
        return f"{self.exchange}:{self.symbol}"

    @property
    def is_index(self) -> bool:
        """Whether this is a level to look at, not something to trade."""
        return self.segment == "INDICES"

    @property
    def is_option(self) -> bool:
        """Whether this is a call or a put."""
        return self.kind in ("CE", "PE")

    @property
    def is_share(self) -> bool:
        """Whether this settles into a depository account."""
        return self.kind == "EQ" and not self.is_index

    def row(self) -> dict[str, str | int | float]:
        """Its line in the instrument dump."""
        expiry = date.fromordinal(self.expiry).isoformat() if self.expiry else ""
        return {
            "instrument_token": self.token,
            "exchange_token": self.token // 256,
            "tradingsymbol": self.symbol,
            "name": self.name,
            "last_price": 0.0,
            "expiry": expiry,
            "strike": rupees(self.strike),
            "tick_size": rupees(self.tick),
            "lot_size": self.lot,
            "instrument_type": self.kind,
            "segment": self.segment,
            "exchange": self.exchange,
        }


def equity_tick(price: int) -> int:
    """The step of a share's price, by the price itself."""
    for below, tick in EQUITY_TICKS:
        if price < below * RUPEE:
            return tick
    return 5 * RUPEE


def strike_step(price: int) -> int:
    """The distance between the strikes of a share's options, by its price."""
    for below, step in STRIKE_STEPS:
        if price < below * RUPEE:
            return step
    return 100 * RUPEE


def down_to_tick(price: int, tick: int) -> int:
    """The nearest allowed price at or below."""
    return price // tick * tick


def up_to_tick(price: int, tick: int) -> int:
    """The nearest allowed price at or above."""
    return -(-price // tick) * tick
