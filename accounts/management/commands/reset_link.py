"""Help somebody who forgot their password."""

from typing import Any

from django.core.management.base import CommandParser

from accounts import audit
from accounts.passwords import reset_link
from accounts.people import person
from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = "Prints a link that sets a new password once, within the hour. The second factor stays."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email")
        parser.add_argument("--url", default="", help="what the link begins with (SITE_URL)")

    def handle(self, *args: Any, **options: Any) -> None:
        user = person(options["email"])
        audit.record("password.reset-link", object=user.email)
        link = reset_link(user, origin=options["url"])
        self.answer({"email": user.email, "link": link}, text=link, as_json=options["json"])
