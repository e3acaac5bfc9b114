"""Finish a change of keys."""

from typing import Any

from django.core.management.base import CommandError

from accounts import keys
from accounts.vault import SealBroken
from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = "Seals every stored secret with the first FIELD_ENCRYPTION_KEY; the others may go after that."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            number = keys.seal_again()
        except (keys.WrongKey, SealBroken) as error:
            raise CommandError(f"nothing was changed: {error}") from error
        text = f"{number} secrets are sealed with the first key; the others may go"
        self.answer({"sealed": number}, text=text, as_json=options["json"])
