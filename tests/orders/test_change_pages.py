"""Changing, cancelling and closing what stands, by the pages; what each asks and what it stores."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import linking
from accounts.brokerage import Membership, Role
from accounts.brokers.words import Product
from orders import changes, changing, front
from orders.datasets import Dataset
from orders.engine import switch
from orders.engine.models import OrderTask
from orders.engine.sending import Sender
from orders.engine.spelling import CAPPED
from orders.instruments import import_master
from orders.instruments.models import Instrument
from orders.ledger import Order
from portfolio import sync
from portfolio.models import PositionRow
from tests.accounts.conftest import (  # noqa: F401
    asha,
    enter,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.engine.desk import asked, give, limit, work
from tests.engine.risky import limits
from tests.orders.listing import FRIDAY, market
from tests.orders.test_order_pages import heard
from tests.portfolio.test_sync import buy, wait_for_fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    account = linking.link_paper(owner=asha)
    import_master("kite-paper", market(), at=FRIDAY)
    return account


@pytest.fixture
def client(account, asha, enter):  # noqa: F811
    return enter(asha)


@pytest.fixture
def order(account):
    return heard(account, order_id="77", quantity=10, price=Decimal("1450"), filled_quantity=0)


def key_in(answer):
    return re.findall(r'name="key" value="([^"]+)"', answer.content.decode())[0]


def said(answer):
    return " ".join(strip_tags(answer.content.decode()).split())


def change(client, order, **terms):
    path = f"/a/{order.account.code}/orders/{order.order_id}/modify/"
    terms = {"quantity": "10", "order_type": "LIMIT", "price": "1450", "validity": "DAY"} | terms
    return client.post(path, {"key": key_in(client.get(path))} | terms)


def test_only_what_was_changed_is_sent(client, order):
    answer = change(client, order, price="1,440")

    task = OrderTask.objects.get()
    assert answer.status_code == 303
    assert (task.kind, task.target) == ("modify", "77")
    assert task.params == {"order_id": "77", "variety": "regular", "price": "1440"}


def test_while_entries_are_stopped_an_order_is_made_smaller_and_no_larger(client, account, order):
    switch.press("L1", why="Margin call", who="Anita", account=account)

    larger, smaller = change(client, order, quantity="12"), change(client, order, quantity="8")

    assert (larger.status_code, smaller.status_code) == (422, 303)
    assert "stopped by Anita" in said(larger)
    task = OrderTask.objects.get()
    assert (task.params["quantity"], task.is_exit) == (8, True)


def test_a_stale_form_undoes_nothing_that_somebody_else_changed(client, order):
    path = f"/a/{order.account.code}/orders/{order.order_id}/modify/"
    html = client.get(path).content.decode()
    was = dict(re.findall(r'name="(was_\w+)" value="([^"]*)"', html))
    form = was | {
        "key": re.findall(r'name="key" value="([^"]+)"', html)[0], "quantity": "12",
        "order_type": "LIMIT", "price": "1450", "validity": "DAY",
    }  # fmt: skip
    Order.objects.update(price=Decimal("1460"))

    checked = client.post(path, form | {"check": "1"})
    answers = [client.post(path, form)]
    Order.objects.update(quantity=12)
    answers.append(client.post(path, form))

    task = OrderTask.objects.get()
    assert task.params == {"order_id": "77", "variety": "regular", "quantity": 12}
    assert [answer.status_code for answer in answers] == [303, 303]
    assert 'name="was_price" value="1450"' in checked.content.decode()


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({}, "Nothing is changed yet"),
        ({"price": "1440.03"}, "Price must step by"),
        ({"quantity": "0"}, "Quantity must be 1 or more"),
        ({"price": "x"}, "Write a number"),
    ],
)
def test_new_terms_are_looked_over_like_an_order(client, order, terms, words):
    answer = change(client, order, **terms)

    assert answer.status_code == 422
    assert words in said(answer)
    assert not OrderTask.objects.exists()


def test_a_form_cannot_turn_an_order_into_another(client, order):
    change(client, order, price="1440", instrument="NSE:LT", side="SELL", product="MIS")

    assert OrderTask.objects.get().symbol == "INFY"
    assert set(OrderTask.objects.get().params) == {"order_id", "variety", "price"}


def test_no_less_than_what_is_filled_can_be_asked_for(client, account):
    order = heard(account, order_id="78", quantity=10, price=Decimal(1450), filled_quantity=4)

    answer = change(client, order, quantity="4")

    assert "4 are filled already" in said(answer)


def test_a_change_to_the_market_carries_protection(client, order):
    change(client, order, order_type="MARKET", price="")

    assert OrderTask.objects.get().params["market_protection"] == "-1"


def cancel(client, order, key):
    return client.post(f"/a/{order.account.code}/orders/{order.order_id}/cancel/", {"key": key})


def test_an_order_is_cancelled_by_the_button_in_its_row_once(client, order):
    page = client.get(f"/a/{order.account.code}/orders/")
    keys = [key_in(page), key_in(client.get(f"/a/{order.account.code}/orders/"))]

    answers = [cancel(client, order, key) for key in keys]

    task = OrderTask.objects.get()
    assert [answer.status_code for answer in answers] == [303, 303]
    assert (task.kind, task.target, task.is_exit) == ("cancel", "77", True)


def test_a_second_click_on_cancel_gives_the_same_when_the_order_is_over(client, order):
    key = key_in(client.get(f"/a/{order.account.code}/orders/"))
    first = cancel(client, order, key)
    OrderTask.objects.update(state="COMPLETED")
    Order.objects.update(status="CANCELLED")

    again = cancel(client, order, key)

    assert (again.status_code, again["Location"]) == (303, first["Location"])


def test_an_order_a_change_and_an_exit_that_stand_are_not_judged_again(account, asha, order):  # noqa: F811
    ticket = replace(changes.ticket_of(order), price=Decimal("1460"))
    larger = replace(ticket, quantity=20)
    terms: dict[str, Any] = {"exchange": "NSE", "symbol": "INFY", "product": Product.CNC, "net": 3}

    def all_three():
        at = timezone.now()
        return [
            front.place(asked(account, asha, "k1"), ticket, at),
            changing.modify(asked(account, asha, "k2"), order, larger, at),
            *changing.close(asked(account, asha, "k3"), **terms, protection=None, at=at),
        ]

    first = all_three()
    limits(account, order_value=Decimal(100))
    Instrument.objects.update(is_active=False)
    again = all_three()

    assert [one.is_replay for one in again] == [True, True, True]
    assert [one.task.pk for one in again] == [one.task.pk for one in first]
    with pytest.raises(front.Refused):
        front.place(asked(account, asha, "k4"), ticket, timezone.now())


def test_what_is_over_is_not_cancelled_and_says_why(client, order):
    key = key_in(client.get(f"/a/{order.account.code}/orders/"))
    Order.objects.update(status="COMPLETE")

    answer = client.post(f"/a/{order.account.code}/orders/77/cancel/", {"key": key}, follow=True)

    assert "INFY was not cancelled: The order is complete already." in said(answer)
    assert not OrderTask.objects.exists()


def test_all_are_cancelled_as_one_request_after_one_question(client, account, order):
    heard(account, order_id="79", quantity=5)
    heard(account, order_id="80", quantity=5, status="COMPLETE", filled_quantity=5)
    path = f"/a/{account.code}/orders/cancel-all/"
    page = client.get(path)

    answers = [client.post(path, {"key": key_in(page)}) for _ in range(2)]

    tasks = OrderTask.objects.all()
    assert "2 orders still work" in said(page)
    assert [answer.status_code for answer in answers] == [303, 303]
    assert sorted(task.target for task in tasks) == ["77", "79"]
    assert len({task.request for task in tasks}) == 1


def test_what_has_not_left_is_withdrawn_with_all(client, account, order):
    waiting = give(account, limit(quantity=3))
    path = f"/a/{account.code}/orders/cancel-all/"
    page = client.get(path)

    answer = client.post(path, {"key": key_in(page)}, follow=True)

    waiting.refresh_from_db()
    assert "1 waits to be sent and will be withdrawn." in said(page)
    assert "1 waiting order withdrawn. Cancelling 1 order" in said(answer)
    assert (waiting.state, waiting.reason) == ("FAILED", "cancelled")


def test_a_viewer_sees_no_buttons_and_a_trader_does(client, order, make_person, enter):  # noqa: F811
    viewer = make_person("viewer@example.com")
    Membership.objects.create(account=order.account, user=viewer, role=Role.VIEWER)
    path = f"/a/{order.account.code}/orders/"

    theirs, ours = (one.get(path).content.decode() for one in (enter(viewer), client))

    for words in ("New order", "Cancel buy INFY", "Change buy INFY", "Cancel all open"):
        assert words in ours
        assert words not in theirs


@pytest.mark.parametrize("level", ["L1", "L2", "L3"])
def test_every_page_of_an_account_says_who_stopped_trading(client, account, asha, level):  # noqa: F811
    other = linking.link_paper(owner=asha)
    switch.press(
        level, why="Margin call", who="Anita", account=account if level == "L1" else None,
        until=timezone.now() + timedelta(hours=1),
    )  # fmt: skip

    for path in ("", "orders/", "positions/", "orders/new/"):
        page = said(client.get(f"/a/{account.code}/{path}"))
        assert "stopped" in page, path
        assert "By Anita at" in page, path
        assert "Margin call" in page, path
    assert ("Margin call" in said(client.get(f"/a/{other.code}/orders/"))) == (level != "L1")


@pytest.fixture
def position(account):
    wait_for_fill(account, buy(account))
    sync.sync_account(account.pk, ["positions"])
    row = PositionRow.objects.filter(account=account, is_day=False).get()
    assert Dataset.objects.filter(account=account).exists()
    return row


def test_a_position_is_closed_at_the_market_with_protection_and_a_cap(client, account, position):
    named = {"exchange": position.exchange, "symbol": position.symbol, "product": position.product}
    path = f"/a/{account.code}/positions/exit/"
    page = client.get(f"{path}?{urlencode(named)}")
    form = named | {"key": key_in(page), "net": position.quantity, "protection": "auto"}

    answers = [client.post(path, form) for _ in range(2)]

    task = OrderTask.objects.get()
    assert f"{position.quantity} open" in said(page)
    assert [answer.status_code for answer in answers] == [303, 303]
    assert task.is_exit
    assert task.params[CAPPED]
    assert task.params["market_protection"] == "-1"
    assert (task.params["side"], task.params["quantity"]) == ("SELL", position.quantity)


@pytest.mark.parametrize(
    ("typed", "said_of_it"),
    [
        ("0", "Quantity: Give 1 to"),
        ("6", "no more is open"),
        ("-2", "Quantity: It must not be negative"),
        ("1k", "Write the number in full"),
        ("2.5", "It must be a whole number"),
    ],
)
def test_no_other_part_of_a_position_can_be_closed(client, account, position, typed, said_of_it):
    named = {"exchange": position.exchange, "symbol": position.symbol, "product": position.product}
    path = f"/a/{account.code}/positions/exit/"
    key = key_in(client.get(f"{path}?{urlencode(named)}"))

    answer = client.post(path, named | {"key": key, "net": position.quantity, "quantity": typed})

    assert answer.status_code == 422
    assert said_of_it in said(answer)
    assert f'value="{typed}"' in answer.text
    assert not OrderTask.objects.exists()


def test_a_part_of_a_position_can_be_closed(client, account, position):
    named = {"exchange": position.exchange, "symbol": position.symbol, "product": position.product}
    path = f"/a/{account.code}/positions/exit/"
    page = client.get(f"{path}?{urlencode(named)}")
    form = named | {"key": key_in(page), "net": position.quantity, "quantity": "2"}

    assert client.post(path, form).status_code == 303

    task = OrderTask.objects.get()
    assert (task.params["side"], task.params["quantity"]) == ("SELL", 2)
    assert f'value="{position.quantity}"' in page.text


def test_an_exit_without_protection_is_refused(client, account, position):
    named = {"exchange": position.exchange, "symbol": position.symbol, "product": position.product}
    path = f"/a/{account.code}/positions/exit/"
    key = key_in(client.get(f"{path}?{urlencode(named)}"))

    answer = client.post(path, named | {"key": key, "net": position.quantity, "protection": "0"})

    assert answer.status_code == 422
    assert "Market protection is never zero" in said(answer)


def test_what_is_too_large_for_one_order_leaves_in_pieces_of_one_request(client, account):
    """Ten slices of two are the most that leaves at once here."""
    wait_for_fill(account, buy(account, quantity=45))
    sync.sync_account(account.pk, ["positions"])
    Instrument.objects.filter(symbol="INFY").update(freeze_quantity=2)
    row = PositionRow.objects.get(account=account, is_day=False)
    named = {"exchange": row.exchange, "symbol": row.symbol, "product": row.product}
    path = f"/a/{account.code}/positions/exit/"

    def leave(**more):
        key = key_in(client.get(f"{path}?{urlencode(named)}"))
        form = named | {"key": key, "net": 45, "protection": "auto"} | more
        return [client.post(path, form) for _ in range(2)]

    answers = leave()

    tasks = list(OrderTask.objects.order_by("sequence"))
    assert [task.params["quantity"] for task in tasks] == [20, 20, 5]
    assert all(task.params["autoslice"] and task.is_exit for task in tasks)
    [request] = {task.request for task in tasks}
    assert {one["Location"] for one in answers} == {f"/a/{account.code}/requests/{request}/"}
    assert leave()[0].status_code == 422
    assert OrderTask.objects.count() == 3
    assert leave(confirms=tasks[0].pk)[0].status_code == 303
    assert OrderTask.objects.count() == 6

    work(Sender(), account)
    for task in OrderTask.objects.filter(pk__in=[one.pk for one in tasks]):
        assert task.state == "COMPLETED", task.message
        wait_for_fill(account, task.order_id)
    sync.sync_account(account.pk, ["positions"])
    assert not PositionRow.objects.filter(is_day=False).exclude(quantity=0).exists()
