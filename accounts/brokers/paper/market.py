"""Prices of every instrument at any moment, and the book around them."""

from collections.abc import Iterable

from . import pricing
from .calendar import Calendar
from .instruments import Instrument, down_to_tick, up_to_tick
from .rules import Rules
from .state import State
from .terms import Level
from .units import SECOND, clock_time, midnight
from .universe import Chains, contracts, list_strikes, shares_and_indices
from .walk import WHOLE, Walk, scramble

LEVELS = 5
EMPTY: Level = (0, 0, 0)
EXPIRY_HOUR = clock_time("15:30")
MARKS_KEPT = 6_000
SPREAD = 120  # parts per million of the price


class Market:
    """The instruments of the day and what they cost."""

    def __init__(self, state: State, calendar: Calendar, rules: Rules) -> None:
        self.state, self.calendar, self.rules = state, calendar, rules
        self.walk = Walk(state.seed)
        self.walks = state.prices == "walk"
        self.by_token: dict[int, Instrument] = {}
        self.by_key: dict[str, Instrument] = {}
        self._newest: dict[int, tuple[int, int]] = {}
        self._closes: dict[int, tuple[int, int]] = {}
        self._tokens: list[int] = []
        self._opens: dict[int, tuple[int, int]] = {}
        self.ranges: dict[int, tuple[int, int, int, int]] = {}
        self._add(shares_and_indices())

    def _add(self, instruments: Iterable[Instrument]) -> None:
        for each in instruments:
            self.by_token[each.token] = self.by_key[each.key] = each

    def list_day(self, day: int) -> None:
        """Roll the contracts: expired ones go, new strikes come."""
        at = self.state.now
        chains: Chains = list_strikes(
            self.state.chains, day, lambda token: self.price(self.by_token[token], at)
        )
        self.state.chains = chains
        self.relist(day)

    def relist(self, day: int) -> None:
        """Make the instruments of a day from the strikes already listed."""
        self._tokens = []
        self.by_token.clear()
        self.by_key.clear()
        self._add(shares_and_indices())
        self._add(contracts(self.state.chains, day))
        self.forget()

    @property
    def tokens(self) -> list[int]:
        """Every instrument of the day."""
        if not self._tokens:
            self._tokens = list(self.by_token)
        return self._tokens

    def forget(self) -> None:
        """Drop what was remembered only to be quick."""
        for cache in (self._newest, self._closes, self._opens, self.ranges):
            cache.clear()

    def price(self, instrument: Instrument, at: int) -> int:
        """The last traded price."""
        if not self.calendar.never_closes or at < self.state.start:
            at = self.calendar.price_time(instrument.market, at)
        second = at // SECOND
        newest = self._newest.get(instrument.token)
        if newest and newest[0] == second:
            return newest[1]
        price = self.price_in(instrument, second)
        self._newest[instrument.token] = (second, price)
        return price

    def price_in(self, instrument: Instrument, second: int) -> int:
        """The price in a second, whether the market was open then or not."""
        mark = self.mark(instrument.token, second)
        if mark is None:
            return self.round(self.model(instrument, second), instrument)
        begins, price, factor = mark
        if not self.walks or second * SECOND < begins + self.rules.pin_ms:
            return price
        return self.round(self.model(instrument, second) * factor // WHOLE, instrument)

    def settlement_price(self, instrument: Instrument, at: int) -> int:
        """What a contract ends at: unlike a price, that can be nothing."""
        price = self.price(instrument, at)
        moment = self.calendar.price_time(instrument.market, at)
        return price if price > instrument.tick or self.model(instrument, moment // SECOND) else 0

    @staticmethod
    def round(price: int, instrument: Instrument) -> int:
        """The nearest price the exchange knows, never nothing."""
        tick = instrument.tick
        return max((price + tick // 2) // tick * tick, tick)

    def mark(self, token: int, second: int) -> list[int] | None:
        """The price set by hand that governs a second."""
        marks = self.state.marks.get(token)
        if not marks:
            return None
        if marks[-1][0] // SECOND <= second:
            return marks[-1]
        return next((each for each in reversed(marks) if each[0] // SECOND <= second), None)

    def model(self, instrument: Instrument, second: int) -> int:
        """What an instrument is worth by itself, before rounding and without marks."""
        if not instrument.base:
            source = self.by_token[instrument.source]
            return self.derive(instrument, self.price(source, second * SECOND), second)
        value = instrument.base
        if self.walks:
            deviation = self.walk.share_at(
                instrument.walk, instrument.swing, second, with_market=instrument.follows_market
            )
            value += value * deviation // WHOLE
        return self.derive(instrument, value, second)

    def derive(self, instrument: Instrument, spot: int, second: int) -> int:
        """What a contract is worth when what it follows stands at `spot`."""
        if not instrument.expiry:
            return spot
        left = (midnight(instrument.expiry) + EXPIRY_HOUR) // SECOND - second
        if instrument.kind == "FUT":
            return int(pricing.forward(spot, left))
        is_index = self.by_token[instrument.source].is_index
        sigma = pricing.volatility(spot, instrument.strike, is_index=is_index)
        call = instrument.kind == "CE"
        return int(pricing.option(spot, instrument.strike, left, sigma, call=call))

    def set_price(self, instrument: Instrument, price: int, at: int) -> None:
        """Let the instrument trade at this price from now on."""
        resumes = (at + self.rules.pin_ms) // SECOND
        factor = price * WHOLE // max(self.model(instrument, resumes), 1) if self.walks else 0
        self._widen_band(instrument, price, at)
        marks = self.state.marks.setdefault(instrument.token, [])
        if marks and marks[-1][0] == at:
            marks.pop()
        marks.append([at, price, factor])
        _thin(marks)
        self.forget()

    def forget_marks(self) -> None:
        """Drop the marks of contracts that are gone."""
        for token in [token for token in self.state.marks if token not in self.by_token]:
            del self.state.marks[token]

    def _widen_band(self, instrument: Instrument, price: int, at: int) -> None:
        low, high = self.band(instrument, at)
        if low and not low <= price <= high:
            below, above = self._band_around(instrument, price, at)
            self.state.bands[instrument.token] = [min(low, below), max(high, above)]

    def previous_close(self, instrument: Instrument, at: int) -> int:
        """The last price of the day before the one that is shown."""
        return self._close(instrument, self.calendar.previous_close(instrument.market, at))

    def carried_close(self, instrument: Instrument) -> int:
        """The last price before the day of the books: what a carried position is worth at first."""
        return self._close(
            instrument, self.calendar.carried_close(instrument.market, self.state.day)
        )

    def _close(self, instrument: Instrument, moment: int) -> int:
        known = self._closes.get(instrument.token)
        if known and known[0] == moment:
            return known[1]
        close = self.price_in(instrument, moment // SECOND)
        self._closes[instrument.token] = (moment, close)
        return close

    def day_open(self, instrument: Instrument, begins: int) -> int:
        """The first price of the day."""
        known = self._opens.get(instrument.token)
        if known and known[0] == begins:
            return known[1]
        price = self.price_in(instrument, begins // SECOND)
        self._opens[instrument.token] = (begins, price)
        return price

    def band(self, instrument: Instrument, at: int) -> tuple[int, int]:
        """The lowest and highest price an order may have; 0, 0 where there is no band."""
        if instrument.is_index:
            return 0, 0
        widened = self.state.bands.get(instrument.token)
        if widened:
            return widened[0], widened[1]
        return self._band_around(instrument, self.previous_close(instrument, at), at)

    def _band_around(self, instrument: Instrument, close: int, at: int) -> tuple[int, int]:
        tick = instrument.tick
        if instrument.is_option:
            spot = self.previous_close(self.by_token[instrument.source], at)
            return tick, up_to_tick(close + spot // 4, tick)
        part = close // 10 if instrument.has_derivatives or instrument.expiry else close // 5
        return max(up_to_tick(close - part, tick), tick), down_to_tick(close + part, tick)

    def touch(self, instrument: Instrument, at: int) -> tuple[int, int]:
        """The best bid and offer."""
        last, tick = self.price(instrument, at), instrument.tick
        mark = self.mark(instrument.token, at // SECOND)
        if mark and (not self.walks or at < mark[0] + self.rules.pin_ms):
            return last, last  # a price set by hand can be had by both sides
        spread = tick * (1 + last * SPREAD // 1_000_000 // tick)
        if scramble(self.state.seed, instrument.token, at // SECOND) & 1:
            return last - spread, last
        return last, last + spread

    def depth(self, instrument: Instrument, at: int) -> tuple[list[Level], list[Level]]:
        """Five bids and five offers, empty levels as zeros."""
        bid, offer = self.touch(instrument, at)
        low, high = self.band(instrument, at)
        tick, lot = instrument.tick, instrument.lot
        bits = scramble(instrument.token, at // SECOND, self.state.seed)
        unit = max(instrument.daily_volume // 40_000 // lot, 1)
        bids, offers = [], []
        for nth in range(LEVELS):
            size, bits = bits & 63, bits >> 6
            quantity, price = max(unit * (8 + size) // 16, 1) * lot, bid - nth * tick
            bids.append((quantity, price, 1 + size // 4) if price >= max(low, 1) else EMPTY)
            size, bits = bits & 63, bits >> 6
            quantity, price = max(unit * (8 + size) // 16, 1) * lot, offer + nth * tick
            offers.append((quantity, price, 1 + size // 4) if price <= high else EMPTY)
        return bids, offers


def _thin(marks: list[list[int]]) -> None:
    """Of each minute keep the first, highest, lowest and last: enough for its candle."""
    minute = marks[-1][0] // 60_000
    first = len(marks)
    while first and marks[first - 1][0] // 60_000 == minute:
        first -= 1
    tail = marks[first:]
    if len(tail) > LEVELS:
        highest = max(tail, key=lambda each: each[1])
        lowest = min(tail, key=lambda each: each[1])
        kept = [each for each in tail if each in (tail[0], highest, lowest, tail[-1])]
        marks[first:] = kept
    del marks[: max(len(marks) - MARKS_KEPT, 0)]
