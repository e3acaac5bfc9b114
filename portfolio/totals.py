"""Sums over valued rows: they leave out what is missing and say so, and never mix real money with paper."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Protocol

from accounts.brokers.errors import TradedeskError
from accounts.brokers.types import ZERO
from portfolio.formulas import DIGITS, HUNDRED
from portfolio.valuation import FundsValue, HoldingValue, PositionValue


class Valued(Protocol):
    """A row of figures, whose it is, and why some are missing."""

    @property
    def account(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def reasons(self) -> Mapping[str, str]: ...


class MixedMoney(TradedeskError):
    """Real and practice money were about to be added together."""

    def __init__(self, environments: Iterable[str]) -> None:
        super().__init__(f"money of {' and '.join(sorted(environments))} is never added together")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that a sum does without, and why."""

    account: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of what is known. None: there were rows, and not one had the figure."""

    amount: Decimal | None
    rows: int = 0
    left_out: tuple[LeftOut, ...] = ()

    @property
    def is_whole(self) -> bool:
        return not self.left_out

    @property
    def note(self) -> str:
        """Say what is not in the sum: "excludes 2 rows: no last price"."""
        if self.is_whole:
            return ""
        rows = "1 row" if len(self.left_out) == 1 else f"{len(self.left_out)} rows"
        return f"excludes {rows}: {', '.join(sorted({each.reason for each in self.left_out}))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionTotals:
    """Positions of one kind of money together."""

    rows: int
    closed_rows: int
    value: Total
    current_value: Total
    pnl: Total
    m2m: Total
    booked: Total
    open_pnl: Total
    day_booked: Total
    day_open: Total


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingTotals:
    """Holdings of one kind of money together."""

    rows: int
    invested: Total
    current_value: Total
    pnl: Total
    pnl_percent: Total  # of what was invested in the rows that have a P&L
    day_pnl: Total
    day_percent: Total  # of what the same rows were worth at the close before


@dataclass(frozen=True, slots=True, kw_only=True)
class FundsTotals:
    """The money of several segments or accounts together."""

    rows: int
    available_margin: Total
    available_cash: Total
    used_margin: Total
    adhoc_margin: Total
    total_collateral: Total


def total[Row: Valued](rows: Iterable[Row], figure: str) -> Total:
    """Add up one figure of rows of the same kind of money."""
    rows = one_money(rows)
    amounts = [amount for row in rows if (amount := getattr(row, figure)) is not None]
    left_out = tuple(
        LeftOut(row.account, row.name, row.reasons[figure])
        for row in rows
        if getattr(row, figure) is None
    )
    if rows and not amounts:
        return Total(None, 0, left_out)
    with localcontext(prec=DIGITS):
        return Total(sum(amounts, ZERO), len(amounts), left_out)


def one_money[Row: Valued](rows: Iterable[Row]) -> list[Row]:
    """Let rows of one kind of money through, and nothing else."""
    rows = list(rows)
    environments = {row.environment for row in rows}
    if len(environments) > 1:
        raise MixedMoney(environments)
    return rows


def apart[Row: Valued](rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Part rows by their kind of money: live, sandbox, paper."""
    return {environment: found for (environment, _), found in grouped(rows, lambda _: "").items()}


def grouped[Row: Valued, Key: Hashable](
    rows: Iterable[Row], key: Callable[[Row], Key]
) -> dict[tuple[str, Key], list[Row]]:
    """Group rows, by account or by underlying, always within one kind of money."""
    groups: dict[tuple[str, Key], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.environment, key(row)), []).append(row)
    return groups


def by_account(row: Valued) -> str:
    return row.account


def by_underlying(row: PositionValue | HoldingValue) -> str:
    return row.underlying


def total_positions(rows: Iterable[PositionValue]) -> PositionTotals:
    rows = one_money(rows)
    return PositionTotals(
        rows=len(rows),
        closed_rows=sum(row.is_closed for row in rows),
        value=total(rows, "value"),
        current_value=total(rows, "current_value"),
        pnl=total(rows, "pnl"),
        m2m=total(rows, "m2m"),
        booked=total(rows, "booked"),
        open_pnl=total(rows, "open_pnl"),
        day_booked=total(rows, "day_booked"),
        day_open=total(rows, "day_open"),
    )


def total_holdings(rows: Iterable[HoldingValue]) -> HoldingTotals:
    rows = one_money(rows)
    with_pnl = [row for row in rows if row.pnl is not None]
    with_day = [row for row in rows if row.day_pnl is not None]
    pnl, day_pnl = total(rows, "pnl"), total(rows, "day_pnl")
    before = less(total(with_day, "current_value").amount, day_pnl.amount)
    return HoldingTotals(
        rows=len(rows),
        invested=total(rows, "invested"),
        current_value=total(rows, "current_value"),
        pnl=pnl,
        pnl_percent=share(pnl, total(with_pnl, "invested").amount),
        day_pnl=day_pnl,
        day_percent=share(day_pnl, before),
    )


def total_funds(rows: Iterable[FundsValue]) -> FundsTotals:
    """Add up segments; one that the account does not have is no gap in the sum."""
    rows = [row for row in one_money(rows) if row.available_margin is not None]
    return FundsTotals(
        rows=len(rows),
        available_margin=total(rows, "available_margin"),
        available_cash=total(rows, "available_cash"),
        used_margin=total(rows, "used_margin"),
        adhoc_margin=total(rows, "adhoc_margin"),
        total_collateral=total(rows, "total_collateral"),
    )


def less(amount: Decimal | None, part: Decimal | None) -> Decimal | None:
    return None if amount is None or part is None else amount - part


def share(part: Total, whole: Decimal | None) -> Total:
    """Tell a sum in per cent of another, with the same rows left out."""
    if part.amount is None or not whole:
        return Total(None, part.rows, part.left_out)
    return Total(part.amount / whole * HUNDRED, part.rows, part.left_out)
