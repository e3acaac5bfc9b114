"""Help somebody who lost their phone."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.people import person
from accounts.second_factor import reset_second_factor
from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = "Removes a person's second factors and logs them out everywhere. Recorded in the audit."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        user = person(options["email"])
        removed = reset_second_factor(user)
        self.answer(
            {"email": user.email, "removed": removed},
            text=f"{user.email} has no second factor any more ({removed} removed) and is logged out.",
            as_json=options["json"],
        )
