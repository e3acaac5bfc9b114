"""Bring accounts' data in now."""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connection

from accounts.brokerage import BrokerAccount
from orders.datasets import Part
from orders.listing import chosen
from portfolio.models import SyncRun
from portfolio.sync import sync_account
from tradedesk.commands import JsonCommand

AT_ONCE = 4


class Command(JsonCommand):
    help = "Brings in the data of all accounts, or of these, whatever beat does meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("codes", nargs="*", metavar="CODE", help="these accounts alone")
        parser.add_argument("--only", default="", help="positions,orders,… instead of everything")

    def handle(self, *args: Any, **options: Any) -> None:
        parts = [one.strip() for one in options["only"].split(",") if one.strip()]
        if unknown := set(parts) - set(Part.values):
            raise CommandError(f"no such part: {min(unknown)}. There are: {', '.join(Part.values)}")
        accounts = chosen(options["codes"])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            runs = list(pool.map(lambda account: self.sync(account, parts), accounts))
        facts = [facts_of(run) for run in runs]
        text = "\n".join(line_of(run) for run in runs) or "No account is linked yet."
        self.answer(facts, text=text, as_json=options["json"])
        if not all(run.success for run in runs):
            sys.exit(1)

    def sync(self, account: BrokerAccount, parts: list[str]) -> SyncRun:
        try:
            run = sync_account(account.pk, parts)
        finally:
            connection.close()
        if self.stderr.isatty():
            self.stderr.write(f"{account.code}: done in {run.duration_ms} ms")
        return run


def facts_of(run: SyncRun) -> dict[str, Any]:
    return {
        "account": run.account.code,
        "account_id": run.account_id,
        "trades_synced": run.trades_synced,
        "orders_synced": run.orders_synced,
        "positions_synced": run.positions_synced,
        "holdings_synced": run.holdings_synced,
        "duration_ms": run.duration_ms,
        "success": run.success,
        "error": run.error,
    }


def line_of(run: SyncRun) -> str:
    counts = (
        f"trades={run.trades_synced} orders={run.orders_synced} "
        f"positions={run.positions_synced} holdings={run.holdings_synced}"
    )
    end = "good" if run.success else f"FAILED: {run.error}"
    return f"{run.account.code}: {counts}, {run.duration_ms} ms, {end}"
