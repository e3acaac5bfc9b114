"""The keys of a desk: a wrong one is told at once, a lost one is no dead end, a change is finished."""

import json
import os
import subprocess
import sys
import threading
from io import StringIO

import pyotp
import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.conf import settings as desk
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings

from accounts import keys
from accounts.brokerage import BrokerAccount, Credentials
from accounts.models import AuditEvent
from accounts.vault import needs_older_key, seal
from tests.accounts.conftest import code, log_in, recovery_codes
from tradedesk import health
from tradedesk.desk.throwaway import wait_until

pytestmark = pytest.mark.django_db
APP = "/me/second-factor/app/"


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


def test_what_the_lost_key_sealed_is_emptied_and_second_factors_still_guard(
    proven, settings, guarded
):
    keep_accounts(1)
    settings.FIELD_ENCRYPTION_KEY = [fresh_key()]

    keys.accept_new_key()

    stored = Credentials.objects.get()
    assert (stored.api_secret, stored.password) == (None, None)
    assert Authenticator.objects.filter(user=guarded, type="totp").exists()
    assert AuditEvent.objects.get(what="keys.accepted").after == 2


# A change of keys ----------------------------------------------------------------------------


@pytest.fixture
def changing(proven, settings):
    """The new key stands before the old one."""
    settings.FIELD_ENCRYPTION_KEY = [fresh_key(), proven]
    return settings.FIELD_ENCRYPTION_KEY


def keep_accounts(number):
    """Link accounts, each with two secrets."""
    accounts = [
        BrokerAccount.objects.create(
            code=f"a-{one}", broker="kite", environment="paper", broker_user_id=f"P{one}"
        )
        for one in range(number)
    ]
    for account in accounts:
        Credentials.objects.create(
            account=account, api_secret=f"secret of {account.code}", pin="1234"
        )
    return accounts


def rotate(*options):
    out = StringIO()
    call_command("rotate_keys", "--json", *options, stdout=out)
    return json.loads(out.getvalue())


