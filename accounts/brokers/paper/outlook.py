"""Looking ahead: whether a stretch of time can be passed over because nothing happens in it.

Passing over must change nothing but the time it takes: the answer is "quiet" only where a
look at every single second would have found nobody to serve.
"""

from collections.abc import Callable

from . import alerts
from .floor import Floor
from .ranges import span
from .state import Alert, Gtt
from .walk import BLOCK

SHORT = 15  # so few seconds are sooner looked at than looked ahead
HOUR = 3_600

Reach = Callable[[int], tuple[int, int]]


def quiet_until(floor: Floor, begins: int, ends: int) -> int:
    """How far from `begins`, at most to `ends`, nobody's price comes."""
    while ends - begins > SHORT:
        hour, block = min(begins + HOUR, ends), min(begins + BLOCK, ends)
        if is_quiet(floor, begins, hour, rough=True):
            begins = hour
        elif is_quiet(floor, begins, block, rough=False):
            begins = block
        else:
            break
    return begins


def is_quiet(floor: Floor, begins: int, ends: int, *, rough: bool) -> bool:
    """Whether nobody's price comes in the seconds [begins, ends)."""
    ranges: dict[int, tuple[int, int]] = {}

    def reach(token: int) -> tuple[int, int]:
        if token not in ranges:
            instrument = floor.market.by_token[token]
            low, high = span(floor.market, instrument, begins, ends, rough=rough)
            # The range of an option is worked out at its corners, so allow for the rounding.
            spare = instrument.tick if instrument.is_option else 0
            ranges[token] = low - spare, high + spare
        return ranges[token]

    find = floor.state.orders.get
    for token, book in floor.books.items():
        if not book.is_empty and book.is_reached(*reach(token), find):
            return False
    for gtt in floor.state.gtts.values():
        listed = gtt.token in floor.market.by_token
        if gtt.status == "active" and listed and _may_fire(gtt, *reach(gtt.token)):
            return False
    for alert in floor.state.alerts.values():
        if alert.status == "enabled" and not _stays(floor, alert, reach):
            return False
    return True


def _may_fire(gtt: Gtt, low: int, high: int) -> bool:
    return any(
        high >= trigger if way > 0 else low <= trigger
        for trigger, way in zip(gtt.triggers, gtt.directions, strict=True)
    )


def _stays(floor: Floor, alert: Alert, reach: Reach) -> bool:
    """Whether an alert is, and stays, either untold and untrue or told and true."""
    fields = alert.fields
    simple = fields["lhs_attribute"] == "LastTradedPrice" and fields["rhs_type"] == "constant"
    instrument = alerts.seen_by(floor, fields, "lhs") if simple else None
    if instrument is None:
        return alerts.is_blind(floor, alert)
    low, high = reach(instrument.token)
    holds = alerts.OPERATORS[fields["operator"]]
    right = fields["rhs_constant"]
    if fields["operator"] == "==" and low <= right <= high:
        return False
    truths = {holds(low, right), holds(high, right)}
    return truths == {not alert.armed}
