"""Stopping trading from a page: who may, what it asks, and what every page says meanwhile."""

import re
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import linking
from accounts.brokerage import BrokerAccount, Membership, Role
from accounts.models import AuditEvent
from orders.engine import switch
from orders.engine.accept import NotAccepted, PossibleDuplicate
from orders.engine.models import KillSwitch, Lane
from tests.accounts.conftest import (  # noqa: F401
    asha,
    enter,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.engine.desk import asked, give, give_many, limit
from tradedesk.times import IST, in_ist

pytestmark = pytest.mark.django_db
PATH = "/stop/"


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


@pytest.fixture
def client(account, asha, enter):  # noqa: F811
    return enter(asha)


@pytest.fixture
def member(account, make_person, enter):  # noqa: F811
    def made(role, **facts):
        user = make_person(f"{role}@example.com", **facts)
        Membership.objects.create(account=account, user=user, role=role)
        return enter(user)

    return made


def said(answer):
    return " ".join(strip_tags(answer.content.decode()).split())


def bar(client, at=""):
    return said(client.get(f"/_panel/stops/?at={at}"))


def offered(client):
    page = client.get(PATH).content.decode()
    return re.findall(r'<option value="([^"]*)"', page)


def press(client, what, why="News", **more):
    return client.post(PATH, {"what": what, "why": why} | more)


def release(client, why="It is over"):
    return client.post(f"{PATH}{KillSwitch.objects.latest('pk').pk}/release/", {"why": why})


def test_an_owner_stops_an_account_every_page_says_so_and_it_goes_on(
    client, account, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = press(client, account.code)

    stop = KillSwitch.objects.get()
    assert answer.status_code == 303
    assert (stop.level, stop.account, stop.why, stop.who) == (
        "L1", account, "News", "asha@example.com",
    )  # fmt: skip
    for page in ("/", "/me/", f"/a/{account.code}/orders/", "/_panel/stops/"):
        assert f"New orders in {account.name} are stopped. By asha@example.com" in said(
            client.get(page)
        )
    with pytest.raises(NotAccepted, match="News"):
        give(account)

    assert release(client).status_code == 303
    assert bar(client) == ""
    give(account)
    whats = list(AuditEvent.objects.order_by("number").values_list("what", flat=True))
    assert whats[-2:] == ["trading.stopped", "trading.released"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"why": ""}, "Say why, for the record."),
        ({"what": ""}, "Choose what to stop."),
        ({"what": "L3"}, "Select a valid choice"),
        ({"what": "somebody-elses"}, "Select a valid choice"),
        ({"until": "2020-01-01T10:00"}, "That is over already."),
        ({"until": "9999-12-31T23:59"}, "Choose an end within 30 days"),
        ({"until": "soon"}, "Give a day and a time, or nothing."),
    ],
)
def test_a_wrong_press_says_what_to_do_and_stops_nothing(client, account, given, words):
    answer = press(client, **{"what": account.code} | given)

    assert answer.status_code == 422
    assert words in said(answer)
    assert not KillSwitch.objects.exists()


def test_until_is_indian_time_on_the_bar_and_in_the_refusal(account, asha, enter):  # noqa: F811
    with time_machine.travel("2026-11-23T04:30:00Z", tick=False):
        client = enter(asha)
        press(client, account.code, until="2026-11-23T15:30")
        stop = KillSwitch.objects.get()

        assert stop.until == datetime(2026, 11, 23, 15, 30, tzinfo=IST)
        assert "until 15:30:00 IST: News" in bar(client)
        assert "until 15:30:00 IST: News" in switch.words(stop)


def test_what_ran_out_stops_nothing_and_is_said_no_more(client, account):
    switch.press(
        "L1", why="x", who="x", account=account, until=timezone.now() - timedelta(seconds=1)
    )

    assert bar(client) == ""
    assert "are stopped." not in said(client.get(PATH))


def test_the_question_about_the_same_order_says_indian_time(account):
    first = give(account)

    with pytest.raises(PossibleDuplicate, match=f"at {in_ist(first.created_at):%H:%M:%S} IST"):
        give(account)


def test_asking_for_the_bar_costs_one_question_while_nothing_is_stopped(
    client, account, django_assert_num_queries
):
    bar(client)
    with django_assert_num_queries(4) as asked:  # the others: session, person, second factor
        assert bar(client) == ""
    assert sum("orders_killswitch" in one["sql"] for one in asked.captured_queries) == 1

    press(client, account.code)
    with django_assert_num_queries(6):
        assert "News" in bar(client)


def calmed(seconds):
    """Let demand have fallen so many seconds ago."""
    Lane.objects.update(calm_at=timezone.now() - timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("made", "words", "level"),
    [
        (7, "sends 7 requests a second. From 9 on new orders are held.", "is-warning"),
        (9, "because 9 requests came in one second. They leave when fewer than 7", "is-error"),
    ],
)
def test_too_many_requests_are_said_on_every_page_until_ten_calm_seconds_are_over(
    client, account, made, words, level
):
    give_many(account, made)

    for page in ("/", f"/a/{account.code}/orders/", "/_panel/stops/"):
        assert words in said(client.get(page))
    assert level in client.get("/_panel/stops/").content.decode()

    calmed(7)
    assert words in bar(client)
    calmed(10)
    assert bar(client) == ""


