"""Bringing an account's data in: each part by itself, so that one failure spoils nothing else."""

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers.base import Broker
from accounts.brokers.limits import as_sync
from accounts.ways_in import fresh
from orders.datasets import Outcome, Part, Source, refresh
from orders.risk import triggers
from orders.syncing import SOURCES as ORDER_SOURCES
from portfolio.models import FundsRow, HoldingRow, PositionRow, SyncRun
from portfolio.state import ToldRow

logger = logging.getLogger(__name__)
COUNTED = (Part.TRADES, Part.ORDERS, Part.POSITIONS, Part.HOLDINGS)
NOT_LOGGED_IN = "the account is not logged in"


def replace(model: type[ToldRow], account: BrokerAccount, rows: Iterable[ToldRow]) -> int:
    """Put these rows in the place of all that stood for the account."""
    model._default_manager.filter(account=account).delete()
    return len(model._default_manager.bulk_create(list(rows)))


def fetch_positions(broker: Broker) -> Sequence[tuple[bool, Any]]:
    told = broker.positions()
    return [(False, row) for row in told.net] + [(True, row) for row in told.day]


def keep_positions(account: BrokerAccount, told: Sequence[Any], at: datetime) -> int:
    columns = PositionRow.columns
    rows = (
        PositionRow(account=account, is_day=is_day, synced_at=at, **columns(row))
        for is_day, row in told
    )
    return replace(PositionRow, account, rows)


def keep_holdings(account: BrokerAccount, told: Sequence[Any], at: datetime) -> int:
    columns = HoldingRow.columns
    rows = (HoldingRow(account=account, synced_at=at, **columns(row)) for row in told)
    return replace(HoldingRow, account, rows)


def fetch_funds(broker: Broker) -> Sequence[tuple[str, Any]]:
    told = broker.funds()
    both = (("equity", told.equity), ("commodity", told.commodity))
    return [(segment, row) for segment, row in both if row is not None]


def keep_funds(account: BrokerAccount, told: Sequence[Any], at: datetime) -> int:
    columns = FundsRow.columns
    rows = (
        FundsRow(account=account, segment=segment, synced_at=at, **columns(row))
        for segment, row in told
    )
    return replace(FundsRow, account, rows)


SOURCES: dict[str, Source] = {
    str(source.part): source
    for source in (
        *ORDER_SOURCES,
        Source(
            part=Part.POSITIONS,
            fetch=fetch_positions,
            key=lambda row: (row[0], row[1].exchange, row[1].symbol, row[1].product),
            keep=keep_positions,
        ),
        Source(
            part=Part.HOLDINGS,
            fetch=lambda broker: broker.holdings(),
            key=lambda row: (row.exchange, row.symbol, row.isin, row.product),
            keep=keep_holdings,
        ),
        Source(part=Part.FUNDS, fetch=fetch_funds, key=lambda row: row[0], keep=keep_funds),
    )
}


def refresh_part(account_id: int, part: str) -> Outcome:
    """Renew one part of one account now."""
    return renew(fresh(BrokerAccount(pk=account_id)), SOURCES[part])


def renew(account: BrokerAccount, source: Source) -> Outcome:
    """Fetch and keep a part; what it says against further orders counts at once."""
    outcome = refresh(account, source)
    if outcome.is_good and not outcome.is_skipped:
        if source.part == Part.POSITIONS:
            triggers.look(account)
        elif source.part == Part.TRADES:
            triggers.look_at_positions(account)
    return outcome


def sync_account(account_id: int, parts: Sequence[str] = ()) -> SyncRun:
    """Bring in all parts of an account, or these, and record what came of it."""
    began, started_at = time.monotonic(), timezone.now()
    account = fresh(BrokerAccount(pk=account_id))
    with as_sync():
        outcomes = [renew(account, SOURCES[part]) for part in parts or SOURCES]
    counts = {one.part: one.rows for one in outcomes}
    errors = [f"{one.part}: {one.error}" for one in outcomes if one.error]
    run = SyncRun.objects.create(
        account=account,
        started_at=started_at,
        duration_ms=round((time.monotonic() - began) * 1000),
        success=not errors,
        error="; ".join(errors),
        changes={one.part: one.changed for one in outcomes if one.changed},
        **{f"{part}_synced": counts.get(part, 0) for part in COUNTED},
    )
    if errors:
        logger.warning("failed to sync account %s: %s", account.code, run.error)
    return run


def due_accounts() -> list[int]:
    """Name the accounts that are logged in."""
    return list(BrokerAccount.objects.logged_in().values_list("pk", flat=True))
