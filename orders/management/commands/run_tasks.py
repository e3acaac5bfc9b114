"""Do the engine's work in this process, where no `stream` runs."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders.engine.runner import run_once
from orders.engine.sending import Sender


class Command(BaseCommand):
    help = "Sends what waits, looks for what is unclear, and ends what is too old."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="look once and end")
        parser.add_argument("--json", action="store_true", help="with --once: tell it as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        sender = Sender()
        while True:
            steps = run_once(sender)
            if options["once"]:
                words = f"{steps} step{'' if steps == 1 else 's'} taken"
                self.stdout.write(json.dumps({"steps": steps}) if options["json"] else words)
                return
            time.sleep(0.2)
