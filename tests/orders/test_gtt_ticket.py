"""Setting, changing and deleting a trigger by the pages: what each takes, refuses and stores."""

import re
from decimal import Decimal

import pytest
from django.core.cache import cache

from accounts import linking
from accounts.brokerage import BrokerAccount, Membership, Role
from orders.engine import switch
from orders.engine.models import OrderTask
from orders.instruments import import_master
from orders.models import GttTrigger
from tests.accounts.conftest import (  # noqa: F401
    asha,
    enter,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.engine.risky import limits
from tests.orders.listing import FRIDAY, market
from tests.orders.test_gtt_page import known, leg, trigger
from tests.orders.test_ticket_page import PARTIAL, key_in, said
from tests.portfolio.test_sync import faults

pytestmark = pytest.mark.django_db
SINGLE = {
    "instrument": "NSE:INFY", "side": "SELL", "kind": "single", "quantity": "5", "product": "CNC",
    "trigger": "1,400", "price": "1,395",
}  # fmt: skip
TWO = SINGLE | {
    "kind": "two-leg", "trigger": "", "price": "", "stop_trigger": "1400", "stop_price": "1395",
    "target_trigger": "1600", "target_price": "1600",
}  # fmt: skip


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    account = linking.link_paper(owner=asha)
    import_master("kite-paper", market(), at=FRIDAY)
    exchange.control("POST", "prices", {"NSE:INFY": "1500"})
    cache.clear()
    return account


@pytest.fixture
def client(account, asha, enter):  # noqa: F811
    return enter(asha)


@pytest.fixture
def path(account):
    return f"/a/{account.code}/gtt/new/"


@pytest.fixture
def gtt(account):
    legs = (leg(quantity=5, price=Decimal(1395)), leg(quantity=5, price=Decimal(1600)))
    triggers = (Decimal(1400), Decimal(1600))
    known(account, trigger(gtt_id="7", triggers=triggers, last_price=Decimal(1500), legs=legs))
    return GttTrigger.objects.get()


def send(client, path, terms, *, key=None, headers=None, **more):
    return client.post(
        path, terms | {"key": key or key_in(client.get(path))} | more, headers=headers
    )


def test_a_single_trigger_is_taken_once_for_its_form(client, path, asha):  # noqa: F811
    key = key_in(client.get(path))

    answers = [send(client, path, SINGLE, key=key) for _ in range(3)]

    task = OrderTask.objects.get()
    assert [answer.status_code for answer in answers] == [303] * 3
    assert {answer["Location"] for answer in answers} == {
        f"/a/{task.account.code}/tasks/{task.pk}/"
    }
    assert (task.kind, task.user, task.source) == ("gtt_place", asha, "page")
    assert task.params["triggers"] == ["1400"]
    assert Decimal(task.params["last_price"]) > 0
    assert "GTT sell 5 INFY at 1400" in said(client.get(answers[0]["Location"]))


def test_a_stop_and_a_target_are_two_orders_of_one_trigger(client, path):
    answer = send(client, path, TWO)

    params = OrderTask.objects.get().params
    assert answer.status_code == 303
    assert (params["kind"], params["triggers"]) == ("two-leg", ["1400", "1600"])
    assert [(one["price"], one["quantity"], one["side"]) for one in params["legs"]] == [
        ("1395", 5, "SELL"),
        ("1600", 5, "SELL"),
    ]


def test_a_page_with_scripts_gets_one_chip(client, path):
    answer = send(client, path, SINGLE, headers=PARTIAL)

    task = OrderTask.objects.get()
    assert (answer.status_code, answer["HX-Trigger"]) == (200, "task-accepted")
    assert answer.content.decode().count(f'id="chip-{task.pk}"') == 1


def test_a_persons_own_limit_is_said_beside_its_field(client, path, asha, account):  # noqa: F811
    limits(user=asha, order_quantity=4)

    sent = send(client, path, SINGLE)
    typed = client.post(f"/a/{account.code}/gtt/check/", SINGLE)

    assert sent.status_code == 422
    for answer in (sent, typed):
        assert "Quantity is above 4, the most that this account allows" in said(answer)
    assert not OrderTask.objects.exists()


WRONG = [
    (SINGLE | {"trigger": "1400.03"}, "Trigger must step by 0.05", "trigger=1400.05"),
    (SINGLE | {"trigger": "1499"}, "0.25% or more below the last price", ""),
    (SINGLE | {"trigger": ""}, "Enter the price that it waits for.", ""),
    (SINGLE | {"price": ""}, "Enter the price of its order.", ""),
    (SINGLE | {"quantity": "0"}, "Quantity must be 1 or more.", "quantity=1"),
    (SINGLE | {"quantity": "five"}, "Write a number such as", ""),
    (SINGLE | {"product": "MIS"}, "MIS is for today only", "product=CNC"),
    (SINGLE | {"product": "NRML"}, "not NRML", "product=CNC"),
    (SINGLE | {"instrument": "NSE:NOSUCH"}, "is not in the list of instruments", ""),
    (SINGLE | {"instrument": ""}, "Choose an instrument.", ""),
    (SINGLE | {"quantity": ""}, "Type how many.", ""),
    (TWO | {"target_trigger": ""}, "Enter the price that it waits for.", ""),
    (TWO | {"stop_trigger": "1700"}, "The lower trigger must be below the upper one.", ""),
    (TWO | {"quantity": "0"}, "Quantity must be 1 or more.", "quantity=1"),
    (TWO | {"target_price": "1600.01"}, "Price must step by 0.05", "target_price=1600"),
    (TWO | {"product": "MIS"}, "MIS is for today only", "product=CNC"),
]


@pytest.mark.parametrize(("terms", "words", "fill"), WRONG)
def test_what_breaks_a_rule_is_refused_once_beside_its_field(client, path, terms, words, fill):
    answer = send(client, path, terms)

    assert answer.status_code == 422
    assert said(answer).count(words) == 1
    assert f'name="fill" value="{fill}' in answer.content.decode() or not fill
    assert not OrderTask.objects.exists()


@pytest.mark.parametrize(("terms", "words", "fill"), [one for one in WRONG if one[2]])
def test_the_way_out_fills_its_field_and_sends_nothing(client, path, terms, words, fill):
    answer = send(client, path, terms, fill=fill)

    assert answer.status_code == 200
    assert words not in said(answer)
    assert not OrderTask.objects.exists()


def test_while_one_types_only_what_is_wrong_is_said(client, account):
    answer = client.post(f"/a/{account.code}/gtt/check/", SINGLE | {"trigger": "1499", "price": ""})

    assert answer.status_code == 200
    assert "Enter the price" not in said(answer)
    assert "0.25% or more below" in said(answer)
    assert 'hx-target="#about-trigger"' in answer.content.decode()
    assert "GTT: Sell 5 INFY" in said(answer)


def test_without_a_last_price_nothing_is_sent_and_it_says_why(client, path, exchange):  # noqa: F811
    key = key_in(client.get(path))
    faults(exchange, {"route": "quote", "effect": "status_503_before_acceptance"})

    answer = send(client, path, SINGLE, key=key)

    assert answer.status_code == 422
    assert "did not tell it now" in said(answer)
    assert not OrderTask.objects.exists()


def test_the_same_from_another_form_is_a_question(client, path):
    send(client, path, SINGLE)
    again = key_in(client.get(path))

    question = send(client, path, SINGLE, key=again)

    first = OrderTask.objects.get()
    assert question.status_code == 422
    assert "GTT sell 5 INFY at 1400 was asked for" in said(question)
    assert f'action="{path}"' in question.content.decode()
    send(client, path, SINGLE, key=again, confirms=first.pk)
    assert OrderTask.objects.count() == 2


def test_a_form_of_another_account_or_person_is_refused(client, account, path, asha, enter, make_person):  # noqa: F811  # fmt: skip
    other = linking.link_paper(owner=asha)
    trader = make_person("trader@example.com")
    Membership.objects.create(account=account, user=trader, role=Role.TRADER)
    keys = [key_in(client.get(f"/a/{other.code}/gtt/new/")), key_in(enter(trader).get(path)), "x"]

    for key in keys:
        assert send(client, path, SINGLE, key=key).status_code == 422

    assert not OrderTask.objects.exists()


def test_a_used_form_is_not_good_for_another_trigger(client, path):
    key = key_in(client.get(path))
    send(client, path, SINGLE, key=key)

    answer = send(client, path, SINGLE | {"trigger": "1390"}, key=key)

    assert answer.status_code == 422
    assert "used for another order already" in said(answer)
    assert OrderTask.objects.count() == 1


def test_a_form_that_comes_back_later_gives_its_task_whatever_the_price_is_now(client, path, exchange):  # noqa: F811  # fmt: skip
    key = key_in(client.get(path))
    send(client, path, SINGLE, key=key)
    exchange.control("POST", "prices", {"NSE:INFY": "1401"})
    cache.clear()

    answer = send(client, path, SINGLE, key=key)

    assert answer["Location"].endswith(f"/tasks/{OrderTask.objects.get().pk}/")


def change(client, gtt, **terms):
    path = f"/a/{gtt.account.code}/gtt/{gtt.gtt_id}/modify/"
    stands = {
        "quantity": "5", "stop_trigger": "1400", "stop_price": "1395", "target_trigger": "1600",
        "target_price": "1600",
    }  # fmt: skip
    return send(client, path, stands | terms)


def test_a_trigger_is_changed_by_its_whole_definition(client, gtt):
    answer = change(client, gtt, stop_trigger="1380", instrument="NSE:LT", side="BUY")

    task = OrderTask.objects.get()
    assert answer.status_code == 303
    assert (task.kind, task.target, task.symbol) == ("gtt_modify", "7", "INFY")
    assert task.params["triggers"] == ["1380", "1600"]
    assert {one["side"] for one in task.params["legs"]} == {"SELL"}
    assert "Change the GTT: sell 5 INFY at 1380 or 1600" in said(client.get(answer["Location"]))


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({}, "Nothing is changed yet"),
        ({"stop_trigger": "1499"}, "0.25% or more below"),
        ({"quantity": "x"}, "Write a number"),
    ],
)
def test_a_change_is_looked_over(client, gtt, terms, words):
    answer = change(client, gtt, **terms)

    assert answer.status_code == 422
    assert words in said(answer)
    assert not OrderTask.objects.exists()


