"""The second factor: set up, asked for, spent once, and never gone round."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import second_factor
from accounts.models import AuditEvent, Session
from accounts.sessions import hashed
from tests.accounts.conftest import PASSWORD, SEED, code, log_in, recovery_codes

APP = "/me/second-factor/app/"


def seed_on(page):
    return page.context["form"].secret


@pytest.mark.django_db
def test_setting_up_an_app_shows_a_code_a_key_and_then_recovery_codes_once(enter, asha):
    client = enter(asha)
    page = client.get(APP)
    seed = seed_on(page)

    html = page.content.decode()
    assert "data:image/svg+xml;base64," in html
    assert " ".join(seed[at : at + 4] for at in range(0, len(seed), 4)) in html
    link = urlsplit(page.context["totp_url"])
    assert parse_qs(link.query)["issuer"] == ["Tradedesk"]

    answer = client.post(APP, {"code": pyotp.TOTP(seed).now()})

    assert len(answer.context["codes"]) == 10
    assert "Each of them logs you in once" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    again = client.get("/me/second-factor/").content.decode()
    assert not any(one in again for one in answer.context["codes"])


@pytest.mark.django_db
def test_the_seed_is_never_in_clear_neither_while_it_waits_nor_after(enter, asha):
    client = enter(asha)
    seed = seed_on(client.get(APP))
    assert seed not in str(dict(client.session))

    client.post(APP, {"code": pyotp.TOTP(seed).now()})

    with connection.cursor() as cursor:
        cursor.execute("select data::text from mfa_authenticator")
        kept = " ".join(row[0] for row in cursor.fetchall())
    assert seed not in kept
    assert not any(one in kept for one in recovery_codes(asha))
    assert seed not in str(dict(client.session))


@pytest.mark.django_db
def test_a_wrong_first_code_keeps_the_seed_and_turns_nothing_on(enter, asha):
    client = enter(asha)
    seed = seed_on(client.get(APP))

    answer = client.post(APP, {"code": "000000"})

    assert answer.status_code == 422
    assert seed_on(answer) == seed
    assert not second_factor.has_factor(asha)


@pytest.mark.django_db(transaction=True)
def test_a_new_factor_ends_other_sessions_and_renews_this_one(enter, asha):
    other, client = enter(asha), enter(asha)
    old = client.session.session_key
    seed = seed_on(client.get(APP))

    client.post(APP, {"code": pyotp.TOTP(seed).now()})

    assert other.get("/").status_code == 302
    assert client.session.session_key != old
    assert not Session.objects.filter(session_key=hashed(old)).exists()
    assert client.get("/").status_code == 200


@pytest.mark.django_db
def test_the_code_that_set_it_up_does_not_log_in_as_well(enter, asha):
    client = enter(asha)
    now = pyotp.TOTP(seed := seed_on(client.get(APP))).now()
    client.post(APP, {"code": now})
    fresh = Client()
    log_in(fresh)

    assert fresh.post("/login/code/", {"code": now}).status_code == 422
    later = timezone.now() + timedelta(seconds=31)
    with time_machine.travel(later, tick=True):
        assert fresh.post("/login/code/", {"code": pyotp.TOTP(seed).at(later)}).status_code == 302


@pytest.mark.django_db
def test_the_password_alone_opens_nothing(client, guarded):
    assert log_in(client, guarded.email)["Location"] == "/login/code/"

    for path in ("/", "/me/", "/me/sessions/"):
        assert client.get(path)["Location"].startswith("/login/")
    assert client.get("/login/code/").status_code == 200


@pytest.mark.django_db
def test_a_code_logs_in_once(client, guarded):
    log_in(client, guarded.email)
    now = code()
    assert client.post("/login/code/", {"code": now})["Location"] == "/"
    assert client.get("/").status_code == 200

    second = Client()
    log_in(second, guarded.email)
    answer = second.post("/login/code/", {"code": now})

    assert answer.status_code == 422
    assert "used already" in answer.content.decode()


@pytest.mark.django_db
def test_a_code_stays_used_when_redis_forgets(guarded):
    assert second_factor.spend_code(guarded, code())
    cache.clear()

    assert second_factor.spend_code(guarded, code()) is None


@pytest.mark.django_db
@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])  # fmt: skip
def test_only_the_codes_next_to_now_count(guarded, steps, accepted):
    with time_machine.travel(timezone.now().replace(second=10, microsecond=0), tick=False):
        assert bool(second_factor.spend_code(guarded, code(steps))) is accepted


@pytest.mark.django_db
def test_an_earlier_code_is_void_once_a_later_one_was_used(guarded):
    assert second_factor.spend_code(guarded, code(1))

    assert second_factor.spend_code(guarded, code(0)) is None


@pytest.mark.django_db
def test_a_recovery_code_logs_in_once(client, guarded):
    first = recovery_codes(guarded)[0]
    log_in(client, guarded.email)
    assert client.post("/login/code/", {"code": first}).status_code == 302

    second = Client()
    log_in(second, guarded.email)

    assert second.post("/login/code/", {"code": first}).status_code == 422
    assert len(recovery_codes(guarded)) == 9


def spend_in_parallel(user, one):
    def spend(_):
        try:
            return second_factor.spend_code(user, one) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        return sum(pool.map(spend, range(10)))


@pytest.mark.django_db(transaction=True)
def test_of_ten_requests_with_one_code_one_gets_in(guarded):
    assert spend_in_parallel(guarded, code()) == 1


@pytest.mark.django_db(transaction=True)
def test_of_ten_requests_with_one_recovery_code_one_gets_in(guarded):
    assert spend_in_parallel(guarded, recovery_codes(guarded)[3]) == 1


@pytest.mark.django_db(transaction=True)
def test_new_recovery_codes_void_the_old_ones(enter, guarded):
    old = recovery_codes(guarded)
    client = enter(guarded)
    assert client.get("/me/second-factor/codes/").status_code == 200

    shown = client.post("/me/second-factor/codes/").context["codes"]

    assert shown == recovery_codes(guarded)
    assert not set(shown) & set(old)
    assert AuditEvent.objects.filter(what="recovery-codes.renewed").exists()


@pytest.mark.django_db(transaction=True)
def test_removing_the_app_removes_the_codes_and_ends_other_sessions(enter, guarded):
    other, client = enter(guarded), enter(guarded)

    assert client.get(f"{APP}remove/").status_code == 200
    answer = client.post(f"{APP}remove/")

    assert answer.status_code == 302
    assert not Authenticator.objects.exists()
    assert other.get("/").status_code == 302
    assert client.get("/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", [APP, f"{APP}remove/", "/me/second-factor/codes/", "/me/passkeys/add/"]
)
def test_what_is_sensitive_asks_again_who_it_is(enter, guarded, asha, path):
    person = asha if path == APP else guarded
    client = enter(person, recently=False)

    for answer in (client.get(path), client.post(path, {"code": "1"})):
        assert answer["Location"].startswith("/me/again/?next=")
    assert "account_reauthentication_state" not in client.session  # nothing of the request is kept

    again = client.post(f"/me/again/?next={path}", {"password": PASSWORD})
    assert again["Location"] == path
    assert client.get(path).status_code == 200


@pytest.mark.django_db
def test_a_code_proves_it_too_and_a_wrong_one_does_not(enter, guarded):
    client = enter(guarded, recently=False)

    assert client.post("/me/again/code/", {"code": "000000"}).status_code == 422
    assert client.post("/me/again/", {"password": "wrong"}).status_code == 422
    assert client.get(f"{APP}remove/").status_code == 302
    assert client.post("/me/again/code/", {"code": code()}).status_code == 302
    assert client.get(f"{APP}remove/").status_code == 200


@pytest.mark.django_db
def test_a_session_without_the_factor_that_its_person_has_is_no_session(enter, guarded):
    client = enter(guarded, proven=False)

    assert client.get("/me/")["Location"] == "/login/?next=%2Fme%2F"
    assert client.get("/me/")["Location"] == "/login/?next=/me/"
    assert not Session.objects.filter(user=guarded).exists()


@pytest.mark.django_db(transaction=True)
def test_where_everybody_must_have_one_only_its_set_up_is_open(enter, asha, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    client = enter(asha)

    for path in ("/", "/me/", "/me/password/", "/me/sessions/"):
        assert client.get(path)["Location"] == "/me/second-factor/"
    assert client.get("/nothing-here/").status_code == 404
    assert "This desk asks everybody" in client.get("/me/second-factor/").content.decode()

    seed = seed_on(client.get(APP))
    client.post(APP, {"code": pyotp.TOTP(seed).now()})
    assert client.get("/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_who_removes_the_last_factor_where_one_is_a_must_is_led_back(enter, guarded, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    client = enter(guarded)

    client.post(f"{APP}remove/")

    assert client.get("/")["Location"] == "/me/second-factor/"


@pytest.mark.django_db
def test_the_operator_can_help_who_lost_the_phone(enter, guarded, capsys):
    client = enter(guarded)

    call_command("reset_second_factor", guarded.email.upper())

    assert not Authenticator.objects.exists()
    assert client.get("/").status_code == 302
    event = AuditEvent.objects.get(what="second-factor.reset")
    assert (event.object, event.before) == (guarded.email, ["recovery_codes", "totp"])


@pytest.mark.django_db
def test_the_seed_fits_the_usual_apps():
    assert second_factor.step_of(SEED, pyotp.TOTP(SEED).now()) is not None


@pytest.mark.django_db
def test_passkeys_are_not_offered_at_a_bare_address_and_the_page_says_where(enter, asha):
    client = enter(asha, SERVER_PORT="8000")

    html = client.get("/me/passkeys/add/", headers={"Host": "127.0.0.1:8000"}).content.decode()

    assert "never at a bare IP" in html
    assert "http://localhost:8000/" in html
    local = client.get("/me/passkeys/add/", headers={"Host": "localhost:8000"})
    assert '"rp": {"name": "Tradedesk", "id": "localhost"}' in local.context["passkey_options"]


NONSENSE = [
    "",
    "{}",
    "[]",
    "1",
    "null",
    '{"response": 1}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
    '{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"AA","authenticatorData":"AA","signature":"AA","userHandle":"MQ","attestationObject":"AA"}}',
]


@pytest.mark.django_db
@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_for_a_passkey_is_refused_quietly(client, enter, guarded, nonsense, settings):
    settings.TRIES_PER_ADDRESS = settings.TRIES_PER_PERSON = 100
    sent = {"credential": nonsense}
    client.get("/login/passkey/", headers={"Accept": "application/json"})
    assert client.post("/login/passkey/", sent)["Location"] == "/login/"
    log_in(client, guarded.email)
    assert client.post("/login/code/", sent).status_code == 422

    inside = enter(guarded, headers={"Host": "localhost"})
    inside.get("/me/passkeys/add/")
    assert inside.post("/me/passkeys/add/", sent).status_code == 422


@pytest.mark.django_db
def test_somebody_elses_passkey_is_not_there(enter, asha, stranger):
    row = Authenticator.objects.create(user=stranger, type="webauthn", data={"name": "Theirs"})
    client = enter(asha)

    for path in (f"/me/passkeys/{row.pk}/", f"/me/passkeys/{row.pk}/remove/"):
        assert client.get(path).status_code == 404
        assert client.post(path, {"name": "Mine"}).status_code == 404
    assert Authenticator.objects.get(pk=row.pk).data == {"name": "Theirs"}
