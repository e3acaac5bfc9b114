"""Cancel every order of an account that still works, and withdraw what waits to leave."""

import getpass
import sys
import uuid
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from orders import changing, waiting
from orders.engine.accept import Asked
from orders.engine.models import Source
from orders.listing import chosen, freshen
from orders.syncing import SOURCES
from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = "Cancels all working orders of an account, or of all accounts with --all, after reading the book anew."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        wanted = parser.add_mutually_exclusive_group(required=True)
        wanted.add_argument("--account", metavar="CODE")
        wanted.add_argument("--all", action="store_true", help="of every account")
        parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        request = uuid.uuid4()
        given, withdrawn = [], []
        for account in chosen([options["account"]] if options["account"] else []):
            freshen(account, SOURCES[0])
            asked = Asked(
                account=account, key=request.hex, source=Source.COMMAND,
                who=f"{getpass.getuser()} at the shell", request=request,
            )  # fmt: skip
            withdrawn += changing.withdraw_all(asked)
            given += [one.task for one in changing.cancel_all(asked, timezone.now())]
        tasks = waiting.wait(given, options["wait"])
        told = [*withdrawn, *tasks]
        text = "\n".join(waiting.line(task) for task in told) or "No order works."
        text += f"\n{len(withdrawn)} had not left and were withdrawn." if withdrawn else ""
        self.answer([waiting.facts(task) for task in told], text=text, as_json=options["json"])
        if options["wait"]:
            sys.exit(waiting.code_of(tasks))