def test_a_hold_says_since_when_and_that_exits_and_cancels_go_on(client, account):
    give_many(account, 9)
    since = Lane.objects.get().held_since
    assert since

    line = bar(client)

    assert f"New orders in {account.name} are held. Since {in_ist(since):%H:%M:%S}" in line
    assert "Exits and cancels go on." in line


def test_six_requests_in_a_second_are_nothing_to_say(client, account):
    give_many(account, 6)

    assert bar(client) == ""


def test_demand_is_said_of_ones_own_accounts_each_in_its_line(
    client, account, asha, member, enter, stranger  # noqa: F811
):  # fmt: skip
    other = linking.link_paper(owner=asha)
    for one in (account, other):
        give_many(one, 9)

    assert bar(client).count("are held.") == 2
    assert bar(client, at=other.code).count("are held.") == 1
    assert bar(member(Role.VIEWER)).count("are held.") == 1
    assert bar(enter(stranger)) == ""


def test_an_account_that_somebody_left_is_said_no_more(client, account):
    give_many(account, 9)

    Membership.objects.all().delete()

    assert bar(client) == ""


def test_a_reason_is_needed_to_let_it_go_on(client, account):
    press(client, account.code)

    answer = release(client, why=" ")

    assert answer.status_code == 422
    assert "Say why, for the record." in said(answer)
    assert bar(client) != ""


def test_letting_it_go_on_asks_who_it_is_when_the_log_in_is_old(client, account):
    press(client, account.code)

    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        answer = release(client)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/me/again/")
    assert KillSwitch.objects.get().released_at is None


def test_a_trader_stops_and_does_not_let_it_go_on(account, member):
    trader = member(Role.TRADER)

    assert press(trader, account.code).status_code == 303
    assert release(trader).status_code == 403
    assert "Let it go on" not in said(trader.get(PATH))
    assert KillSwitch.objects.get().released_at is None


def test_a_viewer_sees_it_and_does_nothing(account, member, client):
    viewer = member(Role.VIEWER)
    refused = press(viewer, account.code)
    press(client, account.code)

    assert refused.status_code == 403
    assert "are stopped" in bar(viewer)
    assert "Traders of an account stop it here." in said(viewer.get(PATH))
    assert release(viewer).status_code == 403


def test_a_stranger_sees_nothing_of_it(account, client, enter, stranger):  # noqa: F811
    press(client, account.code)
    theirs = enter(stranger)

    assert bar(theirs) == ""
    assert "are stopped." not in said(theirs.get(PATH))
    assert release(theirs).status_code == 404
    assert press(theirs, account.code).status_code == 403


def test_who_runs_the_desk_stops_all_of_it_with_a_second_factor_only(
    account, make_person, enter, member  # noqa: F811
):  # fmt: skip
    facts = {"is_staff": True, "is_superuser": True}
    bare = enter(make_person("bare@example.com", **facts))
    boss = enter(make_person("boss@example.com", factor=True, **facts))
    trader = member(Role.TRADER)

    assert offered(bare) == []
    assert offered(boss) == ["L2", "L3"]
    assert press(boss, "L3").status_code == 303
    assert "All trading on this desk is stopped." in bar(trader)
    assert release(trader).status_code == 403
    assert release(boss).status_code == 303
    assert bar(trader) == ""


def test_all_of_ones_accounts_are_stopped_at_once_and_a_second_click_adds_nothing(
    client, account, asha  # noqa: F811
):  # fmt: skip
    other = linking.link_paper(owner=asha)
    watched = BrokerAccount.objects.create(code="watched", broker="kite", environment="paper")
    Membership.objects.create(account=watched, user=asha, role=Role.VIEWER)

    for _ in range(2):
        press(client, "*")

    assert offered(client) == [account.code, other.code, "*"]
    assert set(KillSwitch.objects.values_list("account__code", flat=True)) == {
        account.code,
        other.code,
    }
    assert KillSwitch.objects.count() == 2


def test_an_account_called_mine_is_stopped_alone(client, asha):  # noqa: F811
    mine = BrokerAccount.objects.create(code="mine", broker="kite", environment="paper")
    Membership.objects.create(account=mine, user=asha, role=Role.OWNER)

    press(client, "mine")

    assert KillSwitch.objects.get().account == mine


def test_a_page_of_another_account_says_nothing_of_it(client, account, asha):  # noqa: F811
    other = linking.link_paper(owner=asha)
    press(client, account.code)

    assert bar(client, at=other.code) == ""
    assert bar(client, at=account.code) != ""


def test_an_exit_still_leaves_an_account_that_is_stopped(client, account):
    press(client, account.code)

    from orders.engine import asking

    assert asking.place(asked(account), limit(), is_exit=True).task.is_exit
