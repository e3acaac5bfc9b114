"""Bring in the lists of instruments now."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from orders.instruments import MasterImport
from orders.instruments.syncing import sync_all, sync_one
from tradedesk.commands import JsonCommand
from tradedesk.times import iso


class Command(JsonCommand):
    help = "Fetches the instruments of every broker with an account that is logged in, or of one account."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--account", metavar="CODE", help="ask this account's broker alone")
        parser.add_argument(
            "--accept-shrinkage",
            action="store_true",
            help="believe a list that lacks much of an exchange, such as one that was closed",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        done = self.sync(options["account"], accept_shrinkage=options["accept_shrinkage"])
        text = "\n".join(in_words(record) for record in done)
        self.answer([facts(record) for record in done], text=text, as_json=options["json"])
        if bad := [record for record in done if not record.is_done]:
            raise CommandError(f"{bad[0].master} stays as it was: {bad[0].error}")

    def sync(self, code: str | None, *, accept_shrinkage: bool) -> list[MasterImport]:
        now = timezone.now()
        if code:
            known = BrokerAccount.objects.linked().select_related("session", "credentials")
            account = known.filter(code=code).first()
            if account is None:
                raise CommandError(f"no account has the code {code}")
            return [sync_one([account], at=now, accept_shrinkage=accept_shrinkage)]
        done = sync_all(at=now, accept_shrinkage=accept_shrinkage)
        if not done:
            raise CommandError("no account is logged in that could be asked for its instruments")
        return done


def in_words(record: MasterImport) -> str:
    return (
        f"{record.master}: {record.get_outcome_display()}. {record.rows} listed, {record.added} new, "
        f"{record.changed} changed, {record.gone} gone, {record.seconds} s"
    )


def facts(record: MasterImport) -> dict[str, Any]:
    names = (
        "master", "outcome", "rows", "added", "changed", "gone", "duplicates", "unreadable",
        "seconds", "error",
    )  # fmt: skip
    return {name: getattr(record, name) for name in names} | {"at": iso(record.at)}