def test_one_form_changes_one_trigger(client, account, gtt):
    known(account, trigger(gtt_id="7"), trigger(gtt_id="8"))
    stands = {
        "quantity": "10", "stop_trigger": "1400", "stop_price": "1395", "target_trigger": "1600",
        "target_price": "1600",
    }  # fmt: skip
    paths = [f"/a/{account.code}/gtt/{number}/modify/" for number in (7, 8)]
    key = key_in(client.get(paths[0]))

    answers = [send(client, path, stands, key=key).status_code for path in paths]

    assert answers == [303, 422]


def test_legs_that_differ_are_shown_as_not_to_be_changed_here(client, account):
    legs = (leg(quantity=5), leg(quantity=6, price=Decimal(111)))
    known(account, trigger(gtt_id="7", legs=legs))

    page = client.get(f"/a/{account.code}/gtt/7/modify/")

    assert "differ in more than their price" in said(page)
    assert re.search(r"data-send\s+disabled", page.content.decode())
    answer = change(client, GttTrigger.objects.get())
    assert answer.status_code == 422
    assert not OrderTask.objects.exists()


def test_a_trigger_is_deleted_by_the_button_in_its_row_once(client, gtt):
    pages = [client.get(f"/a/{gtt.account.code}/gtt/") for _ in range(2)]

    answers = [
        client.post(f"/a/{gtt.account.code}/gtt/7/delete/", {"key": key_in(page)}) for page in pages
    ]

    task = OrderTask.objects.get()
    assert [answer.status_code for answer in answers] == [303, 303]
    assert (task.kind, task.target, task.is_exit) == ("gtt_delete", "7", True)
    assert "Delete the GTT of INFY" in said(client.get(answers[0]["Location"]))


