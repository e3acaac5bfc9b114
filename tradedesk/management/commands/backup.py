"""Back the desk up."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from tradedesk.commands import JsonCommand
from tradedesk.desk import CannotStart
from tradedesk.desk.backup import back_up


class Command(JsonCommand):
    help = "Writes all that the desk keeps into one file. The keys are not in it: keep them apart."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            facts = back_up(options["file"].resolve())
        except (CannotStart, OSError) as error:
            raise CommandError(str(error)) from error
        text = (
            f"{facts['file']}, {facts['bytes']:,} bytes. Keep the keys of the home apart from it."
        )
        self.answer(facts, text=text, as_json=options["json"])
