"""Ask one account's broker for everything the desk lives by; no order is sent."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.checkup import CHECKS, Finding, examine
from accounts.management.commands.login_account import linked
from tradedesk.commands import JsonCommand

WIDEST = max(map(len, CHECKS))


class Command(JsonCommand):
    help = (
        "Asks an account's broker for profile, holdings, positions, orders, trades, funds and one basket "
        "margin (a NIFTY future with a call and a put). Sends no order. Ends with 1 if a check failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("code", help="the account's code, as `accounts` lists it")

    def handle(self, *args: Any, **options: Any) -> None:
        account = linked(options["code"])
        found = []
        for finding in examine(account):
            found.append(finding)
            if not options["json"]:  # as it happens: the last check takes longest
                self.stdout.write(in_words(finding))
        failed = [finding.check for finding in found if not finding.ok]
        if options["json"]:
            checks = [asdict(finding) for finding in found]
            facts = {"code": account.code, "ok": not failed, "checks": checks}
            self.answer(facts, text="", as_json=True)
        if failed:
            raise CommandError(f"{account.code}: {len(failed)} of {len(found)} failed")


def in_words(finding: Finding) -> str:
    mark = "ok    " if finding.ok else "FAILED"
    return f"{finding.check:{WIDEST}}  {mark}  {finding.took_ms:>6} ms  {finding.result}"
