"""Cancel every order of an account that still works, and withdraw what waits to leave."""

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
from tradedesk.commands import JsonCommand, seconds


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
        parser.add_argument("--wait", default="0", metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        patience = seconds(options["wait"], "--wait")
        request = uuid.uuid4()
        withdrawn: list[OrderTask] = []
        given: list[OrderTask] = []
        troubles: list[dict[str, Any]] = []
        for account in chosen([options["account"]] if options["account"] else []):
            back, taken, whys = cancelled(account, request)
            withdrawn += back
            given += taken
            troubles += [{"task": None, "account": account.code, "reason": why} for why in whys]
        tasks = waiting.wait(given, patience)
        told = [*withdrawn, *tasks]
        lines = [f"{one['account']}  {one['reason']}" for one in troubles]
        lines += [waiting.line(task) for task in told]
        if withdrawn:
            lines.append(f"{len(withdrawn)} had not left and were withdrawn.")
        facts = troubles + [waiting.facts(task) for task in told]
        self.answer(facts, text="\n".join(lines) or "No order works.", as_json=options["json"])
        code = waiting.code_of(tasks) if patience else waiting.STORED
        if code == waiting.STORED and troubles:
            code = waiting.REFUSED
        if code or patience:
            sys.exit(code)


def cancelled(
    account: BrokerAccount, request: uuid.UUID
) -> tuple[list[OrderTask], list[OrderTask], list[str]]:
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
    withdrawn = changing.withdraw_all(asked)
    try:
        taken = [one.task for one in changing.cancel_all(asked, timezone.now())]
    except NotAccepted as error:
        return withdrawn, [], [*whys, str(error)]
    return withdrawn, taken, whys
