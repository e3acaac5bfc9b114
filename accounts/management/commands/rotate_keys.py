"""Change the keys that secrets are sealed with, while the desk runs."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import keys
from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = (
        "Seals every stored secret with the first FIELD_ENCRYPTION_KEY and reads each back; the older keys "
        "may go after that. The desk may run meanwhile, with the new key in front. Stopped in the "
        "middle, it is run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--check", action="store_true", help="change nothing; say how much needs an older key"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["check"]:
                sealed, found = 0, self.look()
            else:
                sealed, found = keys.rotate(self.tell)
        except keys.WrongKey as error:
            raise CommandError(f"nothing was changed: {error}") from error
        except keys.StillComing as error:
            raise CommandError(str(error)) from error
        facts = {
            "values": found.values,
            "sealed": sealed,
            "older": found.older,
            "proof_is_older": keys.needs_proof_again(),
            "unreadable": found.broken,
        }
        self.answer(facts, text=in_words(facts), as_json=options["json"])
        if found.broken:
            places = "; ".join(found.broken)
            raise CommandError(
                f"none of our keys opens what lies at: {places}. Put the key they were sealed with back, or "
                "set these secrets up again; the older keys must stay until then"
            )

    def look(self) -> keys.Survey:
        keys.check_keys()
        return keys.survey()

    def tell(self, done: int, of: int) -> None:
        """Show how far it is, where somebody watches."""
        if self.stderr.isatty():
            ending = "\n" if done >= of else ""
            self.stderr.write(f"\r{done} of {max(done, of)} sealed", ending=ending)


def in_words(facts: dict[str, Any]) -> str:
    stored = f"{facts['values']} values are stored"
    if facts["older"]:
        return f"{stored}; {facts['older']} need an older key: run this without --check"
    done = f"{stored}, {facts['sealed']} were sealed again"
    if facts["unreadable"]:
        return f"{done}, {len(facts['unreadable'])} cannot be read"
    if facts["proof_is_older"]:
        return f"{done}; the older keys must stay until this ran without --check"
    return f"{done}. The first key alone opens them all: the older ones may go"
