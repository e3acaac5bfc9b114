"""Restore the desk from a backup."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from tradedesk.commands import JsonCommand
from tradedesk.desk import CannotStart
from tradedesk.desk.backup import restore


class Command(JsonCommand):
    help = "Puts a backup in place of what the home holds. The desk must be stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            facts = restore(options["file"].resolve())
        except (CannotStart, OSError) as error:
            raise CommandError(str(error)) from error
        text = f"restored what was kept at {facts['made_at']}"
        if not facts["keys_fit"]:
            text += (
                ". The keys of this home are not those of the backup: put the old ones into its "
                "folder keys/ before the desk starts, or nothing encrypted can be read"
            )
        self.answer(facts, text=text, as_json=options["json"])
