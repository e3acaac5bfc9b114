"""The figures on the rail: each account's day and how much of its margin is used."""

from collections.abc import Iterable
from typing import Any

from accounts.models import User
from orders.panels import scope_of
from portfolio import worth
from portfolio.totals import total_funds, total_positions


def figures(user: User) -> dict[str, dict[str, Any]]:
    """Give, by the account's code, the day's result and the per cent of margin in use."""
    scope = scope_of(user)
    positions, money = worth.positions(scope.shown), worth.funds(scope.shown)
    found = {}
    for seat in scope.shown:
        code = seat.account.code
        mine = [row for row in positions if row.account == code]
        segments = [value for owner, value, _ in money if owner.account.code == code]
        found[code] = {
            "result": total_positions(mine).m2m.amount if seat.synced_at("positions") else None,
            "used": used_percent(segments),
        }
    return found


def used_percent(segments: Iterable[Any]) -> int | None:
    sums = total_funds(segments)
    used, free = sums.used_margin.amount, sums.available_margin.amount
    if used is None or free is None or used + free <= 0:
        return None
    return max(0, int(used * 100 / (used + free)))  # more than 100 when overdrawn
