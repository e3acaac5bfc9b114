"""Make keys for production."""

import secrets
from typing import Any

from cryptography.fernet import Fernet

from tradedesk.commands import JsonCommand


class Command(JsonCommand):
    help = "Prints fresh keys. Put a new FIELD_ENCRYPTION_KEY before the old ones, separated by a comma."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        keys = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FIELD_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        }
        lines = "\n".join(f"{name}={key}" for name, key in keys.items())
        self.answer(keys, text=lines, as_json=options["json"])
