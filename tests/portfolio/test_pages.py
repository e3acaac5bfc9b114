"""The pages of positions and holdings: grouped, sorted, filtered, added up, and honest about gaps."""

import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest

from accounts import linking, logins
from accounts.brokerage import BrokerAccount, Membership, Role, State
from accounts.brokers.types import Side
from orders.models import Dataset
from orders.panels import Panel, Scope, scope_of
from portfolio import positions_page, sync
from portfolio.models import HoldingRow, PositionRow
from tests.portfolio.test_sync import buy, wait_for_fill
from tradedesk.money import rounded

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture
def account(exchange, asha):
    account = linking.link_paper(owner=asha)
    seed = [
        {"exchange": "NSE", "tradingsymbol": "TCS", "quantity": 10, "average_price": "3500.00"},
        {"exchange": "NSE", "tradingsymbol": "ITC", "quantity": 50, "average_price": "400.00"},
    ]
    exchange.control("POST", "holdings", {"user_id": account.broker_user_id, "holdings": seed})
    wanted = [("INFY", 5, Side.BUY), ("SBIN", 4, Side.SELL)]
    wanted += [("RELIANCE", 2, side) for side in (Side.BUY, Side.SELL)]
    orders = [buy(account, symbol, quantity, side=side) for symbol, quantity, side in wanted]
    for order_id in orders:
        wait_for_fill(account, order_id)
    assert sync.sync_account(account.pk).success
    return account


@pytest.fixture
def client(account, asha, enter):
    return enter(asha)


def body_of(answer):
    return answer.context["panel"].body


def names(answer):
    return [row.name for group in body_of(answer)["groups"] for row in group["rows"]]


def test_positions_stand_with_sign_side_and_closed_ones_last(client):
    answer = client.get("/positions/")
    html = answer.content.decode()

    assert names(answer) == ["INFY", "SBIN", "RELIANCE"]
    assert "−4" in html
    assert "is-short" in html
    assert "is-closed" in html
    assert "PAPER" in html
    assert 'data-kind="paper"' in html


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("quantity", ["SBIN", "INFY", "RELIANCE"]),
        ("-quantity", ["INFY", "SBIN", "RELIANCE"]),
        ("-symbol", ["SBIN", "INFY", "RELIANCE"]),
        ("nonsense", ["INFY", "SBIN", "RELIANCE"]),
    ],
)
def test_sorting_is_done_here_and_closed_ones_stay_last(client, sort, expected):
    answer = client.get("/positions/", {"sort": sort, "group": "none"})

    assert names(answer) == expected


def test_filters_narrow_rows_totals_and_the_file(client):
    answer = client.get("/positions/", {"q": "inf"})
    assert names(answer) == ["INFY"]
    [total] = body_of(answer)["totals"]
    assert total["sums"].rows == 1
    text = client.get("/positions/", {"q": "inf", "format": "csv"}).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["symbol"] for row in rows] == ["INFY"]
    assert Decimal(rows[0]["pnl"]) == total["sums"].pnl.amount
    assert "No position matches" in client.get("/positions/", {"q": "zzz"}).content.decode()


def test_a_price_that_is_missing_is_a_dash_with_a_reason_and_out_of_the_sum(client):
    PositionRow.objects.filter(symbol="INFY").update(last_price=0)

    answer = client.get("/positions/")

    [total] = body_of(answer)["totals"]
    assert total["sums"].pnl.left_out[0].name == "NSE:INFY"
    assert "excludes 1 row" in answer.content.decode()


def test_programs_get_net_and_day_in_the_brokers_words(client):
    told = client.get("/a/paper/positions/", headers=JSON).json()

    assert set(told) == {"account", "state", "synced_at", "net", "day"}
    first = {row["tradingsymbol"]: row for row in told["net"]}["INFY"]
    assert (first["quantity"], first["exchange"], first["product"]) == (5, "NSE", "MIS")
    assert {"average_price", "last_price", "pnl", "m2m", "value", "buy_quantity", "buy_price",
            "sell_quantity", "sell_price"} <= set(first)  # fmt: skip
    by_header = client.get("/positions/", headers={"X-Account-ID": "paper"}).json()
    assert by_header == told


def test_the_day_alone_can_be_seen(client):
    assert names(client.get("/positions/", {"set": "day"})) == ["INFY", "SBIN", "RELIANCE"]


