"""Too many requests in a second: 7 warn, 9 hold new orders until it was calm for 10 seconds."""

import logging
import os
import subprocess
import sys
import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings as desk_settings
from django.db.models import F

from accounts import linking
from accounts.brokers.words import OrderType
from accounts.models import AuditEvent
from orders.engine import asking, store, sweep
from orders.engine.models import Lane, OrderTask, TaskEvent
from orders.ledger import Order
from orders.risk import demand
from tests.engine.desk import again, asked, at_exchange, give, give_many, limit, market, work

pytestmark = pytest.mark.django_db


def pass_time(seconds):
    """Let everything have happened so much earlier."""
    gone = timedelta(seconds=seconds)
    OrderTask.objects.update(
        created_at=F("created_at") - gone, expires_at=F("expires_at") - gone,
        try_at=F("try_at") - gone,
    )  # fmt: skip
    Lane.objects.update(
        busy_since=F("busy_since") - gone, held_since=F("held_since") - gone,
        calm_at=F("calm_at") - gone,
    )  # fmt: skip


def standing(account):
    """Give what a page would say of this account, if anything."""
    return demand.busy().filter(account=account).first()


def is_held(account):
    lane = standing(account)
    return lane is not None and lane.held_since is not None


def alerts():
    found = AuditEvent.objects.filter(what__startswith="demand.").order_by("number")
    return list(found.values_list("what", flat=True))


@pytest.mark.parametrize(
    ("made", "busy", "held", "told"),
    [
        (6, False, False, []),
        (7, True, False, ["demand.warned"]),
        (8, True, False, ["demand.warned"]),
        (9, True, True, ["demand.warned", "demand.held"]),
        (12, True, True, ["demand.warned", "demand.held"]),
    ],
)
def test_seven_warn_and_nine_hold_and_each_is_said_once(account, caplog, made, busy, held, told):
    with caplog.at_level(logging.WARNING, "orders.risk.demand"):
        give_many(account, made)

    lane = standing(account)
    assert (lane is not None, is_held(account)) == (busy, held)
    assert not lane or (lane.peak, lane.busy_since is not None) == (made, True)
    assert alerts() == told
    levels = [one.levelname for one in caplog.records]
    assert levels == ["WARNING", "CRITICAL"][: len(told)]


def test_a_bulk_operation_is_one_request_and_accounts_are_apart(account, asha):
    other = linking.link_paper(owner=asha)
    give_many(account, 20, request=uuid.uuid4())
    give_many(other, 5)
    assert not standing(account)

    for index in range(5):
        give(account, limit(quantity=30 + index))

    assert not standing(account)  # six with the bulk


def test_held_orders_wait_and_cancels_and_exits_pass(account, exchange, sender):
    first = give(account, limit(quantity=99))
    work(sender, account)
    pass_time(2)
    entries = give_many(account, 9)
    cancel = asking.cancel(asked(account), Order.objects.get()).task
    leaving = asking.place(asked(account), limit(quantity=50), is_exit=True).task

    while sender.step(account.pk).did_something:
        pass
    sweep.sweep(account.pk, sender.timing)

    assert [again(one).state for one in (first, cancel, leaving)] == ["COMPLETED"] * 3
    assert {again(one).state for one in entries} == {"PENDING"}
    assert "11 requests came in one second" in again(entries[0]).waits_for
    assert len(at_exchange(exchange, account)) == 2


