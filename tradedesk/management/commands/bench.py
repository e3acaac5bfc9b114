"""Measure the product on this machine."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tradedesk import bench
from tradedesk.bench.rows import ROWS


class Command(BaseCommand):
    help = "Measures rows against their goals, on a throw-away desk of its own."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rows", nargs="*", metavar="ROW", help="which to measure (all)")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here")
        parser.add_argument("--list", action="store_true", help="name the rows and measure nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            for row in ROWS:
                self.stdout.write(f"{row.name:16} {row.what}")
            return
        known = {row.name: row for row in ROWS}
        if unknown := [name for name in options["rows"] if name not in known]:
            raise CommandError(f"no row {unknown[0]}; --list names them")
        rows = [known[name] for name in options["rows"]] or ROWS
        results = bench.run(rows, say=lambda text: self.stderr.write(text))
        if options["json"]:
            options["json"].write_text(json.dumps({"rows": results}, indent=1))
        for result in results:
            mark = "ok  " if result["ok"] else "MISS"
            self.stdout.write(
                f"{mark} {result['name']:16} {result['value']} (goal {result['goal']})"
            )
        if broken := [result["name"] for result in results if "error" in result["detail"]]:
            raise CommandError(f"could not be measured: {', '.join(broken)}")
