"""Invite a person."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email

from accounts.invitations import AlreadyHere, invite, mail_invitation
from tradedesk.commands import JsonCommand, site


class Command(JsonCommand):
    help = "Invites a person and prints the link, which nobody can read again later."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email")
        parser.add_argument("--url", type=site, help="what the link begins with (SITE_URL)")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        try:
            validate_email(email)
            link = invite(email, origin=options["url"] or "")
        except ValidationError as error:
            raise CommandError(f"{email} is no e-mail address") from error
        except AlreadyHere as error:
            raise CommandError(str(error)) from error
        mailed = mail_invitation(email, link)
        facts = {"email": email, "link": link, "mailed": mailed}
        self.answer(facts, text=link, as_json=options["json"])
