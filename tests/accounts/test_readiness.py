"""How ready the desk is: nine rows, each by checks made now, honest about what is not built."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import lines, linking, logins, readiness
from accounts import readiness_checks as checks
from accounts.breaker import Breaker
from accounts.brokerage import Credentials, LoginSession
from accounts.models import AuditHead
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tradedesk.models import Failure

pytestmark = pytest.mark.django_db
NINE = [
    "core", "orders", "real-time-data", "websocket", "error-handling", "rate-limiting",
    "token-management", "credentials", "auth-endpoints",
]  # fmt: skip


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


def told():
    out = StringIO()
    call_command("readiness", "--json", stdout=out)
    return json.loads(out.getvalue())


def rows():
    return {row["name"]: row for row in told()["rows"]}


def test_nine_rows_with_a_figure_each_and_one_for_all():
    found = told()

    assert [row["name"] for row in found["rows"]] == NINE
    assert found["overall"] == sum(row["percent"] for row in found["rows"]) // 9
    assert {row["percent"] for row in found["rows"]} <= set(range(101))


def test_what_is_not_built_says_so_and_counts_nought():
    for name in ("orders", "real-time-data"):
        row = rows()[name]
        assert (row["state"], row["percent"], row["proof"]) == ("not-built", 0, None)
        assert "not built" in row["next"]["step"]


def test_the_socket_and_the_limiter_are_really_asked(settings):
    assert rows()["websocket"]["percent"] == rows()["rate-limiting"]["percent"] == 100
    settings.SITE_URL = "https://elsewhere.example.in/"

    row = rows()["websocket"]

    assert (row["percent"], row["state"]) == (50, "partly")
    assert "ALLOWED_HOSTS" in row["next"]["step"]


def test_without_redis_nothing_is_claimed_to_be_ready(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    lines.limiter.cache_clear()
    try:
        row = rows()["rate-limiting"]
    finally:
        lines.limiter.cache_clear()

    assert row["percent"] == 50
    assert "Redis does not count" in str(row["checks"])


def test_a_live_account_is_proof_and_a_dead_one_asks_for_its_log_in(account):
    lines.verify(account)
    row = rows()["token-management"]
    assert (row["percent"], row["state"], row["next"]) == (100, "ready", None)
    assert row["proof"]["what"] == "Account logged in (paper)"

    LoginSession.objects.update(verified_at=timezone.now() - timedelta(hours=1))
    assert rows()["token-management"]["percent"] == 66
    logins.end(account, "logged out", generation=account.session.generation)
    row = rows()["token-management"]
    assert (row["percent"], row["state"]) == (0, "not-ready")
    assert row["next"] == {"step": "Log the accounts in", "url": "/accounts/"}


def test_placeholders_are_not_configured_wherever_they_stand(account, monkeypatch):
    assert rows()["credentials"]["percent"] == 100

    Credentials.objects.filter(account=account).update(api_secret="your_api_secret")
    monkeypatch.setenv("ZERODHA_API_KEY", "your-api-key")
    row = rows()["credentials"]

    assert row["percent"] == 0
    said = {check["name"]: check["seen"] for check in row["checks"]}
    assert "API secret is not configured" in said["Of the accounts"]
    assert "ZERODHA_API_KEY not configured" in said["Of the environment"]


def test_an_unreadable_secret_is_counted_and_never_shown(account):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_credentials SET api_secret = 'Canary-7312'")
        cursor.execute("UPDATE accounts_loginsession SET access_token = 'Canary-7312'")

    found = told()

    assert "Canary" not in json.dumps(found)
    assert "a secret cannot be read" in json.dumps(found)
    assert "0 of 1 stored tokens open" in json.dumps(found)


def test_errors_breakers_and_a_broken_audit_are_seen(account):
    assert rows()["error-handling"]["percent"] == 100
    Failure.objects.create(fingerprint="f", kind="ValueError", place="GET /")
    Breaker.objects.update_or_create(account=account, defaults={"opened_at": timezone.now()})

    row = rows()["error-handling"]

    assert row["percent"] == 33
    assert row["next"] == {"step": "Read what broke", "url": "/errors/"}
    assert checks.audit_is_intact().ok
    AuditHead.objects.update(number=1)
    assert checks.audit_is_intact().words == "the chain is broken"


def test_a_check_that_breaks_is_an_answer(settings, monkeypatch):
    def away():
        raise ConnectionRefusedError

    check = checks.Check(name="Away", look=away)

    assert readiness.answer_to(check) == checks.Seen(
        share=0.0, words="no answer: ConnectionRefusedError"
    )


def test_the_page_shows_the_same_to_staff(account, make_person, enter):
    staff = make_person("staff@example.com", is_staff=True)

    html = enter(staff).get("/setup/").content.decode()

    for row in told()["rows"]:
        assert f'id="part-{row["name"]}"' in html
    assert html.count("Not built") == 2
    assert 'href="/setup/"' in enter(staff).get("/me/").content.decode()


def test_the_text_tells_what_is_wanting(account):
    out = StringIO()
    call_command("readiness", stdout=out)

    assert "Orders               0 %  Not built" in out.getvalue()
    assert out.getvalue().splitlines()[-1].startswith("Overall ")
