"""What has to be set aside.

Shares for delivery cost their full value, intraday shares a fifth of it. Futures and options
of one underlying are looked at together: the span is the worst loss of all of them over seven
moves of the underlying (none, and a third, two thirds and the whole of a range, up and down),
options repriced at each. A hedge or a calendar spread therefore needs less than its parts.
On top comes the exposure, a part of the value of futures and of options sold.
"""

from dataclasses import dataclass

from . import pricing
from .floor import Floor
from .instruments import Instrument
from .market import EXPIRY_HOUR
from .state import BUY, Account, Position
from .units import PAISA, SECOND, midnight

WHOLE = 10_000  # margins are in hundredths of a percent
RANGES = {"index": (850, 200), "share": (1_400, 350), "CDS": (250, 100), "MCX": (700, 200)}
MOVES = (-3, -2, -1, 0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Leg:
    """So many of an instrument, signed."""

    instrument: Instrument
    quantity: int


@dataclass(frozen=True, slots=True)
class Need:
    """The margin of something, in its parts."""

    span: int = 0
    exposure: int = 0
    premium: int = 0
    value: int = 0  # of shares: `var` in Kite's answer
    leverage: int = 1

    @property
    def total(self) -> int:
        """All of it, up to the next paisa."""
        return up_to_paisa(self.span + self.exposure + self.premium + self.value)


def up_to_paisa(amount: int) -> int:
    """Whole paise, never less."""
    return -(-amount // PAISA) * PAISA


def family(instrument: Instrument) -> str:
    """Contracts that hedge each other share a name."""
    return f"{instrument.exchange}:{instrument.name}"


def rates(floor: Floor, instrument: Instrument) -> tuple[int, int]:
    """Range of the span and exposure, in hundredths of a percent."""
    if instrument.exchange in RANGES:
        return RANGES[instrument.exchange]
    is_index = floor.market.by_token[instrument.source].is_index
    return RANGES["index" if is_index else "share"]


def underlying_price(floor: Floor, instrument: Instrument) -> int:
    """The price the moves are applied to."""
    return floor.last_price(instrument.source or instrument.token)


def span(floor: Floor, legs: list[Leg]) -> int:
    """The worst loss of contracts of one family."""
    if not legs:
        return 0
    losses = [0] * len(MOVES)
    for leg in legs:
        for nth, change in enumerate(_changes(floor, leg.instrument)):
            losses[nth] -= leg.quantity * leg.instrument.multiplier * change
    return max(losses)


def _changes(floor: Floor, instrument: Instrument) -> list[int]:
    reach, _ = rates(floor, instrument)
    spot = underlying_price(floor, instrument)
    moved = [spot * reach * nth // (3 * WHOLE) for nth in MOVES]
    if instrument.kind == "FUT":
        return moved
    left = (midnight(instrument.expiry) + EXPIRY_HOUR - floor.now) // SECOND
    is_index = floor.market.by_token[instrument.source].is_index
    sigma = pricing.volatility(spot, instrument.strike, is_index=is_index)
    call = instrument.kind == "CE"
    now = pricing.option(spot, instrument.strike, left, sigma, call=call)
    return [
        int(pricing.option(spot + move, instrument.strike, left, sigma, call=call) - now)
        for move in moved
    ]


def exposure(floor: Floor, leg: Leg) -> int:
    """A part of the value of a future or of an option sold."""
    instrument = leg.instrument
    if instrument.is_option and leg.quantity > 0:
        return 0
    _, part = rates(floor, instrument)
    spot = underlying_price(floor, instrument)
    return abs(leg.quantity) * instrument.multiplier * spot * part // WHOLE


def option_value(floor: Floor, leg: Leg) -> int:
    """What an option position would fetch; negative for one sold."""
    if not leg.instrument.is_option:
        return 0
    return leg.quantity * leg.instrument.multiplier * floor.last_price(leg.instrument.token)


def held_for(floor: Floor, legs: list[Leg]) -> int:
    """The margin of contracts of one family that are already held."""
    # Premiums of options sold have been credited, so buying them back belongs to the need;
    # options bought are paid for and cannot lose more than they are worth.
    worth = sum(option_value(floor, leg) for leg in legs)
    risk = max(span(floor, legs) - worth, 0)
    return up_to_paisa(risk + sum(exposure(floor, leg) for leg in legs))


def family_legs(floor: Floor, account: Account, instrument: Instrument) -> list[Leg]:
    """What an account holds of the family of a contract."""
    listed = floor.market.by_token
    return [
        Leg(listed[each.token], each.quantity)
        for each in account.positions.values()
        if each.quantity
        and (found := listed.get(each.token)) is not None
        and found.expiry
        and family(found) == family(instrument)
    ]


def need(
    floor: Floor, instrument: Instrument, product: str, side: int, quantity: int, price: int,
    beside: list[Leg],
) -> Need:  # fmt: skip
    """What it takes to open so much, beside what is held already."""
    value = price * quantity * instrument.multiplier
    if instrument.is_share:
        part = share_part(floor, product)
        return Need(value=value * part // WHOLE, leverage=WHOLE // part)
    if instrument.is_option and side == BUY:
        return Need(premium=value)
    leg = Leg(instrument, side * quantity)
    more = span(floor, [*beside, leg]) - span(floor, beside) if beside else span(floor, [leg])
    return Need(span=max(more, 0), exposure=exposure(floor, leg))


def share_part(floor: Floor, product: str) -> int:
    """How much of a share's value is asked for, in hundredths of a percent."""
    if product in ("MIS", "CO"):
        return floor.rules.intraday_margin
    return floor.rules.mtf_margin if product == "MTF" else WHOLE


def hold_margin(floor: Floor, account: Account, position: Position) -> None:
    """Set aside what a position needs after it changed."""
    instrument = floor.market.by_token[position.token]
    if instrument.expiry:
        key, amount = family(instrument), 0
        legs = family_legs(floor, account, instrument)
        amount = held_for(floor, legs) if legs else 0
    else:
        key = f"{position.token}:{position.product}"
        part = 0 if position.delivers else share_part(floor, position.product)
        amount = up_to_paisa(position.cost * part // WHOLE)
    if amount:
        account.margins[key] = amount
    else:
        account.margins.pop(key, None)
