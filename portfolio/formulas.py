"""Kite's formulas of positions, holdings and funds, and what they read.

Each is a pure function of a row. It raises Missing where an input is not there: the broker sends
0 for a price that it does not know, and a price of 0 would make a false figure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from accounts.brokers.types import ZERO, Holding, Position, SegmentFunds

DIGITS = 60  # sums and products of any prices and quantities stay exact
HUNDRED = Decimal(100)

NO_LAST_PRICE = "no last price"
NO_CLOSE = "no close of the day before"
NO_BUY_VALUE = "the broker does not tell what was paid"
NO_SELL_VALUE = "the broker does not tell what was received"
NO_MULTIPLIER = "the multiplier of the contract is not known"
NO_AVERAGE = "the average price is not known"
CLOSED = "the position is closed"
NOTHING_HELD = "nothing is held"
NO_SEGMENT = "the broker does not offer this segment"
NOT_ENABLED = "this segment is not enabled"
NO_MARGIN = "there is no margin"


class Missing(Exception):
    """An input is missing; says which."""


def work_out[Inputs](
    formulas: Mapping[str, Callable[[Inputs], Decimal]], inputs: Inputs
) -> tuple[dict[str, Decimal], dict[str, str]]:
    """Try each formula; give the figures that could be had, and why the others could not."""
    figures, reasons = {}, {}
    with localcontext(prec=DIGITS):
        for name, formula in formulas.items():
            try:
                figures[name] = formula(inputs)
            except Missing as missing:
                reasons[name] = str(missing)
    return figures, reasons


def known(value: Decimal | None, reason: str) -> Decimal:
    """Give a price or a value that is really there."""
    if not value or not value.is_finite():
        raise Missing(reason)
    return value


# Positions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PositionInputs:
    """What the formulas read of a position; reading what is not there raises Missing."""

    row: Position
    newer_price: Decimal | None = None

    @property
    def quantity(self) -> int:
        return self.row.quantity

    @property
    def carried(self) -> int:
        return self.row.overnight_quantity

    @property
    def multiplier(self) -> Decimal:
        if self.row.multiplier <= 0:
            raise Missing(NO_MULTIPLIER)
        return self.row.multiplier

    @property
    def last_price(self) -> Decimal:
        return known(self.newer_price or self.row.last_price, NO_LAST_PRICE)

    @property
    def open_value(self) -> Decimal:
        """What is open, at the last price; a closed position needs no price."""
        return self.quantity * self.last_price * self.multiplier if self.quantity else ZERO

    @property
    def bought(self) -> Decimal:
        row = self.row
        return self.turnover(row.buy_quantity, row.buy_value, row.buy_price, NO_BUY_VALUE)

    @property
    def sold(self) -> Decimal:
        row = self.row
        return self.turnover(row.sell_quantity, row.sell_value, row.sell_price, NO_SELL_VALUE)

    @property
    def bought_m2m(self) -> Decimal:
        """What was bought today, and what was carried long at the close of the day before."""
        row = self.row
        today = self.turnover(
            row.day_buy_quantity, row.day_buy_value, row.day_buy_price, NO_BUY_VALUE
        )
        return today + self.at_close(max(self.carried, 0))

    @property
    def sold_m2m(self) -> Decimal:
        row = self.row
        today = self.turnover(
            row.day_sell_quantity, row.day_sell_value, row.day_sell_price, NO_SELL_VALUE
        )
        return today + self.at_close(max(-self.carried, 0))

    def turnover(self, quantity: int, value: Decimal, price: Decimal, reason: str) -> Decimal:
        """Read a value, or make it from its price where a broker tells only that."""
        if not quantity:
            return ZERO
        return value or quantity * known(price, reason) * self.multiplier

    def at_close(self, quantity: int) -> Decimal:
        if not quantity:
            return ZERO
        return quantity * known(self.row.close_price, NO_CLOSE) * self.multiplier


def position_value(of: PositionInputs) -> Decimal:
    return of.sold - of.bought


def position_pnl(of: PositionInputs) -> Decimal:
    return of.sold - of.bought + of.open_value


def position_m2m(of: PositionInputs) -> Decimal:
    return of.sold_m2m - of.bought_m2m + of.open_value


def kite_realised(of: PositionInputs) -> Decimal:
    """Nought: Kite puts all of the P&L under `unrealised`, of closed positions too."""
    return ZERO


def booked(of: PositionInputs) -> Decimal:
    """What is closed, at the averages of all that was bought and sold."""
    return closed_part(of.row.buy_quantity, of.bought, of.row.sell_quantity, of.sold)


def open_pnl(of: PositionInputs) -> Decimal:
    return position_pnl(of) - booked(of)  # so that both parts are exactly the whole


def day_booked(of: PositionInputs) -> Decimal:
    bought = of.row.day_buy_quantity + max(of.carried, 0)
    sold = of.row.day_sell_quantity + max(-of.carried, 0)
    return closed_part(bought, of.bought_m2m, sold, of.sold_m2m)


def day_open(of: PositionInputs) -> Decimal:
    return position_m2m(of) - day_booked(of)


def closed_part(buys: int, bought: Decimal, sells: int, sold: Decimal) -> Decimal:
    """Pair as many sells with buys as there are of both."""
    closed = min(buys, sells)
    if not closed:
        return ZERO
    return closed * sold / sells - closed * bought / buys


def breakeven(of: PositionInputs) -> Decimal:
    if not of.quantity:
        raise Missing(CLOSED)
    return (of.bought - of.sold) / (of.quantity * of.multiplier)


def position_average(of: PositionInputs) -> Decimal:
    if not of.quantity:
        raise Missing(CLOSED)
    return known(of.row.average_price, NO_AVERAGE)


def last_price_of(of: "PositionInputs | HoldingInputs") -> Decimal:
    return of.last_price


def change_percent(of: "PositionInputs | HoldingInputs") -> Decimal:
    """How far the price is from the close of the day before."""
    close = known(of.row.close_price, NO_CLOSE)
    return (of.last_price - close) / close * HUNDRED


POSITION_FIGURES: Mapping[str, Callable[[PositionInputs], Decimal]] = {
    "average_price": position_average,
    "last_price": last_price_of,
    "change_percent": change_percent,
    "value": position_value,
    "current_value": lambda of: of.open_value,
    "pnl": position_pnl,
    "m2m": position_m2m,
    "realised": kite_realised,
    "unrealised": position_pnl,
    "booked": booked,
    "open_pnl": open_pnl,
    "day_booked": day_booked,
    "day_open": day_open,
    "breakeven": breakeven,
}


# Holdings ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HoldingInputs:
    """What the formulas read of a holding; reading what is not there raises Missing."""

    row: Holding
    newer_price: Decimal | None = None

    @property
    def quantity(self) -> int:
        return self.row.quantity + self.row.t1_quantity

    @property
    def last_price(self) -> Decimal:
        return known(self.newer_price or self.row.last_price, NO_LAST_PRICE)

    @property
    def close_price(self) -> Decimal:
        return known(self.row.close_price, NO_CLOSE)

    @property
    def invested(self) -> Decimal:
        """What was paid. Shares that came from another broker have no average until it is entered."""
        if not self.quantity:
            return ZERO
        return self.quantity * known(self.row.average_price, NO_AVERAGE)

    @property
    def current_value(self) -> Decimal:
        return self.quantity * self.last_price if self.quantity else ZERO

    @property
    def day_change(self) -> Decimal:
        return self.last_price - self.close_price


def holding_pnl(of: HoldingInputs) -> Decimal:
    return of.current_value - of.invested


def holding_pnl_percent(of: HoldingInputs) -> Decimal:
    if not of.quantity:
        raise Missing(NOTHING_HELD)
    return holding_pnl(of) / of.invested * HUNDRED


def holding_day_pnl(of: HoldingInputs) -> Decimal:
    return of.quantity * of.day_change if of.quantity else ZERO


HOLDING_FIGURES: Mapping[str, Callable[[HoldingInputs], Decimal]] = {
    "average_price": lambda of: known(of.row.average_price, NO_AVERAGE),
    "last_price": last_price_of,
    "invested": lambda of: of.invested,
    "current_value": lambda of: of.current_value,
    "pnl": holding_pnl,
    "pnl_percent": holding_pnl_percent,
    "day_change": lambda of: of.day_change,
    "day_change_percent": change_percent,
    "day_pnl": holding_day_pnl,
}


# Funds ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SegmentInputs:
    """The money of a segment, where there is one."""

    row: SegmentFunds | None

    @property
    def there(self) -> SegmentFunds:
        if self.row is None:
            raise Missing(NO_SEGMENT)
        if not self.row.is_enabled:
            raise Missing(NOT_ENABLED)
        return self.row


def used_percent(of: SegmentInputs) -> Decimal:
    used = max(of.there.used, ZERO)  # below nought after a sale of holdings
    if used + of.there.net <= 0:
        raise Missing(NO_MARGIN)
    return used / (used + of.there.net) * HUNDRED


FUNDS_FIGURES: Mapping[str, Callable[[SegmentInputs], Decimal]] = {
    "available_margin": lambda of: of.there.net,
    "available_cash": lambda of: of.there.cash,
    "used_margin": lambda of: of.there.used,
    "adhoc_margin": lambda of: of.there.adhoc_margin,
    "total_collateral": lambda of: of.there.collateral,
    "used_percent": used_percent,
}
