"""The cast: people with and without a second factor, and browsers in which they are logged in."""

import pyotp
import pytest
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from accounts.models import User

PASSWORD = "a long and quiet password"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture(scope="session")
def hashed_password():
    return make_password(PASSWORD)  # once: it is slow on purpose


@pytest.fixture
def make_person(db, hashed_password):
    """Make a person; with a factor they have an app with SEED and recovery codes."""

    def made(email="asha@example.com", *, factor=False, **facts):
        user = User.objects.create(email=email, password=hashed_password, **facts)
        if factor:
            TOTP.activate(user, SEED)
            RecoveryCodes.activate(user)
        return user

    return made


@pytest.fixture
def asha(make_person):
    return make_person(name="Asha Rao")


@pytest.fixture
def guarded(make_person):
    """A person with a second factor."""
    return make_person("guarded@example.com", factor=True)


@pytest.fixture
def stranger(make_person):
    return make_person("stranger@example.com")


@pytest.fixture
def enter():
    """Be logged in as somebody, second factor shown if there is one, moments ago or long ago."""

    def entered(user, *, recently=True, proven=True, **options):
        client = Client(**options)
        client.force_login(user)
        session = client.session
        at = timezone.now().timestamp() - (0 if recently else 3600)
        records = [{"method": "password", "at": at}]
        if proven and Authenticator.objects.filter(user=user).exists():
            records.append({"method": "mfa", "at": at, "type": "totp"})
        session[AUTHENTICATION_METHODS_SESSION_KEY] = records
        session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
        session.save()
        return client

    return entered


def code(offset=0):
    """Give the code that the app shows now, or so many steps from now."""
    return pyotp.TOTP(SEED).at(timezone.now(), counter_offset=offset)


def recovery_codes(user):
    return Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()


def log_in(client, email="asha@example.com", password=PASSWORD, **extra):
    return client.post("/login/", {"login": email, "password": password, **extra})