def tokens():
    """Every secret of the accounts as it lies in the table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id, api_secret, pin FROM accounts_credentials ORDER BY 1")
        return [token for row in cursor.fetchall() for token in row[1:]]


def write_raw(pk, token):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_credentials SET api_secret = %s WHERE account_id = %s", [token, pk]
        )


def test_after_a_change_of_keys_the_old_one_may_go(proven, settings, guarded, client):
    codes = recovery_codes(guarded)
    keep_accounts(3)
    settings.FIELD_ENCRYPTION_KEY = [fresh_key(), proven]
    before = {row.pk: row.data for row in Authenticator.objects.all()}

    assert rotate("--check")["older"] == 8
    facts = rotate()
    settings.FIELD_ENCRYPTION_KEY = settings.FIELD_ENCRYPTION_KEY[:1]

    assert facts == {
        "values": 8,
        "sealed": 8,
        "older": 0,
        "proof_is_older": False,
        "unreadable": [],
    }
    keys.check_keys()
    assert rotate("--check")["older"] == 0
    assert [row.api_secret for row in Credentials.objects.order_by("pk")] == [
        f"secret of a-{one}" for one in range(3)
    ]
    assert AuditEvent.objects.get().after == 8
    assert all(row.data != before[row.pk] for row in Authenticator.objects.all())
    assert recovery_codes(guarded) == codes
    log_in(client, guarded.email)
    assert client.post("/login/code/", {"code": code()}).status_code == 302


def test_looking_changes_nothing_and_a_second_run_does_nothing(proven, settings):
    keep_accounts(1)
    settings.FIELD_ENCRYPTION_KEY = [fresh_key(), proven]
    before = tokens()
    rotate("--check")
    assert tokens() == before

    assert rotate()["sealed"] == 2
    after = tokens()
    assert rotate()["sealed"] == 0
    assert tokens() == after
    assert AuditEvent.objects.count() == 1


def test_nothing_is_sealed_again_with_a_key_that_opens_nothing(proven, settings, guarded):
    keep_accounts(1)
    before = list(Authenticator.objects.values_list("data", flat=True)), tokens()
    settings.FIELD_ENCRYPTION_KEY = [fresh_key()]

    for option in ([], ["--check"]):
        with pytest.raises(CommandError, match="nothing was changed"):
            rotate(*option)

    assert (list(Authenticator.objects.values_list("data", flat=True)), tokens()) == before


def test_a_value_that_no_key_opens_is_named_and_the_rest_is_done(proven, settings):
    first, second = keep_accounts(2)
    settings.FIELD_ENCRYPTION_KEY = [fresh_key()]
    lost = seal("lost for ever", "accounts.credentials.api_secret")
    settings.FIELD_ENCRYPTION_KEY = [fresh_key(), proven]
    write_raw(first.pk, lost)
    row = Credentials.objects.defer("api_secret").get(account=first).pk

    with pytest.raises(CommandError) as caught:
        rotate()

    assert f"accounts.credentials.api_secret, row {row}" in str(caught.value)
    assert lost not in str(caught.value)
    assert keys.survey().older == 0
    assert keys.needs_proof_again()  # the old key must stay, and a start without it says so
    write_raw(first.pk, None)
    assert rotate()["proof_is_older"] is False
    assert Credentials.objects.get(account=second).api_secret == "secret of a-1"


def test_an_app_that_is_being_set_up_is_set_up_after_the_change(proven, settings, asha, enter):
    client = enter(asha)
    seed = client.get(APP).context["form"].secret
    settings.FIELD_ENCRYPTION_KEY = [fresh_key(), proven]

    assert rotate()["sealed"] == 1
    settings.FIELD_ENCRYPTION_KEY = settings.FIELD_ENCRYPTION_KEY[:1]

    answer = client.post(APP, {"code": pyotp.TOTP(seed).now()})
    assert len(answer.context["codes"]) == 10


def test_a_seed_in_waiting_whose_key_is_gone_is_made_anew(proven, settings, asha, enter):
    client = enter(asha)
    seed = client.get(APP).context["form"].secret
    settings.FIELD_ENCRYPTION_KEY = [fresh_key()]

    answer = client.post(APP, {"code": pyotp.TOTP(seed).now()})

    assert answer.status_code == 422
    fresh = answer.context["form"].secret
    assert fresh != seed
    assert len(client.post(APP, {"code": pyotp.TOTP(fresh).now()}).context["codes"]) == 10


def test_a_seed_that_changed_since_it_was_read_is_left_alone(changing, asha, enter):
    client = enter(asha)
    with override_settings(FIELD_ENCRYPTION_KEY=changing[1:]):
        client.get(APP)
    (value,) = keys.sealed_values()
    seed = client.get(APP).context["form"].secret  # the page makes a new one

    assert not keys.seal_again(value)
    assert client.post(APP, {"code": pyotp.TOTP(seed).now()}).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sealed_with", ["the new key", "the old key"])
def test_what_is_changed_meanwhile_survives(changing, settings, sealed_with):
    """The command waits behind an uncommitted change, finds another value, and leaves it alone."""
    new, old = changing
    settings.FIELD_ENCRYPTION_KEY = [old]
    account = keep_accounts(2)[1]
    settings.FIELD_ENCRYPTION_KEY = [new] if sealed_with == "the new key" else [old]
    newer = seal("newer", "accounts.credentials.api_secret")
    settings.FIELD_ENCRYPTION_KEY = changing
    found = []
    worker = threading.Thread(target=lambda: found.append(in_a_thread(rotate)))

    with transaction.atomic():
        write_raw(account.pk, newer)
        worker.start()
        wait_until(somebody_waits_for_a_row)
    worker.join()

    assert found[0]["older"] == 0
    settings.FIELD_ENCRYPTION_KEY = [new]
    assert Credentials.objects.get(account=account).api_secret == "newer"
    assert (newer in tokens()) is (sealed_with == "the new key")


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_is_run_again(changing, settings):
    new, old = changing
    settings.FIELD_ENCRYPTION_KEY = [old]
    accounts = keep_accounts(6)
    settings.FIELD_ENCRYPTION_KEY = changing

    with transaction.atomic():
        # The fourth row is held, so that the command certainly stands in the middle.
        Credentials.objects.select_for_update().defer("api_secret", "pin").get(account=accounts[3])
        running = start_command(changing)
        wait_until(somebody_waits_for_a_row)
        running.kill()
        running.communicate()
        sealed = [not needs_older_key(token) for token in tokens()]
        assert True in sealed
        assert False in sealed
        assert keys.needs_proof_again()
    wait_until(lambda: not somebody_waits_for_a_row())  # its server process ends, too

    again = start_command(changing)

    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    facts = json.loads(out)
    assert (facts["values"], facts["older"], facts["unreadable"]) == (12, 0, [])
    settings.FIELD_ENCRYPTION_KEY = [new]
    keys.check_keys()
    rows = Credentials.objects.select_related("account")
    assert {row.account.code: row.api_secret for row in rows} == {
        f"a-{one}": f"secret of a-{one}" for one in range(6)
    }


def in_a_thread(work):
    try:
        return work()
    finally:
        connection.close()


def somebody_waits_for_a_row():
    with connection.cursor() as cursor:
        # Of this database only: other workers' tests wait on the same server. Within a
        # transaction the server shows its first picture again and again unless told not to.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0


def start_command(changing):
    facts = connection.settings_dict
    url = f"postgres://{facts['USER']}@/{facts['NAME']}?host={facts['HOST']}&port={facts['PORT']}"
    environment = os.environ | {
        "DATABASE_URL": url,
        "REDIS_URL": desk.REDIS_URL,
        "SECRET_KEY": "of this test alone " * 3,
        "FIELD_ENCRYPTION_KEY": ",".join(changing),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "rotate_keys", "--json"],
        env=environment, cwd=desk.BASE_DIR, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
