"""What positions, holdings and funds are worth, from what the broker told.

Pure functions of the boundary's rows; the formulas are Kite's and stand in `formulas.py`. A figure
whose input is missing is None and has a reason; it is never nought. Sums are in `totals.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from accounts.brokers.types import Funds, Holding, Position, SegmentFunds
from portfolio.formulas import (
    FUNDS_FIGURES,
    HOLDING_FIGURES,
    POSITION_FIGURES,
    HoldingInputs,
    PositionInputs,
    SegmentInputs,
    work_out,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionValue:
    """One position in figures. What is None has its reason in `reasons`."""

    account: str
    environment: str
    underlying: str
    position: Position
    average_price: Decimal | None = None  # of what is open
    last_price: Decimal | None = None
    change_percent: Decimal | None = None  # of the price, since the close of the day before
    value: Decimal | None = None  # sold less bought
    current_value: Decimal | None = None  # at the last price; below zero when short
    pnl: Decimal | None = None
    m2m: Decimal | None = None  # since the close of the day before: the day's P&L
    realised: Decimal | None = None  # Kite's split: always nought,
    unrealised: Decimal | None = None  # and all of the P&L
    booked: Decimal | None = None  # our split, by averages: what is closed,
    open_pnl: Decimal | None = None  # and what is open
    day_booked: Decimal | None = None  # the same split of the day's P&L
    day_open: Decimal | None = None
    breakeven: Decimal | None = None  # where the P&L, with what is booked, is nought
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.position.exchange}:{self.position.symbol}"

    @property
    def is_closed(self) -> bool:
        return not self.position.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingValue:
    """One holding in figures. Shares on margin (MTF) stand apart at the broker and are not in here."""

    account: str
    environment: str
    holding: Holding
    quantity: int  # settled and bought yesterday; sold today and pledged ones are still in it
    sellable: int
    unauthorised: int  # of those, how many the depository would ask about first
    free: int  # of those, how many are not pledged
    average_price: Decimal | None = None
    last_price: Decimal | None = None
    invested: Decimal | None = None
    current_value: Decimal | None = None
    pnl: Decimal | None = None
    pnl_percent: Decimal | None = None
    day_change: Decimal | None = None  # of one share
    day_change_percent: Decimal | None = None
    day_pnl: Decimal | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.holding.exchange}:{self.holding.symbol}"

    @property
    def underlying(self) -> str:
        return self.holding.symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class FundsValue:
    """The money of one segment under the names that traders know."""

    account: str
    environment: str
    segment: str
    available_margin: Decimal | None = None
    available_cash: Decimal | None = None
    used_margin: Decimal | None = None
    adhoc_margin: Decimal | None = None
    total_collateral: Decimal | None = None
    used_percent: Decimal | None = None  # of what there was to use; more than 100 when overdrawn
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.segment


def value_position(
    position: Position,
    *,
    account: str,
    environment: str,
    underlying: str = "",
    last_price: Decimal | None = None,
) -> PositionValue:
    """Work out a position, at a newer price than the broker's where there is one."""
    figures, reasons = work_out(POSITION_FIGURES, PositionInputs(position, last_price))
    return PositionValue(
        account=account,
        environment=environment,
        underlying=underlying or position.symbol,
        position=position,
        reasons=reasons,
        **figures,
    )


def value_holding(
    holding: Holding, *, account: str, environment: str, last_price: Decimal | None = None
) -> HoldingValue:
    """Work out a holding, at a newer price than the broker's where there is one."""
    figures, reasons = work_out(HOLDING_FIGURES, HoldingInputs(holding, last_price))
    quantity = holding.quantity + holding.t1_quantity
    sellable = max(quantity - holding.used_quantity, 0)
    return HoldingValue(
        account=account,
        environment=environment,
        holding=holding,
        quantity=quantity,
        sellable=sellable,
        unauthorised=max(sellable - holding.authorised_quantity, 0),
        free=max(sellable - holding.collateral_quantity, 0),
        reasons=reasons,
        **figures,
    )


def value_funds(funds: Funds, *, account: str, environment: str) -> tuple[FundsValue, FundsValue]:
    """Name the money of both segments."""
    return (
        value_segment(funds.equity, "equity", account=account, environment=environment),
        value_segment(funds.commodity, "commodity", account=account, environment=environment),
    )


def value_segment(
    funds: SegmentFunds | None, segment: str, *, account: str, environment: str
) -> FundsValue:
    """Name the money of one segment; without the segment there are reasons and no noughts."""
    figures, reasons = work_out(FUNDS_FIGURES, SegmentInputs(funds))
    return FundsValue(
        account=account, environment=environment, segment=segment, reasons=reasons, **figures
    )
