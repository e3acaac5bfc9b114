"""Account operations in the administration: answers for each account, and no secret anywhere."""

import base64
from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from celery import current_app
from django.conf import settings
from django.contrib import admin
from django.urls import reverse

from accounts import breaker, invitations, linking, logins, sharing
from accounts.access import why_no_trading
from accounts.brokerage import BrokerAccount, Credentials, LoginSession, Role
from accounts.brokers.errors import BrokerUnavailable
from accounts.models import AuditEvent, User
from portfolio.models import SyncRun
from portfolio.tasks import sync_account_task
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.accounts.test_sharing import words

pytestmark = pytest.mark.django_db
ADMIN = f"/{settings.ADMIN_PATH}"


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


@pytest.fixture
def boss(make_person):
    return make_person("staff@example.com", factor=True, is_staff=True, is_superuser=True)


@pytest.fixture
def office(boss, enter):
    """The administration in the browser of somebody who may."""
    return enter(boss)


def act(office, action, *accounts):
    chosen = [one.pk for one in accounts]
    sent = {"action": action, "_selected_action": chosen}
    answer = office.post(f"{ADMIN}accounts/brokeraccount/", sent, follow=True)
    return words(answer)


def event(what):
    return AuditEvent.objects.filter(what=what).first()


def test_the_list_answers_what_support_asks(account, asha, office):
    logins.note_error(account, BrokerUnavailable("read", text="the line is cut"))
    for _ in range(5):
        breaker.record_failure(account, "timed out")

    page = words(office.get(f"{ADMIN}accounts/brokeraccount/"))

    for fact in ("paper", "the line is cut", "open, 5 failures, the last: timed out", asha.email):
        assert fact in page
    assert ">Live<" in page or ">Ends soon<" in page


def test_the_list_asks_no_more_for_more_accounts(exchange, asha, office, django_assert_num_queries):  # noqa: F811
    def asked():
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as found:
            office.get(f"{ADMIN}accounts/brokeraccount/")
        return len(found)

    linking.link_paper(owner=asha)
    one = asked()
    linking.link_paper(owner=asha)
    linking.link_paper(owner=asha)

    assert asked() == one


def test_a_session_is_verified_and_the_answer_told(account, exchange, boss, office):  # noqa: F811
    assert "Account paper: the broker knows its session." in act(office, "verify_session", account)
    assert event("account.session_verified").actor == boss.email

    exchange.control("POST", "faults", {"rules": [{"effect": "expire_tokens"}]})

    assert "Account paper: the broker knows" not in act(office, "verify_session", account)
    assert "Account paper: it is not logged in." in act(office, "verify_session", account)
    assert event("account.session_verified").after["answer"] != "stands"


def test_its_data_are_refreshed_by_a_worker(account, boss, office):
    assert "Account paper: its broker is being asked" in act(office, "refresh_now", account)

    with current_app.connection_or_acquire() as connection:
        waiting = connection.SimpleQueue("celery").get(timeout=2)
        waiting.ack()
    assert waiting.headers["task"] == sync_account_task.name
    sync_account_task(*waiting.payload[0])
    assert SyncRun.objects.get().account == account
    assert event("account.refresh_asked").actor == boss.email
    act(office, "log_out", account)
    assert "Account paper: it is not logged in." in act(office, "refresh_now", account)


def test_an_account_is_logged_out(account, boss, office):
    assert "Account paper: it is logged out." in act(office, "log_out", account)

    assert logins.state_of(BrokerAccount.objects.get()) == "NEEDS_LOGIN"
    assert event("account.session_ended").actor == boss.email
    assert "Account paper: it is not logged in." in act(office, "log_out", account)


def test_trading_is_paused_and_resumed(account, asha, boss, office):
    assert "Account paper: its trading is paused." in act(office, "pause", account)
    assert why_no_trading(asha.pk, account.pk) != ""
    assert (event("account.paused").actor, event("account.paused").account) == (boss.email, "paper")
    assert "Account paper: its trading is paused already." in act(office, "pause", account)

    assert "Account paper: its trading is on again." in act(office, "resume", account)
    assert why_no_trading(asha.pk, account.pk) == ""
    assert event("account.resumed").actor == boss.email
    assert "Account paper: its trading is not paused." in act(office, "resume", account)


def test_the_breaker_is_reset(account, boss, office):
    for _ in range(5):
        breaker.record_failure(account, "timed out")

    assert "Account paper: its breaker is closed." in act(office, "reset_breaker", account)

    assert breaker.allows_entry(account)
    reset = event("account.breaker_reset")
    assert (reset.actor, reset.before) == (boss.email, {"failures": 5, "open": True, "last": "timed out"})  # fmt: skip
    assert "Account paper: its breaker is closed, and" in act(office, "reset_breaker", account)


