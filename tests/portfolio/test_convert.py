"""Converting a position by the page: what it offers, what it refuses, and what it stores."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from accounts import linking
from accounts.brokerage import BrokerAccount, Membership, Role
from accounts.brokers.types import Product
from orders.engine import switch
from orders.engine.models import OrderTask
from orders.engine.sending import Sender
from orders.instruments import import_master
from portfolio import sync
from portfolio.models import PositionRow
from tests.engine.desk import again, work
from tests.orders.listing import FRIDAY, market
from tests.orders.test_ticket_page import PARTIAL, key_in, said
from tests.portfolio.test_sync import buy, wait_for_fill

pytestmark = pytest.mark.django_db
NAMED = {"exchange": "NSE", "symbol": "INFY", "product": "MIS"}
WISH = NAMED | {"side": "BUY", "quantity": "5", "new_product": "CNC"}


@pytest.fixture
def account(exchange, asha):
    account = linking.link_paper(owner=asha)
    import_master("kite-paper", market(), at=FRIDAY)
    return account


@pytest.fixture
def client(account, asha, enter):
    return enter(asha)


@pytest.fixture
def position(account):
    wait_for_fill(account, buy(account))
    sync.sync_account(account.pk, ["positions"])
    return PositionRow.objects.get(is_day=False)


@pytest.fixture
def path(account):
    return f"/a/{account.code}/positions/convert/"


def page_of(client, path, **named):
    return client.get(f"{path}?{urlencode(NAMED | named)}")


def send(client, path, *, key=None, headers=None, **terms):
    key = key or key_in(page_of(client, path))
    return client.post(path, WISH | {"key": key} | terms, headers=headers)


def test_the_page_starts_with_all_of_it_and_offers_what_it_may_become(client, path, position):
    page = page_of(client, path)

    html = page.content.decode()
    assert "Long 5 INFY NSE, now MIS" in said(page)
    assert re.findall(r'name="new_product"\s+value="(\w+)"', html) == ["CNC", "MTF"]
    assert re.search(r'name="quantity"\s+value="5"', html)


def test_a_conversion_reaches_the_broker_once_and_its_form_stays_its_own(client, account, path, position):  # fmt: skip
    key = key_in(page_of(client, path))
    answers = [send(client, path, key=key, quantity="2") for _ in range(2)]
    task = OrderTask.objects.get()

    work(Sender(), account)

    sync.sync_account(account.pk, ["positions"])
    stands = PositionRow.objects.filter(is_day=False).values_list("product", "quantity")
    assert again(task).state == "COMPLETED", again(task).message
    assert sorted(stands) == [("CNC", 2), ("MIS", 3)]
    later = send(client, path, key=key, quantity="2")
    assert {one["Location"] for one in (*answers, later)} == {f"/a/{account.code}/tasks/{task.pk}/"}
    page = said(client.get(later["Location"]))
    assert "Convert 2 INFY from MIS to CNC" in page
    assert "Position converted" in page


def test_a_page_with_scripts_gets_one_chip(client, path, position):
    answer = send(client, path, headers=PARTIAL)

    assert (answer.status_code, answer["HX-Trigger"]) == (200, "task-accepted")
    assert answer.content.decode().count('id="chip-') == 1


@pytest.mark.parametrize(
    ("terms", "words", "fill"),
    [
        ({"quantity": "6"}, "5 of today can be converted. Use 5.", "quantity=5"),
        ({"quantity": "0"}, "Quantity must be 1 or more.", "quantity=1"),
        ({"quantity": "x"}, "Write a number", ""),
        ({"new_product": "NRML"}, "cannot be turned from MIS to NRML", "new_product=CNC"),
        ({"new_product": "MIS"}, "cannot be turned from MIS to MIS", "new_product=CNC"),
        ({"side": "SELL"}, "The position is not what it was", ""),
        ({"symbol": "TCS"}, "The position is not what it was", ""),
        ({"is_overnight": "on"}, "0 carried over can be converted. Choose the other part.", ""),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(client, path, position, terms, words, fill):
    answer = send(client, path, **terms)

    assert answer.status_code == 422
    assert words in said(answer)
    assert f'name="fill" value="{fill}"' in answer.content.decode() or not fill
    assert not OrderTask.objects.exists()


def test_a_way_out_fills_its_field_and_sends_nothing(client, path, position):
    answer = send(client, path, quantity="6", fill="quantity=5")

    assert answer.status_code == 200
    assert re.search(r'name="quantity"\s+value="5"', answer.content.decode())
    assert not OrderTask.objects.exists()


def test_a_short_position_in_shares_is_not_delivered(client, path, position):
    PositionRow.objects.update(quantity=-5)

    page = page_of(client, path)
    answer = send(client, path, side="SELL")

    assert "INFY can stand under no other product than MIS." in said(page)
    assert answer.status_code == 422
    assert not OrderTask.objects.exists()


def test_what_was_carried_over_is_converted_as_such(client, path, position):
    PositionRow.objects.update(product="CNC", quantity=5, overnight_quantity=3)
    html = page_of(client, path, product="CNC").content.decode()
    assert "Carried over, 3" in html
    assert "Of today, 2" in html

    send(client, path, product="CNC", new_product="MIS", quantity="3", is_overnight="on")

    assert OrderTask.objects.get().params["is_overnight"] is True


def test_the_same_from_another_form_is_a_question(client, path, position):
    send(client, path, quantity="2")
    key = key_in(page_of(client, path))

    question = send(client, path, key=key, quantity="2")

    first = OrderTask.objects.get()
    assert question.status_code == 422
    assert "Send it again only if you mean it." in said(question)
    assert f'name="confirms" value="{first.pk}"' in question.content.decode()
    assert send(client, path, key=key, quantity="2", confirms=first.pk).status_code == 303
    assert OrderTask.objects.count() == 2


def test_a_form_of_another_account_or_person_is_refused(
    client, account, path, position, asha, enter, make_person
):
    other = linking.link_paper(owner=asha)
    trader = make_person("trader@example.com")
    Membership.objects.create(account=account, user=trader, role=Role.TRADER)
    keys = [
        key_in(page_of(client, f"/a/{other.code}/orders/new/")),
        key_in(page_of(enter(trader), path)),
    ]

    for key in keys:
        assert send(client, path, key=key).status_code == 422

    assert not OrderTask.objects.exists()


def test_while_trading_is_stopped_nothing_is_converted(client, account, path, position):
    switch.press("L1", why="Margin call", who="Anita", account=account)

    answer = send(client, path)

    assert answer.status_code == 422
    assert "Margin call" in said(answer)


def test_a_row_offers_it_to_traders_where_the_broker_converts(
    client, account, position, make_person, enter
):
    viewer = make_person("viewer@example.com")
    Membership.objects.create(account=account, user=viewer, role=Role.VIEWER)
    path = f"/a/{account.code}/positions/"

    pages = [one.get(path).content.decode() for one in (client, enter(viewer))]
    BrokerAccount.objects.update(broker="kite")
    PositionRow.objects.update(product="CO")
    pages.append(client.get(path).content.decode())

    assert ["Convert INFY" in page for page in pages] == [True, False, False]


def test_a_position_offers_a_trigger_that_closes_it(client, account):
    wait_for_fill(account, buy(account, product=Product.CNC))
    wait_for_fill(account, buy(account, symbol="TCS", product=Product.MIS))
    sync.sync_account(account.pk, ["positions"])
    row = PositionRow.objects.get(is_day=False, symbol="INFY")

    html = client.get(f"/a/{account.code}/positions/").content.decode()

    [href] = re.findall(r'id="gtt-position[^"]*"\s+href="([^"]+)"', html)
    asked_for = dict(parse_qsl(urlsplit(href.replace("&amp;", "&")).query))
    assert asked_for == {
        "instrument": "NSE:INFY",
        "product": "CNC",
        "side": "SELL",
        "quantity": str(row.quantity),
    }
    page = said(client.get(href.replace("&amp;", "&")))
    assert "GTT: Sell 5 INFY" in page


def test_a_holding_offers_a_trigger_that_sells_what_is_free_of_it(client, account, exchange):
    row = {"tradingsymbol": "INFY", "exchange": "NSE", "quantity": 9, "average_price": 1400}
    seeds = {"user_id": account.broker_user_id, "holdings": [row]}
    exchange.control("POST", "holdings", seeds)
    sync.sync_account(account.pk, ["holdings"])

    html = client.get(f"/a/{account.code}/holdings/").content.decode()

    [href] = re.findall(r'id="gtt-holding[^"]*"\s+href="([^"]+)"', html)
    asked_for = dict(parse_qsl(urlsplit(href.replace("&amp;", "&")).query))
    assert (asked_for["side"], asked_for["quantity"], asked_for["product"]) == ("SELL", "9", "CNC")
