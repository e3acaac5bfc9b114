"""What the commands share that list a part of the accounts' data: whose, how fresh, and in which form."""

import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers import patience
from accounts.ways_in import fresh
from orders.datasets import Dataset, Source, refresh
from orders.panels import Scope
from tradedesk.commands import JsonCommand
from tradedesk.times import iso, moment

FRESH_WITHIN = 15.0  # seconds
MONEY = re.compile(
    r"price|value|pnl|m2m|realised|change|margin|cash|collateral$|net|balance|payin|payout|debits|"
    r"span|exposure|premium|delivery|turnover|sales"
)


class ListCommand(JsonCommand):
    """Lists one part of one account or of all: as the desk knows it, or asked for anew."""

    source: Source
    columns: Sequence[str] = ()  # of the broker's names, shown on a terminal

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--account", metavar="CODE", help="this account alone")
        parser.add_argument(
            "--fresh", action="store_true", help="ask the broker first, and wait up to 15 s for it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = chosen([options["account"]] if options["account"] else [])
        if options["fresh"]:
            for account in accounts:
                freshen(account, self.source)
        ages = dict(
            Dataset.objects.filter(account__in=accounts, part=self.source.part).values_list(
                "account_id", "synced_at"
            )
        )
        facts = [row for account in accounts for row in self.rows(account, ages.get(account.pk))]
        text = "\n".join(self.lines(accounts, ages, facts))
        self.answer(facts, text=text, as_json=options["json"])

    def rows(self, account: BrokerAccount, age: datetime | None) -> list[dict[str, Any]]:
        """Give the rows of one account in the broker's own names."""
        raise NotImplementedError

    def lines(
        self,
        accounts: Iterable[BrokerAccount],
        ages: dict[int, datetime | None],
        facts: Sequence[dict[str, Any]],
    ) -> list[str]:
        now = timezone.now()
        found = []
        for account in accounts:
            age = ages.get(account.pk)
            known = f"as of {moment(age, now)}" if age else "never synced"
            marks = ", ".join(filter(None, [account.code, account.money_mark]))
            found.append(f"{account.name} ({marks}), {known}")
            mine = [row for row in facts if row["account"] == account.code]
            found += aligned([[str(row.get(name, "")) for name in self.columns] for row in mine])
        return found


def spelt(raw: Any, name: str = "") -> Any:
    """Spell a broker's payload: money is text, also where it is a round number; counts are numbers."""
    if isinstance(raw, dict):
        return {key: spelt(value, key) for key, value in raw.items()}
    if isinstance(raw, list):
        return [spelt(value, name) for value in raw]
    if isinstance(raw, int) and not isinstance(raw, bool) and MONEY.search(name):
        return str(raw)
    return raw


def told(raw: dict[str, Any], account: BrokerAccount, age: datetime | None) -> dict[str, Any]:
    """Give a broker's row with whose it is and how old."""
    return {**spelt(raw), "account": account.code, "synced_at": iso(age) if age else None}


def unshown(scope: Scope) -> list[dict[str, Any]]:
    """Say of each account that is logged out that it is: its rows are hidden, not none."""
    return [
        {
            "account": seat.account.code,
            "state": seat.state.value,
            "error": "logged out",
            "synced_at": None,
        }
        for seat in scope.seats
        if not seat.is_shown
    ]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Put the columns below each other."""
    if not rows:
        return ["  nothing"]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def chosen(codes: Sequence[str]) -> list[BrokerAccount]:
    """Find the accounts of these codes, or all; a code that is none is said with those there are."""
    linked = BrokerAccount.objects.linked().select_related("session", "credentials")
    if not codes:
        return list(linked)
    found = {account.code: account for account in linked}
    if missing := [code for code in codes if code not in found]:
        there = ", ".join(found) or "none is linked yet"
        raise CommandError(f"no account has the code {missing[0]!r}. There are: {there}")
    return [found[code] for code in codes]


def freshen(account: BrokerAccount, source: Source) -> None:
    """Have the broker asked now, by us or by whoever is at it; end with the reason if it fails."""
    began, ends = timezone.now(), time.monotonic() + FRESH_WITHIN
    with patience.within(FRESH_WITHIN):
        outcome = refresh(fresh(account), source)
    while outcome.is_skipped:
        done = Dataset.objects.filter(account=account, part=source.part, synced_at__gte=began)
        if done.exists():
            return
        if time.monotonic() > ends:
            raise CommandError(f"{account.code}: no answer within {FRESH_WITHIN:.0f} s")
        time.sleep(0.1)
        with patience.within(max(0.5, ends - time.monotonic())):
            outcome = refresh(fresh(account), source)
    if outcome.error:
        raise CommandError(f"{account.code}: {outcome.error}")
