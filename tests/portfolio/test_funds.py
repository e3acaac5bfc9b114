"""The funds panel: what stands in it, in which state, and what it answers to whom."""

import csv
import io
from decimal import Decimal

import pytest

from accounts import linking, logins
from accounts.brokerage import BrokerAccount
from orders.models import Dataset
from portfolio import sync
from portfolio.models import FundsRow

pytestmark = pytest.mark.django_db
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def account(exchange, asha):
    account = linking.link_paper(owner=asha)
    sync.sync_account(account.pk, ["funds"])
    return account


@pytest.fixture
def client(account, asha, enter):
    return enter(asha)


@pytest.mark.parametrize("path", ["/funds/", "/a/paper/funds/"])
def test_it_shows_the_money_with_its_age(client, path):
    html = client.get(path).content.decode()

    assert "10,00,000.00" in html
    assert "PAPER" in html
    assert "data-as-of" in html
    assert "SPAN" in html


def test_htmx_gets_the_panel_alone_and_304_when_nothing_looks_different(client, account):
    first = client.get("/funds/", headers=PARTIAL)
    assert b"<html" not in first.content
    assert first.content.strip().startswith(b"<section")

    tag = {"If-None-Match": first["ETag"]}
    same = client.get("/funds/", headers=PARTIAL | tag)
    assert (same.status_code, same.content) == (304, b"")
    assert same["X-As-Of"]
    FundsRow.objects.update(net=Decimal("1.25"))
    sync.sync_account(account.pk, ["funds"])
    Dataset.objects.update(version=99)
    assert client.get("/funds/", headers=PARTIAL | tag).status_code == 200


def test_a_dead_session_hides_the_figures_and_never_shows_nought(client, account):
    logins.end(account, "test", generation=account.session.generation)

    html = client.get("/funds/").content.decode()

    assert "Paper is logged out." in html
    assert "10,00,000" not in html
    assert "0.00" not in html


def test_money_of_the_brokers_sandbox_is_not_shown_as_real(client, account):
    BrokerAccount.objects.update(environment="sandbox")

    page, accounts = client.get("/funds/").content.decode(), client.get("/accounts/")

    assert "equity SANDBOX" in " ".join(page.split())
    assert '<small class="paper">SANDBOX</small>' in page  # on the rail
    assert f"SANDBOX {account.broker_user_id}" in accounts.content.decode()


def test_an_error_keeps_the_old_figures_and_says_so(client):
    Dataset.objects.update(error="the broker did not answer")

    html = client.get("/funds/").content.decode()

    assert "Funds did not load for Paper." in html
    assert "10,00,000.00" in html


def test_before_the_first_answer_it_is_loading(asha, enter, exchange):
    linking.link_paper(owner=asha)

    assert "Loading funds" in enter(asha).get("/funds/").content.decode()


def test_without_an_account_it_says_what_to_do(asha, enter):
    assert "No account is linked yet" in enter(asha).get("/funds/").content.decode()


def test_programs_get_the_brokers_own_fields(client, account):
    told = client.get("/a/paper/funds/", headers={"Accept": "application/json"}).json()

    assert told["equity"]["net"] == str(FundsRow.objects.get(segment="equity").net)
    assert told["account"] == "paper"
    assert told["synced_at"].endswith("+05:30") or told["synced_at"].endswith("Z")
    by_header = client.get("/funds/", headers={"X-Account-ID": "paper"}).json()
    assert by_header == told


def test_the_file_has_every_figure(client):
    answer = client.get("/funds/", {"format": "csv"})

    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert answer["Content-Disposition"].startswith('attachment; filename="funds-')
    assert {row["segment"] for row in rows} <= {"equity", "commodity"}
    assert Decimal(rows[0]["available_margin"]) == FundsRow.objects.get(segment="equity").net


def test_strangers_see_nothing_of_it(account, stranger, enter):
    other = enter(stranger)

    assert other.get("/a/paper/funds/").status_code == 404
    assert other.get("/funds/", headers={"X-Account-ID": "paper"}).status_code == 404
    assert b"10,00,000" not in other.get("/funds/").content
