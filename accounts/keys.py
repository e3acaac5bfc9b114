"""Are our keys the ones that the stored secrets were sealed with? And how they are changed."""

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.db import models, transaction

from accounts import audit
from accounts.models import KeyProof
from accounts.second_factor import KEPT_PLACE
from accounts.vault import SealBroken, SealedTextField, seal, unseal

PLACE = "accounts.keyproof.sealed"
KNOWN = "These are the keys of this desk."


class WrongKey(Exception):
    """None of our keys opens what this database keeps sealed."""

    def __init__(self) -> None:
        super().__init__(
            "the encryption key is not the one that this database's secrets were sealed with. Put that one "
            f"into {settings.HOME.keys / 'field-key'}, or into FIELD_ENCRYPTION_KEY behind the new one. If it is "
            "lost for ever, start once with --accept-new-key: what was sealed has to be set up again"
        )


def check_keys() -> None:
    """Raise WrongKey unless our keys open what was sealed when this database was young."""
    if proof := KeyProof.objects.first():
        try:
            unseal(proof.sealed, PLACE)
        except SealBroken:
            raise WrongKey from None


def keep_proof() -> None:
    """Check the keys; the first time, keep something that later keys must open."""
    KeyProof.objects.get_or_create(pk=1, defaults={"sealed": seal(KNOWN, PLACE)})
    check_keys()


@transaction.atomic
def accept_new_key() -> None:
    """Go on with a key that opens nothing of before: the old one is lost."""
    KeyProof.objects.update_or_create(pk=1, defaults={"sealed": seal(KNOWN, PLACE)})
    audit.record("keys.accepted")


@transaction.atomic
def seal_again() -> int:
    """Seal every stored secret with the first key, so that the others can be taken away."""
    check_keys()
    number = 0
    for model in apps.get_models():
        names = [
            field.name for field in model._meta.local_fields if isinstance(field, SealedTextField)
        ]
        if names:
            number += save_again(model, names)
    for factor in Authenticator.objects.select_for_update():
        for name in ("secret", "seed"):  # of an app, of recovery codes
            if name in factor.data:
                factor.data[name] = seal(unseal(factor.data[name], KEPT_PLACE), KEPT_PLACE)
                number += 1
        factor.save(update_fields=["data"])
    KeyProof.objects.update_or_create(pk=1, defaults={"sealed": seal(KNOWN, PLACE)})
    audit.record("keys.changed", after=number)
    return number


def save_again(model: type[models.Model], names: list[str]) -> int:
    """Seal these fields of every row again, whatever else the row's own save would do."""
    number = 0
    for row in model._base_manager.select_for_update():
        kept = {name: getattr(row, name) for name in names if getattr(row, name) is not None}
        if kept:
            model._base_manager.filter(pk=row.pk).update(**kept)
            number += len(kept)
    return number