def test_held_orders_do_not_expire_and_leave_when_it_was_calm_for_ten_seconds(
    account, exchange, sender
):
    entries = give_many(account, 9)
    pass_time(75)  # nobody looked meanwhile; then more came
    Lane.objects.update(calm_at=store.now() - timedelta(seconds=7))
    sweep.sweep(account.pk, sender.timing)
    assert not sender.step(account.pk).did_something
    assert {again(one).state for one in entries} == {"PENDING"}
    assert is_held(account)

    Lane.objects.update(calm_at=store.now() - timedelta(seconds=10))
    sweep.sweep(account.pk, sender.timing)

    assert not is_held(account)
    lives = {round((again(one).expires_at - store.now()).total_seconds()) for one in entries}
    assert 30 < min(lives) <= max(lives) <= 60
    work(sender, account)
    assert {again(one).state for one in entries} == {"COMPLETED"}
    assert len(at_exchange(exchange, account)) == 9
    assert alerts() == ["demand.warned", "demand.held", "demand.released"]
    task = again(entries[0])
    told = store.replay(TaskEvent.objects.filter(task_id=task.pk))
    assert (told["state"], told["version"]) == ("COMPLETED", task.version)


@pytest.mark.parametrize(
    "at_any_price",
    [market(), replace(market(), order_type=OrderType.SL_M, trigger_price=Decimal(1600))],
    ids=["MARKET", "SL-M"],
)
def test_a_held_order_at_any_price_is_not_sent_late(account, exchange, sender, at_any_price):
    give_many(account, 8)
    held = give(account, at_any_price)
    pass_time(30)

    sender.step(account.pk)

    done = again(held)
    assert (done.state, done.reason, done.attempts) == ("FAILED", "held", 0)
    assert "9 requests came in one second" in done.message
    assert "send it again" in done.message
    pass_time(70)
    assert give(account, at_any_price).pk != held.pk  # its content is no question


def test_what_had_expired_before_the_hold_expires(account, sender):
    old = give(account, limit(quantity=50))
    pass_time(61)
    give_many(account, 9)

    sweep.sweep(account.pk, sender.timing)

    assert again(old).reason == "expired"


def test_a_hold_that_nobody_ended_does_not_catch_what_comes_later(account, exchange, sender):
    give_many(account, 9)
    OrderTask.objects.update(state="FAILED", reason="abandoned", window=None)
    pass_time(60)

    later = give(account, market())
    work(sender, account)

    assert again(later).state == "COMPLETED"
    assert alerts() == ["demand.warned", "demand.held", "demand.released"]


def test_more_requests_keep_the_hold_and_a_later_rush_is_told_again(account):
    give_many(account, 9)
    pass_time(5)
    calm_at = standing(account).calm_at
    give_many(account, 7, first=20)
    lane = standing(account)
    assert lane.calm_at - calm_at > timedelta(seconds=4)
    assert lane.peak == 9

    pass_time(30)
    give_many(account, 9, first=40)

    assert alerts() == [
        "demand.warned",
        "demand.held",
        "demand.released",
        "demand.warned",
        "demand.held",
    ]


def test_the_moment_of_calm_is_when_fewer_than_seven_lie_in_the_last_second(account):
    tasks, now = give_many(account, 7), store.now()
    for index, task in enumerate(tasks):
        task.created_at = now - timedelta(milliseconds=70 - 10 * index)
        task.save(update_fields=["created_at"])
    give(account, limit(quantity=8))
    second = again(tasks[1]).created_at  # of eight, the seventh newest

    assert Lane.objects.get().calm_at == second + timedelta(seconds=1)


def test_calm_takes_ten_seconds_and_what_was_held_lives_sixty_more():
    assert (demand.CALM_FOR.seconds, demand.LONGEST.seconds) == (10, 60)


def test_the_desk_may_be_told_to_be_conservative():
    code = (
        "from django.conf import settings; settings._setup(); print(settings.MAX_ORDERS_PER_SECOND)"
    )
    environment = {
        "PATH": os.environ["PATH"], "ENV_FILE": "/dev/null", "CONSERVATIVE": "on",
        "MAX_ORDERS_PER_SECOND": "5", "TRADEDESK_HOME": "/nonexistent/home",
        "DJANGO_SETTINGS_MODULE": "tradedesk.settings",
    }  # fmt: skip
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=desk_settings.BASE_DIR,
        capture_output=True, text=True,
    )  # fmt: skip

    assert said.stdout.strip() == "1", said.stderr
