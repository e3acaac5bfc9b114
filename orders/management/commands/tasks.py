"""Look at what was asked for at brokers, and decide about what the engine gave up."""

import getpass
from typing import Any

from django.core.management.base import CommandError, CommandParser

from orders import waiting
from orders.engine import operator
from orders.engine.accept import NotAccepted
from orders.engine.models import OrderTask, TaskEvent
from orders.listing import chosen
from tradedesk.commands import JsonCommand
from tradedesk.times import iso

DECISIONS = ("withdraw", "refresh", "link", "resend", "abandon")


class Command(JsonCommand):
    help = (
        "`tasks list` shows what is not at its end, `dead` what a person has to decide, `show ID` one with every "
        "step; `withdraw ID` ends what waits; `refresh`, `link`, `resend` and `abandon ID --reason TEXT` decide."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", choices=["list", "dead", "show", *DECISIONS])
        parser.add_argument("task", nargs="?", help="its number, as T12 or 12")
        parser.add_argument("--account", metavar="CODE")
        parser.add_argument("--all", action="store_true", help="`list`: those at their end, too")
        parser.add_argument("--reason", default="", metavar="TEXT")
        parser.add_argument("--order", default="", metavar="ORDER-ID", help="for `link`")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] in {"list", "dead"}:
            self.list(options)
            return
        task = found(options["task"])
        try:
            decide(task, options)
        except NotAccepted as error:
            raise CommandError(str(error), returncode=waiting.REFUSED) from error
        self.show(task, options)

    def list(self, options: dict[str, Any]) -> None:
        tasks = OrderTask.objects.select_related("account").order_by("-created_at", "-pk")
        if options["account"]:
            tasks = tasks.filter(account=chosen([options["account"]])[0])
        if options["action"] == "dead":
            tasks = tasks.dead_letters()
        elif not options["all"]:
            tasks = tasks.working() | tasks.dead_letters()
        rows = list(tasks[:500])
        text = "\n".join(waiting.line(one) for one in rows) or "Nothing waits."
        self.answer([waiting.facts(one) for one in rows], text=text, as_json=options["json"])

    def show(self, task: OrderTask, options: dict[str, Any]) -> None:
        events = TaskEvent.objects.filter(task_id=task.pk)
        steps = [
            {"at": iso(one.at), "what": one.what, "who": one.who, "changes": one.changes}
            for one in events
        ]
        tries = [
            {"number": one.number, "tag": one.tag, "outcome": one.outcome, "status": one.status,
             "message": one.message, "elapsed_ms": one.elapsed_ms}
            for one in task.tries.all()
        ]  # fmt: skip
        lines = [waiting.line(task)]
        if len(steps) < task.version:
            lines.append(
                f"  {task.version - len(steps)} earlier steps are put away: see `months list`"
            )
        lines += [f"  {one['at']}  {one['what']}  by {one['who']}" for one in steps]
        lines += [
            f"  attempt {one['number']}, tag {one['tag']}: {one['outcome'] or 'no answer'}"
            for one in tries
        ]
        facts = waiting.facts(task) | {"params": task.params, "steps": steps, "tries": tries}
        self.answer(facts, text="\n".join(lines), as_json=options["json"])


def found(text: str | None) -> OrderTask:
    """Find a task by its number."""
    number = (text or "").upper().removeprefix("T")
    task = None
    if number.isascii() and number.isdecimal() and len(number) < 19:
        task = OrderTask.objects.select_related("account").filter(pk=int(number)).first()
    if task is None:
        raise CommandError(
            f"There is no task {text or ''}. `tasks list --all` shows them.",
            returncode=waiting.WRONG,
        )
    return task


def decide(task: OrderTask, options: dict[str, Any]) -> None:
    who, why = f"{getpass.getuser()} at the shell", options["reason"]
    if options["action"] == "withdraw":
        operator.withdraw(task, who=who)
    elif options["action"] == "refresh":
        operator.refresh(task)
    elif options["action"] == "resend":
        operator.resend(task, who=who, why=why)
    elif options["action"] == "abandon":
        operator.abandon(task, who=who, why=why)
    elif options["action"] == "link":
        if not options["order"]:
            raise NotAccepted("Say which order it is: --order ORDER-ID.")
        operator.link(task, options["order"], who=who, why=why)
