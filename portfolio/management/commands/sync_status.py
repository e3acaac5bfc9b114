"""Tell how fresh the data of each account is."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from orders.datasets import Dataset
from orders.listing import aligned, chosen
from portfolio.management.commands.sync import facts_of
from portfolio.models import SyncRun
from tradedesk.commands import JsonCommand
from tradedesk.times import iso, moment


class Command(JsonCommand):
    help = "Tells, for each account, its last sync and the age and the trouble of each part."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("codes", nargs="*", metavar="CODE", help="these accounts alone")

    def handle(self, *args: Any, **options: Any) -> None:
        now, facts, lines = timezone.now(), [], []
        for account in chosen(options["codes"]):
            datasets = list(Dataset.objects.filter(account=account).order_by("part"))
            run = SyncRun.objects.filter(account=account).first()
            facts.append(
                {
                    "account": account.code,
                    "state": account.state(now).value,
                    "last_run": run and {"started_at": iso(run.started_at), **facts_of(run)},
                    "parts": [facts_of_part(one) for one in datasets],
                }
            )
            lines.append(f"{account.name} ({account.code}), {account.state(now).label}")
            lines += aligned(
                [
                    [one.part, moment(one.synced_at, now) if one.synced_at else "never", one.error]
                    for one in datasets
                ]
            )
        self.answer(
            facts, text="\n".join(lines) or "No account is linked yet.", as_json=options["json"]
        )


def facts_of_part(dataset: Dataset) -> dict[str, Any]:
    return {
        "part": dataset.part,
        "rows": dataset.rows,
        "version": dataset.version,
        "synced_at": iso(dataset.synced_at) if dataset.synced_at else None,
        "error": dataset.error,
        "failing_since": iso(dataset.failing_since) if dataset.failing_since else None,
    }
