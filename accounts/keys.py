"""Are our keys the ones that the stored secrets were sealed with? And how they are changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Cast

from accounts import audit
from accounts.models import KeyProof, Session
from accounts.second_factor import KEPT_PLACE, NEW_SEED, NEW_SEED_PLACE
from accounts.sessions import SessionStore
from accounts.vault import SealBroken, SealedTextField, needs_older_key, seal, unseal

PLACE = "accounts.keyproof.sealed"
KNOWN = "These are the keys of this desk."
MOST_PASSES = 5


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
    """Go on with a key that opens nothing of before: the old one is lost, and what it sealed with it."""
    KeyProof.objects.update_or_create(pk=1, defaults={"sealed": seal(KNOWN, PLACE)})
    emptied = 0
    for value in sealed_values():
        try:
            unseal(value.token, value.place)
        except SealBroken:
            emptied += value.empty()
    audit.record("keys.accepted", after=emptied)


# A change of keys ----------------------------------------------------------------------------
#
# Every value says by itself which key opens it, so nothing else has to be remembered: whoever is
# stopped in the middle starts again and finds what is left.


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A sealed value as it is stored, and the way to replace it unless somebody else did."""

    where: str  # for people; never the value
    place: str
    token: str
    replace: Callable[[str], bool]
    # Forgets it. Second factors are never dropped unasked: that would open the door.
    empty: Callable[[], bool] = lambda: False


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a walk along every sealed value found."""

    values: int
    older: int  # those that the first key alone does not open
    broken: list[str]  # where a value lies that none of our keys opens


class StillComing(Exception):
    """Values keep arriving that need an older key."""

    def __init__(self, older: int) -> None:
        super().__init__(
            f"{older} values were sealed with an older key meanwhile: restart every process of the desk "
            "with the new key in front, then run this again"
        )


def rotate(tell: Callable[[int, int], None] = lambda done, of: None) -> tuple[int, Survey]:
    """Seal every value that needs an older key with the first; tell how many, and what was read back."""
    check_keys()
    sealed, found = 0, survey()
    for _ in range(MOST_PASSES):
        if not found.older:
            break
        for value in sealed_values():
            if needs_older_key(value.token):
                sealed += seal_again(value)
                tell(sealed, found.older)
        found = survey()  # reads everything back, and meets what was written meanwhile
    if found.older:
        raise StillComing(found.older)
    if not found.broken:
        finish(sealed)
    return sealed, found


def survey() -> Survey:
    """Open every sealed value and count."""
    values, older, broken = 0, 0, []
    for value in sealed_values():
        values += 1
        try:
            unseal(value.token, value.place)
        except SealBroken:
            broken.append(value.where)
        else:
            older += needs_older_key(value.token)
    return Survey(values=values, older=older, broken=broken)


def seal_again(value: Sealed) -> bool:
    """Seal one value with the first key, unless it changed since it was read or does not open."""
    try:
        text = unseal(value.token, value.place)
    except SealBroken:
        return False  # the survey names it
    return value.replace(text)


@transaction.atomic
def finish(sealed: int) -> None:
    """Let the proof ask for the first key alone, now that all the rest does."""
    proof = KeyProof.objects.select_for_update().first()
    if proof is None or needs_older_key(proof.sealed):
        KeyProof.objects.update_or_create(pk=1, defaults={"sealed": seal(KNOWN, PLACE)})
        audit.record("keys.changed", after=sealed)


def needs_proof_again() -> bool:
    """Tell whether a change of keys was begun and not ended: the proof goes last."""
    proof = KeyProof.objects.first()
    return proof is not None and needs_older_key(proof.sealed)


def sealed_values() -> Iterator[Sealed]:
    """Find every sealed value: of all models' fields, the second factors, and those being set up."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_fields:
            if isinstance(field, SealedTextField):
                yield from values_of(model, field)
    for factor in Authenticator.objects.order_by("pk").iterator():
        for name in ("secret", "seed"):  # of an app, of recovery codes
            if name in factor.data:
                yield Sealed(
                    where=f"mfa.authenticator.data, {name}, row {factor.pk}",
                    place=KEPT_PLACE,
                    token=factor.data[name],
                    replace=partial(replace_factor, factor.pk, factor.data, name),
                )
    for session in Session.objects.alive().order_by("pk").iterator():
        if token := SessionStore().decode(session.session_data).get(NEW_SEED):
            yield Sealed(
                where=f"{NEW_SEED_PLACE}, session {session.public_id}",
                place=NEW_SEED_PLACE,
                token=token,
                replace=partial(replace_new_seed, session.pk, session.session_data),
            )


def values_of(model: type[models.Model], field: SealedTextField) -> Iterator[Sealed]:
    rows = stored(model, field).exclude(stored=None).order_by("pk")
    for pk, token in rows.values_list("pk", "stored").iterator():
        yield Sealed(
            where=f"{field.place}, row {pk}",
            place=field.place,
            token=token,
            replace=partial(replace_value, model, field, pk, token),
            empty=partial(replace_value, model, field, pk, token, None),
        )


def stored(model: type[models.Model], field: SealedTextField) -> models.QuerySet[Any]:
    """Let a field's values be read and compared as they lie there, sealed."""
    return model._base_manager.annotate(stored=Cast(field.name, models.TextField()))


def replace_value(
    model: type[models.Model], field: SealedTextField, pk: Any, token: str, text: str | None
) -> bool:
    here = stored(model, field).filter(pk=pk, stored=token)
    return bool(here.update(**{field.name: text}))


def replace_factor(pk: Any, data: dict[str, Any], name: str, text: str) -> bool:
    """Compare all that the row keeps: beside the secret it remembers which codes were used."""
    here = Authenticator.objects.filter(pk=pk, data=data)
    return bool(here.update(data={**data, name: seal(text, KEPT_PLACE)}))


def replace_new_seed(pk: str, stored: str, text: str) -> bool:
    store = SessionStore()
    data = store.decode(stored) | {NEW_SEED: seal(text, NEW_SEED_PLACE)}
    here = Session.objects.filter(pk=pk, session_data=stored)
    return bool(here.update(session_data=store.encode(data)))
