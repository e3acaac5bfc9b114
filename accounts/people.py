"""Finding and making people, for the operator's commands."""

import os
import secrets

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction

from accounts import audit
from accounts.models import AuditHead, User

FIRST_OWNER = "owner@desk.localhost"


def person(email: str) -> User:
    """Find the person an operator named."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise CommandError(f"nobody here has the address {email.strip().lower()}")
    return user


@transaction.atomic
def make_first_owner() -> dict[str, str] | None:
    """Make an owner if nobody is here yet, and keep the log-in in the desk's home."""
    AuditHead.objects.get_or_create(pk=1)
    AuditHead.objects.select_for_update().get(pk=1)  # two at once would both find nobody
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(18)
    owner = User.objects.create_superuser(FIRST_OWNER, password, name="Owner")
    audit.record("owner.made", object=owner.email)
    keep(f"address: {settings.SITE_URL}\ne-mail: {owner.email}\npassword: {password}\n")
    return {"email": owner.email, "password": password}


def keep(text: str) -> None:
    """Write the first log-in where only the owner of the desk can read it."""
    file = settings.HOME.first_login
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with open(file, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write(text)
