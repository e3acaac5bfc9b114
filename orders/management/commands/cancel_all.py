"""Cancel every order of an account that still works."""

import getpass
import sys
import uuid
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from orders import changing, waiting
from orders.engine.accept import Asked, NotAccepted
from orders.engine.models import OrderTask, Source
from orders.listing import chosen, freshen
from orders.syncing import SOURCES
from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = (
        "Cancels all working orders of an account, or of all accounts with --all, after reading the book anew. "
        "An account that cannot be read or is stopped holds no other back; it is said, and the exit code is 3."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        wanted = parser.add_mutually_exclusive_group(required=True)
        wanted.add_argument("--account", metavar="CODE")
        wanted.add_argument("--all", action="store_true", help="of every account")
        parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        request = uuid.uuid4()
        given: list[OrderTask] = []
        troubles: list[dict[str, Any]] = []
        for account in chosen([options["account"]] if options["account"] else []):
            taken, whys = cancelled(account, request)
            given += taken
            troubles += [{"task": None, "account": account.code, "reason": why} for why in whys]
        tasks = waiting.wait(given, options["wait"])
        lines = [f"{one['account']}  {one['reason']}" for one in troubles]
        lines += [waiting.line(task) for task in tasks]
        facts = troubles + [waiting.facts(task) for task in tasks]
        self.answer(facts, text="\n".join(lines) or "No order works.", as_json=options["json"])
        code = waiting.code_of(tasks) if options["wait"] else waiting.STORED
        if code == waiting.STORED and troubles:
            code = waiting.REFUSED
        if code or options["wait"]:
            sys.exit(code)


def cancelled(account: BrokerAccount, request: uuid.UUID) -> tuple[list[OrderTask], list[str]]:
    """Have all that works ended, by the book as it is where nobody can read it; say what went wrong."""
    whys = []
    try:
        freshen(account, SOURCES[0])
    except CommandError as error:
        whys.append(f"The book was not read ({error}); what is known to work is cancelled.")
    asked = Asked(
        account=account, key=request.hex, source=Source.COMMAND,
        who=f"{getpass.getuser()} at the shell", request=request,
    )  # fmt: skip
    try:
        return [one.task for one in changing.cancel_all(asked, timezone.now())], whys
    except NotAccepted as error:
        return [], [*whys, str(error)]
