"""The order book of the day and one order: what stands there, in which state, for whom."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.utils import timezone

from accounts import linking, logins
from accounts.brokers.types import OrderRequest, OrderStatus, OrderType, Product, Side
from accounts.lines import line_to
from orders import book
from orders.instruments import Instrument
from orders.instruments.labels import label_of
from orders.models import Dataset, Order, Trade
from orders.shown import short_reason, state_of
from portfolio import sync
from tests.accounts.conftest import (  # noqa: F401
    asha,
    enter,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.orders.test_book import told
from tests.portfolio.test_sync import buy, wait_for_fill

pytestmark = pytest.mark.django_db
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}
PARTS = ["orders", "trades"]


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


def settle(broker, order_id):
    """Wait until the exchange has looked at an order."""
    for _ in range(200):
        if broker.order_history(order_id)[-1].status != OrderStatus.RECEIVED:
            return
    raise AssertionError("still on its way")


@pytest.fixture
def traded(account):
    """One order filled, one waiting below the market, one refused for its price."""
    filled = buy(account)
    wait_for_fill(account, filled)
    with line_to(account) as broker:
        near = round(broker.order_history(filled)[-1].average_price * 97 / 100)
        for quantity, price in [(3, near), (4, near // 2)]:
            request = OrderRequest(
                exchange="NSE", symbol="INFY", side=Side.BUY, quantity=quantity,
                product=Product.CNC, order_type=OrderType.LIMIT, price=Decimal(price),
            )  # fmt: skip
            settle(broker, broker.place(request).order_id)
    sync.sync_account(account.pk, PARTS)
    return account


@pytest.fixture
def client(account, asha, enter):  # noqa: F811
    return enter(asha)


def heard(account, **facts):
    at = timezone.now()
    facts = {"ordered_at": at, "updated_at": at} | facts
    book.absorb(account, [told(**facts)], heard_from="sync", at=at)
    Dataset.objects.get_or_create(account=account, part="orders", defaults={"synced_at": at})
    Dataset.objects.get_or_create(account=account, part="trades", defaults={"synced_at": at})
    return Order.objects.get(account=account, order_id=facts.get("order_id", "1"))


def test_what_was_answered_just_now_stands_there_with_the_time_of_its_answer(client, account):
    at = timezone.now()
    answered = told(ordered_at=None, exchange_at=None, updated_at=None)
    book.absorb(account, [answered], heard_from="answer", at=at)

    html = client.get("/orders/").content.decode()

    assert Order.objects.get().ordered_at is None
    assert f"{timezone.localtime(at):%H:%M:%S}" in html[html.index("<tbody") :]


@pytest.mark.parametrize(
    ("status", "filled", "shown"),
    [
        (OrderStatus.RECEIVED, 0, ("PENDING", "")),
        (OrderStatus.OPEN, 0, ("PENDING", "")),
        (OrderStatus.OPEN, 4, ("PARTIAL", "")),
        (OrderStatus.MODIFYING, 0, ("PENDING", "being changed")),
        (OrderStatus.CANCELLING, 4, ("PARTIAL", "being cancelled")),
        (OrderStatus.TRIGGER_PENDING, 0, ("TRIGGER PENDING", "")),
        (OrderStatus.COMPLETE, 10, ("COMPLETE", "")),
        (OrderStatus.CANCELLED, 0, ("CANCELLED", "")),
        (OrderStatus.CANCELLED, 1300, ("CANCELLED", "1,300 filled")),
        (OrderStatus.REJECTED, 0, ("REJECTED", "")),
    ],
)
def test_the_brokers_many_states_are_few_words(status, filled, shown):
    state = state_of(status, filled)

    assert (state.word, state.note) == shown


@pytest.mark.parametrize(
    ("message", "short"),
    [
        (
            "Insufficient funds. Required margin is 1215747.70 but available margin is 1000000.00.",
            "Short by 2,15,747.70",
        ),
        ("Trigger price is wrong. Try again.", "Trigger price is wrong"),
        ("The price 13.05 is out of the circuit", "The price 13.05 is out of the circuit"),
        ("word " * 40, "word " * 13 + "word…"),
        (
            "Your order price is lower than the current lower circuit limit of 580.05. You can",
            "Below the lower circuit limit, 580.05",
        ),
        ("an upper circuit limit of 1.2.3", "Above the upper circuit limit, 1.20"),
        ("Required margin is 1.2.3 but available", "Required margin is 1.2.3 but available"),
        (f"{'word ' * 13}of the {'long ' * 9}", "word " * 12 + "word…"),
        ("", ""),
    ],
)
def test_a_reason_is_told_in_few_words(message, short):
    assert short_reason(message) == short


@pytest.mark.parametrize("path", ["/orders/", "/a/paper/orders/"])
def test_it_shows_the_orders_of_the_day(client, traded, path):
    html = client.get(path).content.decode()

    for word in ("COMPLETE", "PENDING", "REJECTED", "5</span> / ", "0</span> / "):
        assert word in html, word
    assert short_reason(Order.objects.get(status="REJECTED").message) in unescape(html)
    for order in Order.objects.all():
        assert f'id="order-{order.pk}"' in html
    places = [
        html.index(f'id="order-{one.pk}"') for one in Order.objects.order_by("-ordered_at", "-pk")
    ]
    assert places == sorted(places)
    assert "data-as-of" in html


def test_tabs_count_and_narrow(client, traded):
    pages = {tab: client.get("/orders/", {"tab": tab}).context["panel"].body for tab in
             ("today", "open", "executed", "trades")}  # fmt: skip

    assert {name: len(body["rows"]) for name, body in pages.items()} == {
        "today": 3, "open": 1, "executed": 1, "trades": Trade.objects.count(),
    }  # fmt: skip
    assert [tab.count for tab in pages["open"]["tabs"]] == [3, 1, 1, Trade.objects.count()]
    assert pages["open"]["rows"][0].order.quantity == 3


def test_rows_are_sorted_and_filtered_on_the_server(client, account):
    for number, symbol, side in [("1", "TCS", Side.SELL), ("2", "INFY", Side.BUY), ("3", "SBIN", Side.BUY)]:  # fmt: skip
        heard(account, order_id=number, symbol=symbol, side=side)

    def symbols(**query):
        return [line.order.symbol for line in client.get("/orders/", query).context["panel"].body["rows"]]  # fmt: skip

    assert symbols(sort="instrument") == ["INFY", "SBIN", "TCS"]
    assert symbols(sort="-instrument") == ["TCS", "SBIN", "INFY"]
    assert len(symbols(sort="nonsense")) == 3
    assert symbols(side="SELL") == ["TCS"]
    assert symbols(q="inf") == ["INFY"]
    assert symbols(status="REJECTED") == []
    rows = client.get("/orders/", {"q": "inf", "format": "csv"})
    assert [row["symbol"] for row in csv.DictReader(io.StringIO(rows.content.decode("utf-8-sig")))] == ["INFY"]  # fmt: skip


def test_a_refresh_keeps_the_tab_and_the_filter(client, traded):
    html = client.get("/orders/?tab=open&q=infy", headers=PARTIAL).content.decode()

    assert 'hx-get="/orders/?tab=open&amp;q=infy"' in html
    assert "/orders/?tab=open&amp;q=infy&amp;format=csv" in html


def test_htmx_gets_the_panel_alone_and_304_when_nothing_looks_different(client, traded):
    first = client.get("/orders/", headers=PARTIAL)
    assert first.content.strip().startswith(b"<section")

    tag = {"If-None-Match": first["ETag"]}
    assert client.get("/orders/", headers=PARTIAL | tag).status_code == 304
    assert client.get("/orders/?tab=open", headers=PARTIAL | tag).status_code == 200
    Dataset.objects.update(version=99)
    assert client.get("/orders/", headers=PARTIAL | tag).status_code == 200


def test_yesterdays_orders_are_gone_unless_they_live_today(client, account):
    before = timezone.now() - timedelta(days=1)
    heard(account, order_id="1", symbol="OLDONE", ordered_at=before, updated_at=before)
    heard(account, order_id="2", symbol="OVERNIGHT", variety="amo", ordered_at=before, updated_at=before)  # fmt: skip
    heard(account, order_id="3", symbol="MOVEDON", ordered_at=before)

    html = client.get("/orders/").content.decode()

    assert "OLDONE" not in html
    assert "OVERNIGHT" in html
    assert "MOVEDON" in html


def test_a_protected_market_order_says_what_it_was(client, account):
    heard(account, order_type="LIMIT", tags=("mktp", "mktp:2.00"), price=Decimal("159.82"))

    html = client.get("/orders/").content.decode()

    assert "MARKET 2%, now LIMIT" in html
    assert "159.82" in html
    assert "not filled" in html


def test_contracts_are_named_by_what_they_are_written_on():
    option = Instrument(
        symbol="NIFTY26NOV26400CE", underlying="NIFTY", kind="CE", expiry=date(2026, 11, 24),
        strike=Decimal("26400.0000"), tick_size=Decimal("0.05"), exchange="NFO",
    )  # fmt: skip

    assert str(label_of(option, date(2026, 11, 20))) == "NIFTY 24 NOV 26400 CE"
    assert str(label_of(option, date(2025, 12, 30))) == "NIFTY 24 NOV 26 26400 CE"


@pytest.mark.parametrize(("path", "row"), [("/orders/", "order"), ("/orders/?tab=trades", "trade")])
def test_a_row_of_paper_money_says_so(client, traded, path, row):
    html = client.get(path).content.decode()

    cells = html.split(f'id="{row}-')[1].split("</tr>")[0]
    assert '<span class="paper">PAPER</span>' in cells


def test_a_dead_session_hides_the_orders(client, traded):
    logins.end(traded, "test", generation=traded.session.generation)
    order = Order.objects.earliest("pk")

    for path in ("/orders/", f"/a/paper/orders/{order.order_id}/"):
        html = client.get(path).content.decode()
        assert "Paper is logged out." in html
        assert "INFY</b>" not in html
    told = client.get("/a/paper/orders/", headers={"Accept": "application/json"}).json()
    [said] = told
    assert (said["account"], said["state"], said["error"]) == ("paper", "NEEDS_LOGIN", "logged out")


def test_an_error_keeps_the_old_rows_and_says_so(client, traded):
    Dataset.objects.filter(part="orders").update(error="the broker did not answer")

    html = client.get("/orders/").content.decode()

    assert "Orders did not load for Paper." in html
    assert "COMPLETE" in html


def test_old_rows_are_marked_stale(client, traded):
    Dataset.objects.update(synced_at=timezone.now() - timedelta(minutes=2))

    assert "panel is-stale" in client.get("/orders/").content.decode()


def test_before_the_first_answer_it_is_loading(client, account):
    assert "Loading orders" in client.get("/orders/").content.decode()


def test_an_empty_book_says_so(client, account):
    sync.sync_account(account.pk, PARTS)

    assert "No orders today" in client.get("/orders/").content.decode()
    assert "No order is open" in client.get("/orders/?tab=open").content.decode()
    assert "Nothing here fits the filter" in client.get("/orders/?q=infy").content.decode()


def test_without_an_account_it_says_what_to_do(asha, enter):  # noqa: F811
    assert "No account is linked yet" in enter(asha).get("/orders/").content.decode()


def test_a_read_only_desk_says_so(client, traded, settings):
    settings.ENABLE_ORDER_PLACEMENT = False

    assert "This desk is read-only." in client.get("/orders/").content.decode()


def test_programs_get_the_seeds_fields(client, traded):
    told = client.get("/a/paper/orders/", headers={"Accept": "application/json"}).json()

    seeds = {
        "order_id", "exchange_order_id", "tradingsymbol", "exchange", "transaction_type",
        "order_type", "product", "quantity", "pending_quantity", "filled_quantity", "price",
        "average_price", "status", "status_message", "order_timestamp",
    }  # fmt: skip
    assert len(told) == 3
    assert all(seeds | {"account", "synced_at"} <= set(row) for row in told)
    filled = next(row for row in told if row["status"] == "COMPLETE")
    assert (filled["filled_quantity"], filled["pending_quantity"]) == (5, 0)
    assert filled["order_timestamp"][10] in " T"
    assert client.get("/orders/", headers={"X-Account-ID": "paper"}).json() == told
    trades = client.get("/orders/?tab=trades", headers={"X-Account-ID": "paper"}).json()
    assert sum(row["quantity"] for row in trades) == 5


def test_the_file_has_every_order_and_every_trade(client, traded):
    def rows(**query):
        answer = client.get("/orders/", {"format": "csv"} | query)
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

    orders, trades = rows(), rows(tab="trades")

    assert {row["status"] for row in orders} == {"COMPLETE", "PENDING", "REJECTED"}
    assert sum(int(row["quantity"]) for row in trades) == 5
    assert all(Decimal(row["price"]) > 0 for row in trades)


def test_the_trades_lead_to_their_orders(client, traded):
    html = client.get("/orders/?tab=trades").content.decode()

    trade = Trade.objects.earliest("pk")
    assert f'id="trade-{trade.pk}"' in html
    assert f"/a/paper/orders/{trade.order_id}/" in html


def test_one_order_with_all_that_was_heard_of_it(client, traded):
    order = Order.objects.get(status="REJECTED")
    html = client.get(f"/a/paper/orders/{order.order_id}/").content.decode()
    assert order.message in unescape(html)
    assert order.raw_message in unescape(html)
    assert "The broker, asked" in html

    done = Order.objects.get(status="COMPLETE")
    html = client.get(f"/a/paper/orders/{done.order_id}/").content.decode()
    assert "Its trades" in html
    first = client.get(f"/a/paper/orders/{done.order_id}/", headers=PARTIAL)
    assert first.content.strip().startswith(b"<section")
    answer = client.get(f"/a/paper/orders/{done.order_id}/", headers={"Accept": "application/json"})
    assert answer.json()["order_id"] == done.order_id
    assert answer.json()["trades"]


def test_strangers_see_nothing_of_it(traded, stranger, enter, make_person):  # noqa: F811
    order = Order.objects.earliest("pk")
    other = enter(stranger)

    assert other.get("/a/paper/orders/").status_code == 404
    assert other.get(f"/a/paper/orders/{order.order_id}/").status_code == 404
    assert other.get("/orders/", headers={"X-Account-ID": "paper"}).status_code == 404
    assert b"INFY" not in other.get("/orders/").content


def test_an_order_of_another_account_is_not_found(client, traded, make_person):  # noqa: F811
    theirs = linking.link_paper(owner=make_person("other@example.com"))
    order = heard(theirs, order_id="77")

    assert client.get(f"/a/paper/orders/{order.order_id}/").status_code == 404
    assert client.get("/a/paper/orders/none/").status_code == 404


def test_a_strategy_stands_in_the_book_where_there_is_one(client, account):
    heard(account, order_id="1", tag="s12")
    heard(account, order_id="2")

    page = client.get("/orders/").content.decode()
    assert page.count('title="Strategy">12<') == 1
    rows = csv.DictReader(io.StringIO(client.get("/orders/", {"format": "csv"}).content.decode("utf-8-sig")))  # fmt: skip
    assert {row["order_id"]: row["strategy"] for row in rows} == {"1": "12", "2": ""}


def test_an_order_shows_what_was_said_of_it_word_for_word_to_its_people_alone(
    client,
    account,
    enter,  # noqa: F811
    stranger,  # noqa: F811
):
    heard(account, order_id="1", raw={"order_id": "1", "odd_fact": "<b>7</b>"})
    path = f"/a/{account.code}/orders/1/"

    page = client.get(path).content.decode()
    assert "odd_fact&quot;: &quot;&lt;b&gt;7&lt;/b&gt;" in page
    [told_raw] = client.get(path, headers={"Accept": "application/json"}).json()["heard"]
    assert told_raw["payload"]["odd_fact"] == "<b>7</b>"
    assert enter(stranger).get(path).status_code == 404
