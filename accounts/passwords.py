"""Passwords: set, changed, reset by a link that works once and never skips the second factor."""

import contextlib
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import base36_to_int, int_to_base36

from accounts import audit
from accounts.models import User
from accounts.sessions import hashed

LONGEST = 4096  # longer ones are refused before any work is done on them

tokens = PasswordResetTokenGenerator()


@transaction.atomic
def set_password(user: User, password: str, *, request: HttpRequest | None = None) -> None:
    """Give the person a new password and log them out everywhere but where they changed it."""
    if request and request.user == user:
        user.session_to_keep = hashed(request.session.session_key or "")
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record("password.set", actor=user, request=request, object=user.email)
    transaction.on_commit(lambda: forget_first_login(user))


def forget_first_login(user: User) -> None:
    """Delete the file with the first password, now that it opens nothing."""
    file = settings.HOME.first_login
    with contextlib.suppress(OSError):
        if f"e-mail: {user.email}" in file.read_text().splitlines():
            file.unlink()


def note_wrong(request: HttpRequest, *, email: str) -> None:
    """Record a wrong password; for an unknown address, which may be a mistyped secret, not what it was."""
    user = User.objects.filter(email=email.strip().lower()).first()
    audit.record("login.wrong", request=request, object=user.email if user else "unknown person")


def reset_link(user: User, *, origin: str = "") -> str:
    """Make a link that sets a new password once, within the hour, unless they log in before."""
    path = reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": int_to_base36(user.pk), "key": tokens.make_token(user)},
    )
    return urljoin(origin or settings.SITE_URL, path)


def person_of_link(uidb36: str, key: str) -> User | None:
    """Find whom a reset link is for, if it still works."""
    try:
        user = User.objects.filter(pk=base36_to_int(uidb36), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return user if user and tokens.check_token(user, key) else None


def mail_reset_link(email: str, origin: str) -> bool:
    """Mail a reset link to the person with this address; nobody is told whether there is one."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None or not settings.MAIL_SERVER:
        return False
    audit.record("password.reset-mailed", object=user.email)
    send_mail(
        "Set a new password for Tradedesk",
        "Somebody, probably you, asked for a new password. Set it here within the hour:\n\n"
        f"{reset_link(user, origin=origin)}\n\n"
        "If it was not you, there is nothing to do: your password stays as it is.\n",
        None,
        [user.email],
    )
    return True
