"""What works against a position is named before its exit is pressed, with what to do."""

import re
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from accounts import linking
from accounts.brokers.words import OrderStatus
from orders import datasets
from orders.instruments import import_master
from tests.engine.risky import holds, read, stands
from tests.orders.listing import FRIDAY, market
from tests.orders.test_ticket_page import said

pytestmark = pytest.mark.django_db
PLACE = {"exchange": "NSE", "symbol": "INFY", "product": "CNC"}
STOP = {
    "side": "SELL", "order_type": "SL", "status": OrderStatus.TRIGGER_PENDING,
    "trigger_price": Decimal(1400), "price": "1395",
}  # fmt: skip


@pytest.fixture
def account(exchange, asha):
    account = linking.link_paper(owner=asha)
    import_master("kite-paper", market(), at=FRIDAY)
    return account


@pytest.fixture
def client(account, asha, enter):
    return enter(asha)


def pages(client, account):
    """Open the exit of the position, and the exit of all, on what stands in the tables."""
    read(account, age=-3600)
    return opened(client, account)


def opened(client, account):
    path = f"/a/{account.code}/positions/"
    return client.get(f"{path}exit/?{urlencode(PLACE)}"), client.get(f"{path}exit-all/")


def test_a_stop_over_all_of_it_is_named_with_its_page(client, account):
    holds(account, 5)
    stands(account, "41", quantity=5, **STOP)

    for page in pages(client, account):
        text = said(page)
        assert "1 order closes all of it already." in text
        assert "Nothing is left for an exit: cancel it first." in text
        assert "Sell 5, SL, trigger 1,400.00, price 1,395.00" in text
        assert f'href="/a/{account.code}/orders/41/"' in page.content.decode()


def test_orders_over_a_part_of_it_leave_the_rest(client, account):
    holds(account, 10)
    stands(account, "41", quantity=3, **STOP)
    stands(account, "42", side="SELL", quantity=4, filled_quantity=2, price="1600")

    for page in pages(client, account):
        text = said(page)
        assert "2 orders close 5 of the 10 already." in text
        assert "An exit closes the other 5 and no more. To exit all, cancel them first." in text
        assert "Sell 2, LIMIT, price 1,600.00" in text
        assert text.count("trigger 1,400.00") == 1


def test_a_short_is_closed_by_what_buys(client, account):
    holds(account, -5)
    stands(account, "41", side="BUY", quantity=2)
    stands(account, "42", **STOP | {"quantity": 5})

    for page in pages(client, account):
        assert "1 order closes 2 of the 5 already." in said(page)


@pytest.mark.parametrize(
    "other",
    [
        {"side": "BUY", "quantity": 5},
        {"side": "SELL", "quantity": 5, "product": "MIS"},
        {"side": "SELL", "quantity": 5, "symbol": "LT"},
        {"side": "SELL", "quantity": 5, "exchange": "BSE"},
        {"side": "SELL", "quantity": 5, "status": OrderStatus.CANCELLED},
    ],
)
def test_what_closes_nothing_of_it_is_not_named(client, account, other):
    holds(account, 5)
    stands(account, "41", **other)

    for page in pages(client, account):
        assert "already" not in said(page)
        assert re.search("5 open|Sell 5 INFY", said(page))


def test_an_exit_on_old_figures_says_how_old_they_are(client, account):
    """Here nobody fetches what is asked for."""
    for page in opened(client, account):
        assert "The positions of this account were not read yet." in said(page)

    holds(account, 5)
    read(account, age=600)
    for page in opened(client, account):
        assert "No newer figures yet. The position is as it was read at" in said(page)
    for page in pages(client, account):
        assert "No newer figures" not in said(page)


def test_what_an_order_changed_is_not_new_however_young(client, account):
    holds(account, 5)
    read(account)
    datasets.renew_soon(account.pk)

    for page in opened(client, account):
        assert "No newer figures yet." in said(page)
