"""The second factor: who has one, who must have one, and codes that work once."""

import time
from typing import Any

import pyotp
from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    record_authentication,
)
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from accounts import audit
from accounts.models import User
from accounts.vault import SealBroken, seal, unseal

STEP = 30  # seconds that a code of the app lasts
NEW_SEED = "mfa.totp.secret"  # where allauth keeps the seed in the session until set-up ends
NEW_SEED_PLACE = "session.totp"
KEPT_PLACE = "mfa.authenticator.data"
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def has_factor(user: User) -> bool:
    """Tell whether the person has an app or a passkey; recovery codes alone are none."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def has_passkey(user: User) -> bool:
    rows = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.WEBAUTHN)
    return bool(rows.exists())


def is_proven(session: Any) -> bool:
    """Tell whether this session showed a second factor when it began, or set one up."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    return any(record.get("method") == "mfa" for record in records)


def is_missing(user: User, session: Any) -> bool:
    """Tell whether the person must show or set up a second factor before anything else."""
    if is_proven(session):
        return False
    return settings.REQUIRE_SECOND_FACTOR or has_factor(user)


def prove(request: HttpRequest, user: User, kind: str) -> None:
    """Note that this session just showed or set up a second factor."""
    record_authentication(request, user, "mfa", type=kind, reauthenticated=True)


def unprove(request: HttpRequest) -> None:
    """Forget that this session showed a factor which is no more."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    kept = [record for record in records if record.get("method") != "mfa"]
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = kept


def new_seed(request: HttpRequest) -> str:
    """Make a seed for the app and keep it, sealed, until its first code proves it arrived."""
    seed = pyotp.random_base32()
    request.session[NEW_SEED] = seal(seed, NEW_SEED_PLACE)
    return seed


def seed_in_waiting(request: HttpRequest) -> str:
    """Give the seed that waits for its first code; a fresh one if it is lost or our keys changed."""
    kept = request.session.get(NEW_SEED)
    try:
        return unseal(kept, NEW_SEED_PLACE) if kept else new_seed(request)
    except SealBroken:
        return new_seed(request)


def step_of(seed: str, code: str, *, after: int = -1) -> int | None:
    """Find the half minute that a code belongs to: this one, the one before or after it."""
    app, now = pyotp.TOTP(seed, interval=STEP), int(time.time()) // STEP
    for step in (now - 1, now, now + 1):
        if step > after and compare_user_code(actual=code, expected=app.generate_otp(step)):
            return step
    return None


@transaction.atomic
def spend_code(user: User, code: str) -> Authenticator | None:
    """Accept a code of the app or a recovery code, once, whichever process is asked first.

    The row remembers the last half minute that was used: Redis may forget, Postgres does not.
    """
    rows = Authenticator.objects.select_for_update().filter(user_id=user.pk)
    for row in rows.exclude(type=Authenticator.Type.WEBAUTHN).order_by("pk"):
        if row.type == Authenticator.Type.TOTP:
            if spend_step(row, code):
                return row
        elif row.wrap().validate_code(code):
            row.refresh_from_db()
            return row
    return None


def spend_step(row: Authenticator, code: str) -> bool:
    """Use up the code's half minute, and with it every earlier one."""
    seed = decrypt(row.data["secret"])
    step = step_of(seed, code, after=row.data.get("last_step", -1))
    if step is None:
        return False
    row.data["last_step"] = step
    row.save(update_fields=["data"])
    return True


@transaction.atomic
def reset_second_factor(user: User, *, actor: User | None = None) -> int:
    """Take every factor of a person away and log them out; the next log-in sets up a new one."""
    factors = list(Authenticator.objects.select_for_update().filter(user_id=user.pk))
    Authenticator.objects.filter(user_id=user.pk).delete()
    user.sessions.end()
    kinds = sorted({factor.type for factor in factors})
    audit.record("second-factor.reset", actor=actor, object=user.email, before=kinds)
    return len(factors)
