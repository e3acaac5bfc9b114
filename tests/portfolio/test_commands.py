"""The commands that list what an account has say exactly what the exchange says."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import linking, logins
from accounts.lines import line_to
from portfolio import sync
from tests.portfolio.test_sync import buy, faults, wait_for_fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(exchange, asha):
    return linking.link_paper(owner=asha)


def said(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def listed(*arguments):
    return json.loads(said(*arguments, "--json"))


def test_positions_are_the_net_rows_with_the_brokers_names(account):
    wait_for_fill(account, buy(account))
    with line_to(account) as broker:
        at_exchange = broker.positions().net[0]

    [row] = listed("positions", "--fresh")

    assert (row["tradingsymbol"], row["exchange"], row["product"]) == ("INFY", "NSE", "MIS")
    assert row["quantity"] == 5
    assert isinstance(row["quantity"], int)
    assert Decimal(row["average_price"]) == at_exchange.average_price
    assert isinstance(row["sell_price"], str)
    assert row["account"] == "paper"
    assert row["synced_at"].endswith("+05:30")
    assert "INFY" in said("positions", "--account", "paper")


def test_every_list_is_a_list_and_names_account_and_age(account, exchange):
    seed = [{"exchange": "NSE", "tradingsymbol": "TCS", "quantity": 10, "t1_quantity": 2, "average_price": "3500.00"}]  # fmt: skip
    exchange.control("POST", "holdings", {"user_id": account.broker_user_id, "holdings": seed})
    wait_for_fill(account, buy(account))
    assert sync.sync_account(account.pk).success

    holdings, funds, orders = listed("holdings"), listed("funds"), listed("orders")

    assert [row["tradingsymbol"] for row in holdings] == ["TCS"]
    assert isinstance(holdings[0]["average_price"], str)
    assert holdings[0]["quantity"] + holdings[0]["t1_quantity"] in {10, 12}
    assert {row["segment"] for row in funds} == {"equity", "commodity"}
    assert isinstance(funds[0]["net"], str)
    assert [row["status"] for row in orders] == ["COMPLETE"]
    assert listed("gtts") == []
    for row in holdings + funds + orders:
        assert row["account"] == "paper"
        assert row["synced_at"]


def test_fresh_that_does_not_come_ends_with_one_and_the_reason(account, exchange):
    faults(exchange, {"route": "holdings", "effect": "status_503_before_acceptance"})

    with pytest.raises(CommandError, match="paper: read the holdings"):
        said("holdings", "--fresh")
    faults(exchange)
    logins.end(account, "test", generation=account.session.generation)
    with pytest.raises(CommandError, match="log in again"):
        said("holdings", "--fresh")


def test_an_unknown_code_says_which_there_are(account):
    with pytest.raises(CommandError, match="There are: paper"):
        said("positions", "--account", "nobody")


@pytest.mark.django_db(transaction=True)
def test_sync_by_hand_tells_what_it_brought(account):
    [run] = listed("sync", "--only", "funds,holdings")

    assert run["success"]
    assert run["account"] == "paper"
    assert run["error"] == ""
    with pytest.raises(CommandError, match="no such part: nonsense"):
        said("sync", "--only", "nonsense")
    [status] = listed("sync_status")
    assert status["state"] in {"LIVE", "EXPIRING"}
    assert {one["part"] for one in status["parts"]} == {"funds", "holdings"}
    assert status["last_run"]["success"]
