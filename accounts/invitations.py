"""Invitations: the only door for new people."""

import hashlib
import logging
import secrets
from datetime import timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.models import Invitation, User

logger = logging.getLogger(__name__)
LASTS = timedelta(days=3)


class AlreadyHere(Exception):
    """The address belongs to somebody who can log in already."""

    def __init__(self, email: str) -> None:
        super().__init__(f"{email} has a log-in already.")


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite(
    email: str, *, by: User | None = None, request: HttpRequest | None = None, origin: str = ""
) -> str:
    """Invite a person and give the link, which nobody can read again. Older links die."""
    email = email.strip().lower()
    if User.objects.filter(email=email).exists():
        raise AlreadyHere(email)
    now, token = timezone.now(), secrets.token_urlsafe(32)
    open_ones = Invitation.objects.filter(email=email, used_at=None, expires_at__gt=now)
    open_ones.update(expires_at=now)
    Invitation.objects.create(
        email=email, token_hash=hashed(token), made_by=by, expires_at=now + LASTS
    )
    audit.record("invitation.made", actor=by, request=request, object=email)
    return urljoin(origin or settings.SITE_URL, reverse("accept_invitation", args=[token]))


def find(token: str) -> Invitation | None:
    """Find the invitation that a link is for, if it still stands."""
    standing = Q(used_at=None, expires_at__gt=timezone.now())
    return Invitation.objects.filter(standing, token_hash=hashed(token)).first()


@transaction.atomic
def accept(
    token: str, *, name: str, password: str, request: HttpRequest | None = None
) -> User | None:
    """Make the invited person; None if somebody was faster or the link ran out."""
    now = timezone.now()
    invitation = find(token)
    if invitation is None:
        return None
    taken = Invitation.objects.filter(pk=invitation.pk, used_at=None).update(used_at=now)
    if not taken or User.objects.filter(email=invitation.email).exists():
        return None
    user = User.objects.create_user(invitation.email, password, name=name)
    audit.record("invitation.accepted", actor=user, request=request, object=user.email)
    return user


WORDS = "You are invited to Tradedesk. Set your password here within three days:"


def mail_invitation(email: str, link: str, words: str = WORDS) -> bool:
    """Mail the link, where a mail server is set and takes it."""
    if not settings.MAIL_SERVER:
        return False
    try:
        send_mail("Your invitation to Tradedesk", f"{words}\n\n{link}\n", None, [email])
    except OSError as error:  # and every refusal of the mail server
        logger.warning("an invitation was not mailed: %s", error)
        return False
    return True
