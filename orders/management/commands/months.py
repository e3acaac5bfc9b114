"""Look at the monthly parts of events and inbox, and put old ones away."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import OperationalError
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from orders import months
from orders.listing import aligned
from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = (
        "`months list` shows the monthly parts of the tasks' events and of what brokers said; "
        "`months detach 2026-08` puts a past month away. Nothing is ever deleted by it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", choices=["list", "detach"])
        parser.add_argument("month", nargs="?", default="", help="as 2026-08")
        parser.add_argument("--table", choices=[*months.TABLES], help="this one alone")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "detach":
            self.detach(options)
            return
        found = [one for one in months.parts() if options["table"] in {None, one.table}]
        rows = [["table", "month", "rows", "size", ""]]
        rows += [
            [one.table, one.month or "(none)", f"{one.rows:,}", filesizeformat(one.size),
             "put away" if one.is_detached else ""]
            for one in found
        ]  # fmt: skip
        facts = [asdict(one) for one in found]
        self.answer(facts, text="\n".join(aligned(rows)), as_json=options["json"])

    def detach(self, options: dict[str, Any]) -> None:
        tables = [options["table"]] if options["table"] else [*months.TABLES]
        at, month = timezone.now(), options["month"]
        try:
            names = [months.check(table, month, at) for table in tables]
            if not options["yes"] and not self.is_meant(names):
                raise CommandError("Nothing was put away.")
            for table in tables:
                months.detach(table, month, at)
        except months.NotPutAway as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            raise CommandError(
                "The table was busy for 5 s. What is put away now, `months list` shows; try again."
            ) from error
        lines = [f"{name} is put away: it stays in the database under this name." for name in names]
        lines.append("To keep it elsewhere and free the space:")
        lines += [
            f'  pg_dump --table={name} --format=custom --file={name}.dump "$DATABASE_URL"  and then  '
            f"psql \"$DATABASE_URL\" -c 'DROP TABLE {name}'"
            for name in names
        ]
        self.answer({"detached": names}, text="\n".join(lines), as_json=options["json"])

    def is_meant(self, names: list[str]) -> bool:
        question = f"Put away {', '.join(names)}? Pages no longer show what stands there. [y/N] "
        try:
            return input(question).strip().lower() in {"y", "yes"}
        except EOFError:
            return False
