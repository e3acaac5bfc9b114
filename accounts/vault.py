"""Secrets that must be kept: encrypted with our keys, bound to their place, refused when unreadable."""

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from encrypted_model_fields import fields as package


class SealBroken(Exception):
    """A stored secret cannot be read here: a wrong key, tampering, or another field's content."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}")


def seal(text: str, place: str) -> str:
    """Encrypt a text so that it can be read again only at this place."""
    if not settings.KEYS_ARE_KEPT:
        raise ImproperlyConfigured(
            "no key is kept to encrypt with: start the desk once (`python3 manage.py desk`), or set "
            "FIELD_ENCRYPTION_KEY and SECRET_KEY"
        )
    wrapped = json.dumps({"c": place, "v": text}, ensure_ascii=False)
    return str(package.get_crypter().encrypt(wrapped.encode()).decode("ascii"))


def unseal(token: str, place: str) -> str:
    """Read what was sealed at this place, or raise."""
    try:
        wrapped = json.loads(package.get_crypter().decrypt(token.encode()))
    except (InvalidToken, ValueError):
        # Neither the token nor the reason goes into the message, nor the cause into a report.
        raise SealBroken(place, "none of our keys opens what is stored here") from None
    if not isinstance(wrapped, dict) or wrapped.get("c") != place:
        raise SealBroken(place, "what is stored here was sealed for another place")
    return str(wrapped["v"])


def needs_older_key(token: str) -> bool:
    """Tell whether the first key, with which we seal, is not the one that opens this."""
    try:
        Fernet(settings.FIELD_ENCRYPTION_KEY[0]).decrypt(token.encode())
    except InvalidToken:
        return True
    return False


class SealedTextField(package.EncryptedTextField):  # type: ignore[misc]
    """A text that only this field can read. Refuses everything that would lose or leak it."""

    @property
    def place(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def to_python(self, value: Any) -> Any:
        # The package decrypts here, so that a form would open any token it is given.
        return models.TextField.to_python(self, value)

    def from_db_value(self, value: str | None, *args: Any) -> str | None:
        return None if value is None else unseal(value, self.place)

    def get_db_prep_save(self, value: Any, connection: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            # The package would store the text of the expression: bulk_update() lost data that way.
            raise TypeError(f"{self.place} stores a text, not {type(value).__name__}: use save()")
        return seal(value, self.place)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise TypeError(f"{self.place} cannot be searched: each encryption differs")
        return models.TextField.get_lookup(self, lookup_name)

    def get_transform(self, lookup_name: str) -> Any:
        raise TypeError(f"{self.place} cannot be searched: each encryption differs")

    def value_to_string(self, obj: models.Model) -> str:
        return "***"


@checks.register(checks.Tags.security)
def check_sealed(app_configs: Any = None, **options: Any) -> list[checks.CheckMessage]:
    """Refuse models that use the package's fields, which fail open."""
    return [
        checks.Error(
            f"{model._meta.label}.{field.name} is a {type(field).__name__}",
            hint="Use accounts.vault.SealedTextField: the package's own fields hand out what they cannot read.",
            obj=model,
            id="accounts.E001",
        )
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_fields
        if isinstance(field, package.EncryptedMixin) and not isinstance(field, SealedTextField)
    ]
