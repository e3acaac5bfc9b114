"""Prove the audit."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.audit import verify
from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = "Walks along the whole audit and says whether an event was altered, removed or forged."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--head", default="", help="a head noted earlier, which must still be in the chain"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify(noted=options["head"])
        facts = {"events": verdict.events, "head": verdict.head, "faults": verdict.faults}
        self.answer(
            facts,
            text=self.in_words(verdict.events, verdict.head, verdict.faults),
            as_json=options["json"],
        )
        if verdict.faults:
            raise CommandError(f"the audit is not whole: {len(verdict.faults)} faults")

    def in_words(self, events: int, head: str, faults: list[str]) -> str:
        return "\n".join(faults) or f"{events} events, all whole. Note this head elsewhere: {head}"
