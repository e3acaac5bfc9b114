"""The dashboard: the same panels as on their pages, and figures on the rail."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts import linking
from orders.datasets import Dataset
from orders.instruments import MasterImport, Outcome
from orders.panels import scope_of
from portfolio import sync, today
from portfolio.models import PositionRow
from tests.portfolio.test_sync import buy, wait_for_fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(exchange, asha):
    account = linking.link_paper(owner=asha)
    wait_for_fill(account, buy(account, quantity=10))
    sync.sync_account(account.pk)
    return account


def test_the_day_is_what_positions_gained_since_yesterdays_close(account, asha):
    row = PositionRow.objects.get(is_day=False)

    [day] = today.days(scope_of(asha))

    assert day.environment == "paper"
    assert day.positions.m2m.amount == (row.last_price - row.average_price) * 10
    assert [share.amount for share in day.shares] == [day.positions.m2m.amount]


def test_two_accounts_share_the_day_and_one_alone_shows_its_own(account, asha, enter):
    second = linking.link_paper(owner=asha)
    wait_for_fill(second, buy(second, "TCS", 3))
    sync.sync_account(second.pk)

    [day] = today.days(scope_of(asha))
    [alone] = today.days(scope_of(asha, "paper-2"))

    assert [share.seat.account.code for share in day.shares] == ["paper", "paper-2"]
    assert max(share.width for share in day.shares) in {0, 50}
    assert alone.positions.rows == 1
    html = enter(asha).get("/").content.decode()
    assert "All accounts" in html
    assert "2 linked, 2 live" in html


def test_real_money_and_paper_are_told_apart(account, asha):
    second = linking.link_paper(owner=asha)
    second.environment = "sandbox"
    second.save()
    days = today.days(scope_of(asha))

    assert [day.environment for day in days] == ["paper", "sandbox"]


@pytest.mark.parametrize("path", ["/", "/a/paper/"])
def test_the_dashboard_holds_the_panels_and_the_rail_the_figures(account, asha, enter, path):
    html = enter(asha).get(path).content.decode()

    for panel in ("today", "positions", "orders", "funds", "holdings"):
        assert f'id="{panel}"' in html
    assert 'data-parts="positions funds"' in html
    assert "PAPER" in html


@pytest.fixture
def unheard(exchange, asha):
    """An account of which the broker never told more than its funds."""
    account = linking.link_paper(owner=asha)
    sync.sync_account(account.pk, ["funds"])
    for part in set(sync.SOURCES) - {"funds"}:
        Dataset.objects.create(account=account, part=part, error="the broker did not answer")
    return account


@pytest.mark.parametrize("page", ["today", "positions", "holdings", "orders", "gtt"])
def test_what_never_came_is_neither_nought_nor_nothing(unheard, asha, enter, page):
    html = enter(asha).get(f"/{page}/").content.decode()
    panel = html[html.index("data-panel=") :]

    assert "did not load for Paper." in panel
    for claim in ("0.00", "No positions", "No holdings", "No orders", "No trigger"):
        assert claim not in panel


def test_programs_get_no_nought_for_what_never_came(unheard, asha, enter):
    [told] = enter(asha).get("/today/", headers={"Accept": "application/json"}).json()

    figures = ("day_pnl", "booked", "open", "pnl", "holdings_day_pnl")
    assert [told[name] for name in figures] == [None] * 5
    assert told["accounts"] == {"paper": None}


def test_programs_get_the_day_in_figures(account, asha, enter):
    [told] = enter(asha).get("/today/", headers={"Accept": "application/json"}).json()

    assert Decimal(told["day_pnl"]) == today.days(scope_of(asha))[0].positions.m2m.amount
    assert told["excluded"] == 0


def test_a_trader_is_told_that_the_list_of_instruments_is_old(account, asha, enter, stranger):
    client = enter(asha)
    assert "may be out of date" not in client.get("/").content.decode()
    old = timezone.now() - timedelta(days=2)
    MasterImport.objects.create(master="kite-paper", at=old, outcome=Outcome.DONE)
    MasterImport.objects.create(
        master="kite-paper", at=timezone.now(), outcome=Outcome.FAILED, error="the line is cut"
    )

    html = client.get("/positions/").content.decode()

    assert "may be out of date" in html
    assert "the line is cut" in html
    assert "may be out of date" not in enter(stranger).get("/").content.decode()
