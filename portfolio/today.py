"""What today brought: the day's result of positions, what of it is booked, and by which account."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orders.datasets import Part
from orders.listing import unshown
from orders.panels import Panel, Scope, Seat
from portfolio import worth
from portfolio.totals import HoldingTotals, PositionTotals, total_holdings, total_positions

PARTS = (Part.POSITIONS, Part.HOLDINGS)
HALF = 50  # of the width of a bar that grows to either side of its middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One account's part in the day."""

    seat: Seat
    amount: Decimal | None
    width: int  # of the bar, 0 to 50

    @property
    def left(self) -> int:
        """Tell where the bar begins: a loss grows to the left of the middle."""
        return HALF - self.width if self.amount is not None and self.amount < 0 else HALF


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The day in one kind of money."""

    environment: str
    positions: PositionTotals
    holdings: HoldingTotals
    shares: list[Share]
    reasons: dict[str, str]  # why a figure is missing

    def of_positions(self, figure: str) -> Decimal | None:
        amount: Decimal | None = getattr(self.positions, figure).amount
        return None if "positions" in self.reasons else amount

    @property
    def holdings_day(self) -> Decimal | None:
        return None if "holdings_day" in self.reasons else self.holdings.day_pnl.amount

    @property
    def holdings_value(self) -> Decimal | None:
        return None if "holdings_value" in self.reasons else self.holdings.current_value.amount


def days(scope: Scope) -> list[Day]:
    """Work out the day for each kind of money that is shown."""
    positions, holdings = worth.positions(scope.shown), worth.holdings(scope.shown)
    found = []
    for seats in scope.environments:
        environment = seats[0].account.environment
        mine = [row for row in positions if row.environment == environment]
        own = [row for row in holdings if row.environment == environment]
        amounts = {
            seat.account.code: total_positions(
                row for row in mine if row.account == seat.account.code
            ).m2m.amount
            if seat.synced_at(Part.POSITIONS)
            else None
            for seat in seats
        }
        largest = max((abs(amount) for amount in amounts.values() if amount), default=Decimal(0))
        shares = [
            Share(
                seat=seat,
                amount=amounts[seat.account.code],
                width=width_of(amounts[seat.account.code], largest),
            )
            for seat in seats
        ]
        found.append(
            Day(
                environment=environment,
                positions=total_positions(mine),
                holdings=total_holdings(own),
                shares=shares,
                reasons=reasons_of(seats),
            )
        )
    return found


def reasons_of(seats: list[Seat]) -> dict[str, str]:
    """Say why there is nothing to say: what never came is not nought."""
    reasons = {}
    if not any(seat.synced_at(Part.HOLDINGS) for seat in seats):
        late = "the holdings did not come yet"
        reasons = dict.fromkeys(("holdings_day", "holdings_value"), late)
    if not any(seat.synced_at(Part.POSITIONS) for seat in seats):
        reasons["positions"] = "the positions did not come yet"
    return reasons


def width_of(amount: Decimal | None, largest: Decimal) -> int:
    return int(abs(amount) * HALF / largest) if amount and largest else 0


def body(panel: Panel) -> list[Day]:
    return days(panel.scope)


def as_json(scope: Scope) -> list[dict[str, Any]]:
    """Give the figures of the day for programs."""
    return [
        {
            "environment": day.environment,
            "day_pnl": day.of_positions("m2m"),
            "booked": day.of_positions("day_booked"),
            "open": day.of_positions("day_open"),
            "pnl": day.of_positions("pnl"),
            "holdings_day_pnl": day.holdings_day,
            "excluded": len(day.positions.m2m.left_out),
            "accounts": {share.seat.account.code: share.amount for share in day.shares},
        }
        for day in days(scope)
    ] + unshown(scope)
