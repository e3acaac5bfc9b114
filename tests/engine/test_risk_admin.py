"""Limits and the kill switch in the administration, and tasks that can only be looked at."""

import pytest
from django.conf import settings

from accounts.models import AuditEvent
from orders.engine import store, switch
from orders.engine.models import KillSwitch
from orders.risk.models import LIMITS, RiskLimits
from tests.accounts.conftest import enter  # noqa: F401
from tests.accounts.test_sharing import words
from tests.engine.desk import again, give, limit, work

pytestmark = pytest.mark.django_db
ADMIN = f"/{settings.ADMIN_PATH}orders/"


@pytest.fixture
def boss(make_person):
    return make_person("staff@example.com", factor=True, is_staff=True, is_superuser=True)


@pytest.fixture
def office(boss, enter):  # noqa: F811
    return enter(boss)


def entered(**told):
    empty = dict.fromkeys(LIMITS, "") | {"account": "", "user": "", "refuses_self_cross": "unknown"}
    return empty | told


def test_limits_are_set_and_changed_and_each_change_is_on_record(account, boss, office):
    office.post(f"{ADMIN}risklimits/add/", entered(account=account.pk, loss="5000"))
    row = RiskLimits.objects.get()
    assert (row.account, row.loss, row.order_value, row.refuses_self_cross) == (account, 5000, None, None)  # fmt: skip

    office.post(f"{ADMIN}risklimits/{row.pk}/change/", entered(loss="7000", open_orders="0"))

    row.refresh_from_db()
    assert (row.account, row.loss, row.open_orders) == (account, 7000, 0)
    last = AuditEvent.objects.filter(what="limits.changed").latest("number")
    assert (last.actor, last.account) == (boss.email, account.code)
    assert last.before == {"loss": "5000"}
    assert last.after == {"loss": "7000", "open_orders": "0"}


def test_limits_below_nought_of_nobody_or_of_two_are_refused(account, asha, office):
    for wrong in ({"account": account.pk, "user": asha.pk}, {}, {"user": asha.pk, "loss": "-1"}):
        assert office.post(f"{ADMIN}risklimits/add/", entered(**wrong)).status_code == 200
    assert not RiskLimits.objects.exists()
    assert not AuditEvent.objects.filter(what="limits.changed").exists()


def press(office, **told):
    empty = {"level": "", "account": "", "why": "", "until_0": "", "until_1": ""}
    return office.post(f"{ADMIN}killswitch/add/", empty | told)


def test_the_switch_is_pressed_and_released_with_a_reason(account, boss, office):
    press(office, level="L1", account=account.pk, why="a fat finger")
    stop = KillSwitch.objects.get()
    assert (stop.account, stop.who, stop.until) == (account, boss.email, None)
    assert switch.stop_of(account.pk, store.now(), is_exit=False) == stop

    act = {"action": "release", "_selected_action": [stop.pk]}
    answer = office.post(f"{ADMIN}killswitch/", act | {"why": " "}, follow=True)
    assert "Say why, for the record." in words(answer)
    assert KillSwitch.objects.filter(released_at=None).exists()
    office.post(f"{ADMIN}killswitch/", act | {"why": "he washed his hands"})

    assert KillSwitch.objects.get().released_by == boss.email
    last = AuditEvent.objects.filter(what="trading.released").latest("number")
    assert (last.actor, last.after) == (boss.email, "he washed his hands")
    assert "Nothing of that is pressed." in words(
        office.post(f"{ADMIN}killswitch/", act | {"why": "again"}, follow=True)
    )


@pytest.mark.parametrize(
    "told",
    [
        {"level": "L1", "why": "no account"},
        {"level": "L2", "why": "an account", "account": "ACCOUNT"},
        {"level": "L3"},
        {"level": "L3", "why": "over", "until_0": "2020-01-01", "until_1": "10:00"},
        {"level": "L3", "why": "a slip", "until_0": "9999-12-31", "until_1": "23:59"},
    ],
    ids=["which", "one of all", "why", "past", "for ever"],
)
def test_a_press_that_says_too_little_or_too_much_is_refused(account, office, told):
    told = {name: account.pk if value == "ACCOUNT" else value for name, value in told.items()}

    assert press(office, **told).status_code == 200
    assert not KillSwitch.objects.exists()


def test_a_stop_is_neither_rewritten_nor_deleted(account, office):
    stop = switch.press("L3", why="a test", who="Asha")

    assert office.post(f"{ADMIN}killswitch/{stop.pk}/change/", {"why": "other"}).status_code == 403
    assert office.post(f"{ADMIN}killswitch/{stop.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_task_shows_its_attempts_and_events_and_cannot_be_touched(account, sender, office):
    task = give(account, limit())
    work(sender, account)
    done = again(task)

    page = words(office.get(f"{ADMIN}ordertask/{task.pk}/change/"))

    for fact in (done.tag, done.order_id, "ACCEPTED", "taken", "claimed", "sending", "+05:30"):
        assert fact in page
    assert task.code in words(office.get(f"{ADMIN}ordertask/"))
    assert (
        office.post(f"{ADMIN}ordertask/{task.pk}/change/", {"state": "FAILED"}).status_code == 403
    )
    assert office.post(f"{ADMIN}ordertask/{task.pk}/delete/", {"post": "yes"}).status_code == 403
    assert office.get(f"{ADMIN}ordertask/add/").status_code == 403


@pytest.mark.parametrize("table", ["risklimits", "killswitch", "ordertask"])
def test_nobody_else_sees_them(account, asha, enter, table):  # noqa: F811
    assert enter(asha).get(f"{ADMIN}{table}/", follow=True).status_code == 404