def test_what_is_over_is_not_deleted_or_changed_and_says_why(client, gtt):
    key = key_in(client.get(f"/a/{gtt.account.code}/gtt/"))
    GttTrigger.objects.update(status="triggered")
    path = f"/a/{gtt.account.code}/gtt/7/delete/"

    answers = [
        client.post(path, {"key": key}, headers=PARTIAL),
        client.post(path, {"key": key}, follow=True),
        change(client, gtt, stop_trigger="1380"),
    ]

    for answer in answers:
        assert "The trigger is triggered already." in said(answer)
    assert answers[0].status_code == 422
    assert not OrderTask.objects.exists()
    page = client.get(f"/a/{gtt.account.code}/gtt/").content.decode()
    assert "Delete the GTT" not in page


def test_a_viewer_and_an_account_without_triggers_see_no_buttons(client, gtt, make_person, enter):  # noqa: F811  # fmt: skip
    viewer = make_person("viewer@example.com")
    Membership.objects.create(account=gtt.account, user=viewer, role=Role.VIEWER)
    path = f"/a/{gtt.account.code}/gtt/"

    ours, theirs = (one.get(path).content.decode() for one in (client, enter(viewer)))
    BrokerAccount.objects.update(environment="sandbox")
    sandbox = client.get(path).content.decode()

    for words in ("New GTT", "Change the GTT of INFY", "Delete the GTT of INFY"):
        assert words in ours
        assert words not in theirs
        assert words not in sandbox


def test_a_broker_that_keeps_no_triggers_says_so(client, path):
    BrokerAccount.objects.update(environment="sandbox")

    page = client.get(path)
    answer = send(client, path, SINGLE)

    assert "This broker keeps no triggers." in said(page)
    assert answer.status_code == 422
    assert "This broker keeps no triggers." in said(answer)


def test_while_trading_is_stopped_a_trigger_may_be_deleted_and_none_set(client, account, path, gtt):
    key = key_in(client.get(f"/a/{account.code}/gtt/"))
    switch.press("L1", why="Margin call", who="Anita", account=account)

    answer = send(client, path, SINGLE)
    deleted = client.post(f"/a/{account.code}/gtt/7/delete/", {"key": key})

    assert answer.status_code == 422
    assert "Margin call" in said(answer)
    assert deleted.status_code == 303
    assert [task.kind for task in OrderTask.objects.all()] == ["gtt_delete"]
