"""Place an order from a shell or a script, by the same rules as from a page."""

import getpass
import sys
import uuid
from typing import Any, NoReturn

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from accounts.brokers.errors import TradedeskError
from orders import front, waiting
from orders.engine.accept import (
    WHAT_A_KEY_IS,
    Accepted,
    Asked,
    KeyUsed,
    PossibleDuplicate,
    is_key,
)
from orders.engine.models import Source
from orders.listing import chosen
from orders.tickets.forms import TicketForm
from tradedesk.commands import JsonCommand, seconds


class Command(JsonCommand):
    help = (
        "Places an order. It returns when the order is stored (0), and with --wait when it is known what became "
        "of it: 0 registered, 3 refused, 4 unknown, 5 dead letter, 6 still waiting. 2 is wrong input, 3 also "
        "that trading is stopped, 7 a possible duplicate. With --json all of it is told as JSON. The same --key again gives the same task and sends nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--account", required=True, metavar="CODE")
        parser.add_argument("--instrument", required=True, metavar="NSE:INFY")
        parser.add_argument("--side", required=True)
        parser.add_argument("--quantity", required=True)
        parser.add_argument("--type", required=True, dest="order_type", metavar="LIMIT")
        parser.add_argument("--product", required=True, metavar="CNC")
        parser.add_argument("--price", default="")
        parser.add_argument("--trigger", default="", dest="trigger_price")
        parser.add_argument("--validity", default="")
        parser.add_argument("--validity-minutes", default="")
        parser.add_argument("--variety", default="")
        parser.add_argument(
            "--disclosed", default="", dest="disclosed_quantity", metavar="QUANTITY",
            help="how much of it the market sees",
        )  # fmt: skip
        parser.add_argument(
            "--iceberg-legs", default="", metavar="NUMBER", help="with --variety iceberg"
        )
        parser.add_argument(
            "--iceberg-quantity", default="", help="of one leg: the quantity divided by the legs"
        )
        parser.add_argument(
            "--auction-number", default="", help="with --variety auction: as the broker lists it"
        )
        parser.add_argument("--protection", default="", help="per cent; -1 leaves it to the broker")
        parser.add_argument("--autoslice", action="store_true", help="let the broker cut it up")
        parser.add_argument("--strategy", default="", help="up to three letters or digits")
        parser.add_argument("--key", default="", help="whoever repeats it gets the same task")
        parser.add_argument(
            "--confirm-duplicate", action="store_true",
            help="send it although the same was given within five minutes",
        )  # fmt: skip
        parser.add_argument("--wait", default="0", metavar="SECONDS")
        parser.add_argument("--dry-run", action="store_true", help="look it over, store nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            patience = seconds(options["wait"], "--wait")
            accepted = self.taken(options)
        except PossibleDuplicate as question:
            text = f"{question} Add --confirm-duplicate."
            self.refuse(waiting.DUPLICATE, "DUPLICATE", text, options)
        except (CommandError, KeyUsed, front.Refused) as error:
            self.refuse(waiting.WRONG, "WRONG", str(error), options)
        except TradedeskError as error:
            self.refuse(waiting.REFUSED, "REFUSED", str(error), options)
        if accepted is None:
            return
        [task] = waiting.wait([accepted.task], patience)
        facts = waiting.facts(task, replayed=accepted.is_replay)
        self.answer(facts, text=waiting.line(task), as_json=options["json"])
        if patience:
            sys.exit(waiting.code_of([task]))

    def taken(self, options: dict[str, Any]) -> Accepted | None:
        """Look the order over and have it stored, or give what its key stands for; a dry run stores none."""
        [account] = chosen([options["account"]])
        form = TicketForm({name: options.get(name) for name in TicketForm.base_fields})
        if not form.is_valid():
            raise CommandError(problems_of(form))
        if options["key"] and not is_key(options["key"]):
            raise CommandError(f"--key: {WHAT_A_KEY_IS}")
        asked = Asked(
            account=account, key=options["key"] or uuid.uuid4().hex, source=Source.COMMAND,
            who=f"{getpass.getuser()} at the shell", strategy=form.strategy_code,
        )  # fmt: skip
        if not options["dry_run"] and (earlier := front.standing(asked, form.ticket)):
            return earlier
        at = timezone.now()
        form.judge(
            front.facts_of(form.ticket, account, at, may_wait=True)
        )  # no person's own limits
        if not form.is_valid():
            raise CommandError(problems_of(form))
        if options["dry_run"]:
            self.answer({"ticket": form.ticket.canonical(), "state": "", "reason": ""},
                        text="Nothing is wrong with it. Nothing was stored.", as_json=options["json"])  # fmt: skip
            return None
        try:
            return front.place(asked, form.ticket, at)
        except PossibleDuplicate as question:
            if not options["confirm_duplicate"]:
                raise
            return front.place(front.confirming(asked, question.earlier), form.ticket, at)

    def refuse(self, code: int, state: str, why: str, options: dict[str, Any]) -> NoReturn:
        """Say why nothing was stored: to a program with the fields of a task."""
        if not options["json"]:
            raise CommandError(why, returncode=code)
        facts = {
            "task": None, "key": options["key"], "replayed": False, "state": state,
            "order_id": "", "reason": why,
        }  # fmt: skip
        self.answer(facts, text=why, as_json=True)
        sys.exit(code)


def problems_of(form: TicketForm) -> str:
    """Say what is wrong with each field, by the option's own name."""
    names = {
        "order_type": "type", "trigger_price": "trigger", "disclosed_quantity": "disclosed",
        "__all__": "order",
    }  # fmt: skip
    lines = [
        f"--{names.get(field, field).replace('_', '-')}: {' '.join(map(str, errors))}"
        for field, errors in form.errors.items()
    ]
    return "\n".join(lines)
