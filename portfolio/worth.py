"""The rows of a scope's accounts, valued. Nothing here asks a broker."""

from collections.abc import Iterable

from accounts.brokers.types import Funds
from orders.panels import Scope, Seat
from portfolio.models import FundsRow, HoldingRow, PositionRow
from portfolio.valuation import (
    FundsValue,
    HoldingValue,
    PositionValue,
    value_funds,
    value_holding,
    value_position,
)


def positions(seats: Iterable[Seat], *, is_day: bool = False) -> list[PositionValue]:
    """Value the net positions of these accounts, or those of the day alone."""
    known = {seat.account.pk: seat.account for seat in seats}
    rows = by_seat(PositionRow.objects.filter(account__in=known, is_day=is_day), known)
    return [
        value_position(
            row.told(),
            account=known[row.account_id].code,
            environment=known[row.account_id].environment,
        )
        for row in rows
    ]


def holdings(seats: Iterable[Seat]) -> list[HoldingValue]:
    """Value the holdings of these accounts."""
    known = {seat.account.pk: seat.account for seat in seats}
    return [
        value_holding(
            row.told(),
            account=known[row.account_id].code,
            environment=known[row.account_id].environment,
        )
        for row in by_seat(HoldingRow.objects.filter(account__in=known), known)
    ]


def by_seat[Row: (PositionRow, HoldingRow)](rows: Iterable[Row], known: Iterable[int]) -> list[Row]:
    """Keep the accounts in their order, so that rows alike but for it never change places."""
    place = {pk: number for number, pk in enumerate(known)}
    return sorted(rows, key=lambda row: place[row.account_id])


def funds(seats: Iterable[Seat]) -> list[tuple[Seat, FundsValue, FundsRow | None]]:
    """Value the money of each account's segments, the row as the broker told it beside."""
    known = {seat.account.pk: seat for seat in seats}
    by_account: dict[int, dict[str, FundsRow]] = {pk: {} for pk in known}
    for row in FundsRow.objects.filter(account__in=known):
        by_account[row.account_id][row.segment] = row
    found: list[tuple[Seat, FundsValue, FundsRow | None]] = []
    for pk, rows in by_account.items():
        seat = known[pk]
        if seat.synced_at("funds") is None:
            continue
        told = Funds(
            equity=rows["equity"].told() if "equity" in rows else None,
            commodity=rows["commodity"].told() if "commodity" in rows else None,
        )
        named = {"account": seat.account.code, "environment": seat.account.environment}
        found += [(seat, value, rows.get(value.segment)) for value in value_funds(told, **named)]
    return found


def raw_rows(scope: Scope, model: type[PositionRow | HoldingRow]) -> list[dict[str, object]]:
    """Give the broker's own fields of every row, with its account and age."""
    known = {seat.account.pk: seat for seat in scope.shown}
    rows = model._default_manager.filter(account__in=known)
    return [
        {**row.raw, "account": known[row.account_id].account.code, "synced_at": row.synced_at}
        for row in rows
    ]
