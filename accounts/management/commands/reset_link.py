"""Help somebody who forgot their password."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import audit
from accounts.passwords import reset_link
from accounts.people import person
from tradedesk.commands import JsonCommand, site


class Command(JsonCommand):
    help = "Prints a link that sets a new password once, within the hour. The second factor stays."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email")
        parser.add_argument("--url", type=site, help="what the link begins with (SITE_URL)")

    def handle(self, *args: Any, **options: Any) -> None:
        user = person(options["email"])
        if not user.is_active:
            raise CommandError(f"{user.email} may not log in: switch them on first, in the tables")
        audit.record("password.reset-link", object=user.email)
        link = reset_link(user, origin=options["url"] or "")
        self.answer({"email": user.email, "link": link}, text=link, as_json=options["json"])
