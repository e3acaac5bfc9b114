"""Closing all positions of an account: what the page lists, what it sends, and what it refuses."""

import re

import pytest

from accounts import linking
from accounts.brokerage import Membership, Role
from accounts.brokers.types import Side
from orders.engine import store, switch
from orders.engine.models import OrderTask
from orders.engine.sending import Sender
from orders.engine.spelling import CAPPED
from orders.instruments import import_master
from orders.risk import demand
from portfolio import sync
from portfolio.models import PositionRow
from tests.engine.desk import work
from tests.orders.listing import FRIDAY, listed, market
from tests.orders.test_ticket_page import key_in, said
from tests.portfolio.test_sync import buy, wait_for_fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(exchange, asha):
    account = linking.link_paper(owner=asha)
    import_master("kite-paper", [*market(), listed("TCS")], at=FRIDAY)
    return account


@pytest.fixture
def client(account, asha, enter):
    return enter(asha)


@pytest.fixture
def path(account):
    return f"/a/{account.code}/positions/exit-all/"


@pytest.fixture
def open_two(account):
    """A long and a short, the long one first by its name."""
    wait_for_fill(account, buy(account, "INFY"))
    wait_for_fill(account, buy(account, "TCS", quantity=3, side=Side.SELL))
    sync.sync_account(account.pk, ["positions"])


def form_of(page):
    legs = re.findall(r'name="leg" value="([^"]+)"', page.content.decode())
    return {"key": key_in(page), "leg": legs, "protection": "auto"}


def test_the_page_lists_each_order_shorts_first(client, path, open_two):
    page = client.get(path)

    assert form_of(page)["leg"] == ["NSE:TCS:MIS:-3", "NSE:INFY:MIS:5"]
    text = said(page)
    assert text.index("Buy 3 TCS") < text.index("Sell 5 INFY")


def test_all_of_it_is_one_request_and_its_list_shows_the_end_of_each(client, account, path, open_two):  # fmt: skip
    form = form_of(client.get(path))

    answers = [client.post(path, form) for _ in range(2)]

    tasks = list(OrderTask.objects.order_by("sequence"))
    assert [(one.symbol, one.is_exit) for one in tasks] == [("TCS", True), ("INFY", True)]
    assert all(one.params[CAPPED] and one.params["market_protection"] == "-1" for one in tasks)
    [request] = {one.request for one in tasks}
    assert [answer["Location"] for answer in answers] == [
        f"/a/{account.code}/requests/{request}/"
    ] * 2
    assert len(demand.requests(account.pk, store.now())) == 1

    work(Sender(), account)

    page = client.get(answers[0]["Location"])
    assert "2 of 2 sent" in said(page)
    assert said(page).count("Order placed successfully") == 2
    for task in OrderTask.objects.all():
        wait_for_fill(account, task.order_id)
    sync.sync_account(account.pk, ["positions"])
    assert not PositionRow.objects.filter(is_day=False).exclude(quantity=0).exists()
    assert client.post(path, form)["Location"] == answers[0]["Location"]  # from the back button
    assert "No position of this account is open." in said(client.get(path))


def test_one_leg_that_is_refused_holds_no_other_back(client, path, open_two):
    form = form_of(client.get(path))
    form["leg"][0] = "NSE:NOSUCH:MIS:-3"

    answer = client.post(path, form, follow=True)

    assert [task.symbol for task in OrderTask.objects.all()] == ["INFY"]
    assert "Not sent: NOSUCH MIS:" in said(answer)
    assert "0 of 1 sent" in said(answer)


def test_what_was_asked_for_a_moment_ago_is_not_sent_twice(client, path, open_two):
    client.post(path, form_of(client.get(path)))

    answer = client.post(path, form_of(client.get(path)))

    assert answer.status_code == 422
    assert "The same order was given at" in said(answer)
    assert OrderTask.objects.count() == 2


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"leg": []}, "No position is named."),
        ({"leg": ["NSE:INFY:MIS"]}, "A position could not be read."),
        ({"leg": ["NSE:INFY:XXX:5"]}, "A position could not be read."),
        ({"leg": ["NSE:INFY:MIS:0"]}, "A position could not be read."),
        ({"leg": ["NSE:INFY:MIS:5"] * 501}, "No position is named."),
        ({"protection": "0"}, "Market protection is never zero"),
        ({"protection": "much"}, "Write a number"),
        ({"key": "x"}, "This form is not one of this desk."),
    ],
)
def test_what_cannot_be_is_refused(client, path, open_two, terms, words):
    answer = client.post(path, form_of(client.get(path)) | terms)

    assert answer.status_code == 422
    assert words in said(answer)
    assert not OrderTask.objects.exists()


def test_a_form_of_another_account_or_person_is_refused(
    client, account, path, open_two, asha, enter, make_person
):
    other = linking.link_paper(owner=asha)
    trader = make_person("trader@example.com")
    Membership.objects.create(account=account, user=trader, role=Role.TRADER)
    form = form_of(client.get(path))

    answers = [
        enter(trader).post(path, form),
        client.post(path.replace(account.code, other.code, 1), form),
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert not OrderTask.objects.exists()


def test_positions_may_be_left_while_entries_are_stopped_and_not_when_all_is(
    client, account, path, open_two
):
    form = form_of(client.get(path))
    switch.press("L3", why="Fire", who="Anita")
    refused = client.post(path, form)
    assert refused.status_code == 422
    assert "Fire" in said(refused)

    switch.release(switch.active(store.now()), who="Anita")
    switch.press("L1", why="Margin call", who="Anita", account=account)

    assert client.post(path, form).status_code == 303
    assert OrderTask.objects.count() == 2


def test_the_pages_offer_it_to_traders_for_each_account(client, account, asha, make_person, enter):
    viewer = make_person("viewer@example.com")
    Membership.objects.create(account=account, user=viewer, role=Role.VIEWER)
    other = linking.link_paper(owner=asha)

    theirs = enter(viewer).get("/positions/").content.decode()
    ours = client.get("/positions/").content.decode()

    assert "exit-all" not in theirs
    for one in (account, other):
        assert f"/a/{one.code}/positions/exit-all/" in ours


def test_a_request_is_seen_by_members_of_its_account_alone(client, account, path, open_two, enter, stranger, asha):  # fmt: skip
    answer = client.post(path, form_of(client.get(path)))
    other = linking.link_paper(owner=asha)

    assert enter(stranger).get(answer["Location"]).status_code == 404
    elsewhere = answer["Location"].replace(account.code, other.code, 1)
    assert client.get(elsewhere).status_code == 404