def test_holdings_stand_with_what_they_cost_and_are_worth(client):
    answer = client.get("/holdings/", {"sort": "-invested"})

    rows = body_of(answer)["rows"]
    assert [row.value.holding.symbol for row in rows] == ["TCS", "ITC"]
    [total] = body_of(answer)["totals"]
    assert total["sums"].invested.amount == Decimal("55000.00")
    told = client.get("/a/paper/holdings/", headers=JSON).json()
    assert {row["tradingsymbol"] for row in told} == {"TCS", "ITC"}
    assert {"isin", "collateral_quantity", "collateral_type"} <= set(told[0])
    text = client.get("/holdings/", {"format": "csv"}).content.decode("utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(text)))) == 2


def test_marks_of_a_holding_are_words(client):
    HoldingRow.objects.filter(symbol="TCS").update(
        t1_quantity=2, collateral_quantity=3, has_discrepancy=True
    )

    html = client.get("/holdings/").content.decode()

    assert "T1 2" in html
    assert "pledged 3" in html
    assert "marks a discrepancy" in html


@pytest.mark.parametrize("page", ["positions", "holdings"])
def test_a_dead_session_hides_and_an_error_keeps(client, account, page):
    Dataset.objects.filter(part=page).update(error="the broker did not answer")
    assert "did not load for Paper" in client.get(f"/{page}/").content.decode()
    logins.end(account, "test", generation=account.session.generation)

    html = client.get(f"/{page}/").content.decode()

    assert "Paper is logged out." in html
    for symbol in ("INFY", "TCS"):
        assert symbol not in html


@pytest.mark.parametrize("page", ["positions", "holdings", "orders", "gtt", "funds", "today"])
def test_programs_are_told_that_an_account_is_logged_out_and_see_no_row_of_it(
    client, account, page
):
    logins.end(account, "test", generation=account.session.generation)

    for path in (f"/{page}/", f"/a/paper/{page}/"):
        answer = client.get(path, headers=JSON)
        told = answer.json() if isinstance(answer.json(), list) else [answer.json()]
        assert [(one["account"], one["state"], one["error"]) for one in told] == [
            ("paper", "NEEDS_LOGIN", "logged out")
        ]
        assert b"INFY" not in answer.content


def test_shares_stand_together_and_after_contracts(client):
    PositionRow.objects.filter(symbol="SBIN").update(exchange="NFO")

    groups = body_of(client.get("/positions/"))["groups"]

    assert [(one["name"], len(one["rows"])) for one in groups] == [("SBIN", 1), ("Equity", 2)]
    assert groups[1]["pnl"].amount == sum(row.value.pnl for row in groups[1]["rows"])
    narrowed = client.get("/positions/", {"segment": "derivatives"})
    assert names(narrowed) == ["SBIN"]


def test_the_sum_of_a_selection_is_given_whole_paise_as_they_are_shown(client):
    PositionRow.objects.filter(symbol="INFY").update(last_price=Decimal("1000.001"))
    rows = [row for group in body_of(client.get("/positions/"))["groups"] for row in group["rows"]]

    html = client.get("/positions/").content.decode()

    for row in rows:
        assert Decimal(row.paise) / 100 == rounded(row.value.pnl)
        assert f'data-paise="{row.paise}"' in html


def test_an_average_that_is_not_known_says_why(client):
    PositionRow.objects.filter(symbol="INFY").update(average_price=0)
    HoldingRow.objects.filter(symbol="ITC").update(average_price=0)

    positions = client.get("/positions/").content.decode()
    holdings = client.get("/holdings/").content.decode()

    assert "the average price is not known" in positions
    assert "the position is closed" in positions
    assert "the average price is not known" in holdings
    assert ">0.00<" not in holdings


def test_real_money_and_paper_are_never_added(account, asha):
    real = BrokerAccount.objects.create(
        code="real", broker="kite", environment="live", name="Real", broker_user_id="AB1234"
    )
    Membership.objects.create(account=real, user=asha, role=Role.OWNER)
    rows = PositionRow.objects.filter(account=account, is_day=False)
    for row in rows:
        row.pk, row.account = None, real
        row.save()

    scope = scope_of(asha)
    shown = Scope(
        user=scope.user,
        code="",
        at=scope.at,
        seats=[replace(seat, state=State.LIVE) for seat in scope.seats],
    )
    panel = Panel(name="positions", title="Positions", scope=shown, parts=["positions"])
    body = positions_page.body(panel)

    assert [one["environment"] for one in body["totals"]] == ["live", "paper"]
    assert [one["sums"].rows for one in body["totals"]] == [3, 3]
    assert len({row.seat.account.pk for row in body["groups"][0]["rows"]}) == 1
    panel.query = {"group": "none", "sort": "symbol"}
    ungrouped = [row for group in positions_page.body(panel)["groups"] for row in group["rows"]]
    assert len(ungrouped) == 6


@pytest.mark.parametrize("page", ["positions", "holdings"])
def test_before_there_is_anything_the_page_says_what_to_do(stranger, enter, page):
    assert "No account is linked yet" in enter(stranger).get(f"/{page}/").content.decode()


@pytest.mark.parametrize("page", ["positions", "holdings"])
def test_before_the_first_answer_it_loads_and_unchanged_it_is_not_sent_again(client, page):
    partial = {"HX-Request": "true", "HX-Request-Type": "partial"}
    first = client.get(f"/{page}/", headers=partial)
    same = client.get(f"/{page}/", headers=partial | {"If-None-Match": first["ETag"]})
    assert (same.status_code, same.content) == (304, b"")

    Dataset.objects.filter(part=page).update(synced_at=None)

    assert f"Loading {page}" in client.get(f"/{page}/").content.decode()
