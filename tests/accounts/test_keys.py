"""The keys of a desk: a wrong one is told at once, a lost one is no dead end, a change is finished."""

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from accounts import keys
from accounts.models import AuditEvent
from tests.accounts.conftest import code, log_in, recovery_codes
from tradedesk import health

pytestmark = pytest.mark.django_db


def fresh_key():
    return Fernet.generate_key().decode()


@pytest.fixture
def proven(settings):
    """A database whose secrets were sealed with the key of this fixture."""
    settings.FIELD_ENCRYPTION_KEY = [fresh_key()]
    keys.keep_proof()
    return settings.FIELD_ENCRYPTION_KEY[0]


def test_the_right_key_is_accepted_again_and_again_also_behind_a_new_one(proven, settings):
    keys.keep_proof()
    settings.FIELD_ENCRYPTION_KEY = [fresh_key(), proven]

    keys.keep_proof()


def test_another_key_is_refused_with_what_to_do(proven, settings):
    settings.FIELD_ENCRYPTION_KEY = [fresh_key()]

    with pytest.raises(keys.WrongKey, match=r"field-key.*FIELD_ENCRYPTION_KEY.*--accept-new-key"):
        keys.keep_proof()


def test_readyz_names_the_wrong_key(proven, settings, client, monkeypatch):
    monkeypatch.setattr(health, "opened", [])
    settings.FIELD_ENCRYPTION_KEY = [fresh_key()]

    found = health.timed(health.check_our_keys)

    assert found["ok"] is False
    assert "encryption key" in found["why"]


def test_a_lost_key_is_no_dead_end(proven, settings):
    settings.FIELD_ENCRYPTION_KEY = [fresh_key()]

    keys.accept_new_key()

    keys.keep_proof()
    assert AuditEvent.objects.get().what == "keys.accepted"


def test_after_sealing_again_the_old_key_may_go(proven, settings, guarded, client, capsys):
    codes = recovery_codes(guarded)
    new = fresh_key()
    settings.FIELD_ENCRYPTION_KEY = [new, proven]
    before = {row.pk: row.data for row in Authenticator.objects.all()}

    call_command("seal_again", "--json")
    settings.FIELD_ENCRYPTION_KEY = [new]

    assert capsys.readouterr().out == '{"sealed": 2}\n'
    keys.check_keys()
    assert all(row.data != before[row.pk] for row in Authenticator.objects.all())
    assert recovery_codes(guarded) == codes
    log_in(client, guarded.email)
    assert client.post("/login/code/", {"code": code()}).status_code == 302


def test_nothing_is_sealed_again_with_a_key_that_opens_nothing(proven, settings, guarded):
    before = list(Authenticator.objects.values_list("data", flat=True))
    settings.FIELD_ENCRYPTION_KEY = [fresh_key()]

    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("seal_again")

    assert list(Authenticator.objects.values_list("data", flat=True)) == before
