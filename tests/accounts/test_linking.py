"""A paper account is linked in one step, to its owner only, and keeps its secrets sealed."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts import linking, logins, ways_in
from accounts.brokerage import BrokerAccount, Role, State
from accounts.brokers.errors import BrokerUnavailable
from accounts.brokers.types import BrokerSession
from accounts.models import AuditEvent, User
from orders.tasks import sync_instruments_task
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401

pytestmark = pytest.mark.django_db


def listed():
    out = StringIO()
    call_command("accounts", "--json", stdout=out)
    return json.loads(out.getvalue())


def test_a_paper_account_is_live_at_once_and_its_linker_owns_it(exchange, asha):  # noqa: F811
    account = linking.link_paper(owner=asha)

    assert logins.state_of(account) in {State.LIVE, State.EXPIRING}
    assert account.memberships.get().role == Role.OWNER
    assert (account.profile or {})["name"] == "Asha Rao"
    assert [event.what for event in AuditEvent.objects.order_by("number")][-2:] == [
        "account.linked",
        "account.logged_in",
    ]


def test_the_list_in_json_has_what_programs_need_in_order_of_creation(exchange, asha):  # noqa: F811
    first, second = linking.link_paper(owner=asha), linking.link_paper(owner=asha)

    rows = listed()

    assert [row["code"] for row in rows] == [first.code, second.code] == ["paper", "paper-2"]
    assert set(rows[0]) >= {"code", "name", "broker", "environment", "broker_user_id", "state"}
    assert rows[0]["environment"] == "paper"
    assert "T06:00:00+05:30" in rows[0]["expires_at"]


def test_no_secret_stands_in_clear_in_the_tables(exchange, asha):  # noqa: F811
    account = linking.link_paper(owner=asha)
    secrets = [
        account.credentials.api_secret,
        account.credentials.password,
        account.credentials.totp_seed,
        account.session.access_token,
    ]

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c::text, s::text FROM accounts_credentials c, accounts_loginsession s"
        )
        stored = str(cursor.fetchall())

    assert all(secrets)
    assert [secret for secret in secrets if secret in stored] == []


def test_without_an_exchange_nothing_is_linked(settings, asha):
    settings.PAPER_URL = ""

    with pytest.raises(BrokerUnavailable):
        linking.link_paper(owner=asha)

    assert not BrokerAccount.objects.exists()


@pytest.fixture
def half_an_exchange(tmp_path, settings):
    """An exchange that opens an account and is gone before the log-in."""

    class Half(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            is_opening = self.path == "/paper/accounts"
            self.send_response(200 if is_opening else 503)
            self.end_headers()
            if is_opening:
                names = ("user_id", "api_key", "api_secret", "password", "totp_secret")
                self.wfile.write(json.dumps(dict.fromkeys(names, "PA0001")).encode())

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Half)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "control.token").write_text("token")
    settings.PAPER_URL = f"http://127.0.0.1:{server.server_port}"
    settings.PAPER_HOME = tmp_path
    yield
    server.shutdown()
    server.server_close()


def test_an_exchange_that_goes_between_leaves_an_account_that_asks_for_its_log_in(
    half_an_exchange, asha, enter
):
    answer = enter(asha).post("/accounts/link/")

    assert answer.headers["Location"] == "/accounts/paper/"  # not "No account was opened"
    account = BrokerAccount.objects.get()
    assert logins.state_of(account) == State.NEEDS_LOGIN
    assert "log in" in account.last_error


def test_the_desks_first_account_is_linked_once_however_often_it_starts(exchange, asha):  # noqa: F811
    User.objects.filter(pk=asha.pk).update(is_superuser=True)
    opened = exchange.control("POST", "accounts", {"name": "Paper Trader", "cash": "1000000"})
    lines = "\n".join(f"{name}: {value}" for name, value in opened.items())
    (exchange.home / "first-account.txt").write_text(lines)

    call_command("link_paper", "--first")
    call_command("link_paper", "--first")

    (row,) = listed()
    assert row["broker_user_id"] == opened["user_id"]
    assert row["state"] in {"LIVE", "EXPIRING"}
    assert BrokerAccount.objects.get().session.generation == 1
    with current_app.connection_or_acquire() as connection:
        waiting = connection.SimpleQueue("celery").get(timeout=2)
        waiting.ack()
    assert waiting.headers["task"] == sync_instruments_task.name  # nobody waits until it is due


def test_an_unlinked_account_is_gone_from_the_lists_and_its_secrets_are_forgotten(exchange, asha):  # noqa: F811
    account = linking.link_paper(owner=asha)

    linking.unlink(account, actor=asha)

    assert listed() == []
    stored = BrokerAccount.objects.get()
    assert not hasattr(stored, "credentials")
    assert stored.session.access_token is None


def test_a_log_in_under_way_does_not_outlive_the_unlinking(exchange, asha):  # noqa: F811
    """Both orders: the session comes between the log-out and the unlinking, or after both."""
    account = linking.link_paper(owner=asha)
    seen_before = BrokerAccount.objects.select_related("session").get()
    ways_in.by_counter(account, actor=asha)

    linking.unlink(seen_before, actor=asha)

    stored = BrokerAccount.objects.get()
    assert stored.session.access_token is None
    assert stored.session.ended_at
    now = timezone.now()
    made = BrokerSession(
        user_id=account.broker_user_id, access_token="t", logged_in_at=now, expires_at=now
    )
    with pytest.raises(logins.NoLongerLinked, match="no longer linked"):
        logins.store(account, made, how="late")
    assert BrokerAccount.objects.get().session.access_token is None