def test_each_account_is_answered_for_by_itself(exchange, asha, office):  # noqa: F811
    live, paused, gone = (linking.link_paper(owner=asha) for _ in range(3))
    linking.set_paused(paused, paused=True, actor=asha)
    linking.unlink(gone, actor=asha)

    page = act(office, "pause", live, paused, gone)

    assert "Account paper: its trading is paused." in page
    assert "Account paper-2: its trading is paused already." in page
    assert "Account paper-3: it is unlinked." in page


@pytest.mark.parametrize("action", ["delete_selected", "drop", ""])
def test_there_is_no_other_action(account, office, action):
    act(office, action, account)

    assert BrokerAccount.objects.filter(pk=account.pk, unlinked_at=None, paused_at=None).exists()


# Secrets


PLANTED = {
    "api_secret": "planted-api-secret+/=1",
    "password": "planted-password+/=2",
    "totp_seed": "PLANTEDSEEDPLANTEDSEED23",
    "pin": "planted-pin-4711",
}
TOKENS = {
    "access_token": "planted-access+/=5",
    "refresh_token": "planted-refresh+/=6",
    "feed_token": "planted-feed+/=7",
}


@pytest.fixture
def planted(account, asha, boss):
    """Put secrets wherever one can be stored, and give all of them."""
    Credentials.objects.get(account=account).delete()
    Credentials.objects.create(account=account, api_key="planted-api-key-8", **PLANTED)
    session = LoginSession.objects.get(account=account)
    for name, value in TOKENS.items():
        setattr(session, name, value)
    session.save()
    links = [
        sharing.invite(account, email="ravi@example.com", role=Role.VIEWER, by=asha),
        invitations.invite("new@example.com", by=asha),
    ]
    tokens = [link.rstrip("/").rsplit("/", 1)[1] for link in links]
    hashes = [invitations.hashed(token) for token in tokens]
    passwords = list(User.objects.values_list("password", flat=True))
    factors = [str(row.data.get("secret", "")) for row in Authenticator.objects.all()]
    found = [*PLANTED.values(), *TOKENS.values(), "planted-api-key-8", *tokens, *hashes, *passwords, *filter(None, factors)]  # fmt: skip
    return [
        form
        for secret in found
        for form in (secret, quote(secret), base64.b64encode(secret.encode()).decode())
    ]


def pages():
    for model, table in admin.site._registry.items():
        names = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{names}_changelist")
        yield reverse(f"{names}_add")
        rows = model._default_manager.all()
        for pk in rows.values_list("pk", flat=True)[:3]:
            for page in ("change", "history", "delete"):
                yield reverse(f"{names}_{page}", args=[pk])
        assert table is not None


def test_no_page_of_the_administration_shows_a_secret(planted, office):
    seen = 0
    for path in [ADMIN, f"{ADMIN}accounts/", *pages()]:
        answer = office.get(path, follow=True)
        assert answer.status_code in {200, 403, 404}, path
        text = answer.content.decode()
        assert [secret for secret in planted if secret in text] == [], path
        seen += answer.status_code == 200
    assert seen > 20


def test_nobody_adds_changes_or_deletes_by_the_administration(planted, account, office):
    for name, row in [
        ("brokeraccount", account),
        ("loginsession", account.session),
        ("credentials", account.credentials),
        ("membership", account.memberships.get()),
        ("accountinvitation", account.invitations.get()),
    ]:
        base = f"{ADMIN}accounts/{name}/"
        assert office.get(f"{base}add/").status_code == 403
        assert office.post(f"{base}{row.pk}/change/", {"name": "Else"}).status_code == 403
        assert office.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("table", "asked"),
    [
        ("loginsession", "access_token__startswith=planted"),
        ("loginsession", "access_token__isnull=0"),
        ("credentials", "api_key__startswith=planted"),
        ("credentials", "account__session__access_token__startswith=p"),
        ("brokeraccount", "credentials__api_key__startswith=planted"),
        ("accountinvitation", "token_hash__startswith=a"),
        ("invitation", "token_hash__startswith=a"),
        ("session", "session_key__startswith=a"),
        ("user", "password__startswith=argon2"),
    ],
)
def test_no_filter_of_a_list_guesses_a_secret(planted, office, table, asked):
    assert office.get(f"{ADMIN}accounts/{table}/?{asked}").status_code == 400


def test_what_is_stored_is_named(planted, office):
    page = words(office.get(f"{ADMIN}accounts/credentials/"))

    assert "api secret, password, totp seed, pin" in page
