"""What presses the kill switch by itself, once for each cause; only a person releases it."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import audit
from accounts.brokerage import BrokerAccount
from accounts.brokers.types import Fill
from accounts.brokers.words import OrderStatus
from accounts.lines import line_to
from accounts.models import AuditEvent, AuditHead
from accounts.ways_in import fresh
from orders import book, changing
from orders.datasets import Part
from orders.engine import asking, operator, store, sweep, switch
from orders.engine.accept import NotAccepted
from orders.engine.models import KillSwitch, Kind, OrderTask
from orders.ledger import Order, Trade
from orders.risk import agreement, triggers
from portfolio import sync
from portfolio.state import PositionRow
from tests.engine.desk import (
    again,
    asked,
    at_exchange,
    faults,
    give,
    limit,
    market,
    statuses,
    work,
)
from tests.engine.risky import holds, limits, read
from tests.patience import until

pytestmark = pytest.mark.django_db


def causes():
    return list(KillSwitch.objects.filter(released_at=None).values_list("cause", flat=True))


def release():
    return switch.release(KillSwitch.objects.all(), who="Asha", why="looked at it")


def ended(account, number, *, seconds_ago=1.0, **standing):
    """Let orders have come to this."""
    at = store.now() - timedelta(seconds=seconds_ago)
    return [
        OrderTask.objects.create(
            account=account, who="a test", kind="place", source="command",
            key=f"{standing} {seconds_ago} {index} {at}"[-64:], request="0" * 32, sequence=index,
            fingerprint="", params={"side": "BUY", "quantity": 1, "price": "1450"}, exchange="NSE",
            symbol="INFY", try_at=at, expires_at=at, created_at=at, sent_at=at, **standing,
        )
        for index in range(number)
    ]  # fmt: skip


@pytest.mark.parametrize(("number", "stops"), [(19, False), (20, False), (21, True)])
def test_more_than_twenty_refusals_in_a_minute(account, number, stops):
    ended(account, number, state="FAILED", reason="refused")
    ended(account, 5, state="FAILED", reason="refused", seconds_ago=61)

    triggers.look(account)

    assert causes() == (["refusals"] if stops else [])


def test_real_refusals_stop_the_account_while_they_come(account, exchange, sender):
    ended(account, 20, state="FAILED", reason="refused")
    faults(exchange, {"route": "order.place", "effect": "status_400_before_acceptance", "error_type": "InputException", "count": 1})  # fmt: skip
    refused = give(account)

    work(sender, account)

    assert again(refused).reason == "refused"
    assert causes() == ["refusals"]
    with pytest.raises(NotAccepted, match="stopped by the desk itself: 21 orders were refused"):
        give(account, limit(quantity=2))


@pytest.mark.parametrize(("number", "stops"), [(2, False), (3, False), (4, True)])
def test_more_than_three_unclear_at_once(account, number, stops):
    ended(account, number, state="UNKNOWN")

    triggers.look(account)

    assert causes() == (["unclear"] if stops else [])


def test_four_lost_answers_stop_the_account(account, exchange, sender):
    faults(exchange, {"route": "order.place", "effect": "drop_before_acceptance", "count": 4})
    for quantity in range(1, 5):
        give(account, limit(quantity=quantity))

    def sent():
        sender.step(account.pk)
        return not OrderTask.objects.filter(state="PENDING").exists()

    until(sent)

    assert set(OrderTask.objects.values_list("state", flat=True)) == {"UNKNOWN"}
    assert causes() == ["unclear"]


def test_an_order_that_stands_twice_stops_the_account(account, exchange, sender):
    faults(exchange, {"route": "order.place", "effect": "drop_after_acceptance", "count": 1})
    task = give(account)
    while sender.step(account.pk).did_something:
        pass
    with line_to(fresh(account)) as broker:  # somebody else sends it again, with our tag
        broker.place(replace(limit(), tag=again(task).tag))

    sweep.sweep(account.pk, sender.timing)

    assert again(task).reason == "duplicate"
    assert causes() == [f"duplicate T{task.pk}"]


def test_a_double_of_an_order_that_is_known_stops_the_account_once(
    account, exchange, sender, caplog, client, asha
):
    task = give(account)
    work(sender, account)
    with line_to(fresh(account)) as broker:
        broker.place(replace(limit(), tag=again(task).tag))
        told = broker.orders()
    [double] = {one.order_id for one in told} - {again(task).order_id}

    book.absorb(
        account, [one for one in told if one.order_id != double], heard_from="sync", at=store.now()
    )
    assert causes() == []
    for heard_from in ("stream", "sync"):
        book.absorb(account, told, heard_from=heard_from, at=store.now())

    assert causes() == [f"duplicate T{task.pk}"]
    assert [one.levelname for one in caplog.records].count("CRITICAL") == 1
    assert (again(task).state, again(task).order_ids) == ("COMPLETED", [again(task).order_id])
    client.force_login(asha)
    page = client.get(f"/a/{account.code}/tasks/{task.pk}/").content.decode()
    assert "Stands at the broker again" in page
    assert double in page
    release()
    book.absorb(account, told, heard_from="sync", at=store.now())
    assert causes() == []


def test_slices_and_a_refused_try_are_no_doubles(account, exchange, sender):
    sliced, tried = give(account, limit(quantity=2)), give(account)
    work(sender, account)
    OrderTask.objects.filter(pk=sliced.pk).update(
        params=sliced.params | {"autoslice": True, "quantity": 4}
    )
    told = [
        replace(one, order_id=f"{one.order_id}0", status=status)
        for task, status in [(sliced, OrderStatus.OPEN), (tried, OrderStatus.REJECTED)]
        for one in orders_of(account)
        if one.order_id == again(task).order_id
    ]

    book.absorb(account, told, heard_from="sync", at=store.now())

    assert len(told) == 2
    assert causes() == []


def orders_of(account):
    with line_to(fresh(account)) as broker:
        return broker.orders()


def test_a_late_find_stops_the_account_in_the_moment_it_is_heard_of(account, exchange, sender):
    faults(exchange, {"route": "order.place", "effect": "drop_before_acceptance", "count": 1})
    task = give(account)
    work(sender, account)
    assert again(task).reason == "absent"
    with line_to(fresh(account)) as broker:
        broker.place(replace(limit(), tag=again(task).tag))
        told = broker.orders()

    book.absorb(account, told, heard_from="stream", at=store.now())

    assert again(task).reason == "late"
    assert causes() == [f"late T{task.pk}"]


def given_up_cancel(account, exchange, sender):
    """Have a cancel that never reached the broker in all its attempts, and the one that did."""
    task = give(account)
    work(sender, account)
    until(lambda: statuses(exchange, account) == ["OPEN"])
    order = Order.objects.get(order_id=again(task).order_id)
    faults(exchange, {"route": "order.cancel", "effect": "rate_limit", "count": 5})
    first = changing.cancel(asked(account), order).task
    work(sender, account)
    assert (again(first).state, again(first).reason) == ("FAILED", "not sent")
    changing.cancel(asked(account), order)
    work(sender, account)
    until(lambda: statuses(exchange, account) == ["CANCELLED"])
    return again(first)


def test_a_cancel_that_was_given_up_and_is_done_stops_nothing(
    account, exchange, sender, client, asha
):
    first = given_up_cancel(account, exchange, sender)

    operator.refresh(first)
    sweep.sweep(account.pk, sender.timing)

    done = again(first)
    assert (done.state, done.reason) == ("COMPLETED", "late")
    assert causes() == []
    client.force_login(asha)
    page = client.get(f"/a/{account.code}/tasks/{done.pk}/").content.decode()
    assert "The broker shows it done; the desk had given it up." in page
    assert "turned up" not in page


@pytest.mark.parametrize("kind", Kind.values)
def test_only_what_opens_something_is_a_late_find(account, kind):
    [task] = ended(account, 1, state="COMPLETED", reason="late")
    OrderTask.objects.filter(pk=task.pk).update(kind=kind)

    triggers.look(account)

    assert causes() == ([f"late T{task.pk}"] if kind in {"place", "gtt_place"} else [])


@pytest.mark.parametrize(
    ("skew", "stops"), [(None, False), (4.9, False), (5.0, False), (5.1, True), (-5.1, True)]
)
def test_a_wrong_clock_stops_the_account_before_the_next_order(
    account, exchange, sender, skew, stops
):
    BrokerAccount.objects.update(clock_skew=skew)
    task = give(account)

    work(sender, account)

    assert again(task).reason == ("stopped" if stops else "")
    assert causes() == (["clock"] if stops else [])
    assert len(at_exchange(exchange, account)) == (0 if stops else 1)


@pytest.mark.parametrize(("lost", "stops"), [("999.99", False), ("1000", True), ("1000.01", True)])
def test_the_days_loss(account, lost, stops):
    limits(account, loss=Decimal(1000))
    read(account)
    holds(account, 1, m2m=-Decimal(lost))

    triggers.look(account)

    assert [one.split()[0] for one in causes()] == (["loss"] if stops else [])


def test_a_loss_that_is_old_or_unlimited_presses_nothing(account):
    holds(account, 1, m2m=Decimal(-(10**6)))
    triggers.look(account)
    limits(account, loss=Decimal(1000))
    read(account, Part.POSITIONS, age=61)
    triggers.look(account)

    assert causes() == []


def test_new_positions_are_looked_at_as_they_come(account, exchange, sender):
    limits(account, loss=Decimal(400))
    read(account)
    give(account, market())
    work(sender, account)

    def held():
        sync.refresh_part(account.pk, Part.POSITIONS)
        return PositionRow.objects.filter(is_day=False).exists()

    until(held)
    assert causes() == []

    exchange.control("POST", "prices", {"NSE:INFY": "1000"})
    sync.refresh_part(account.pk, Part.POSITIONS)

    assert PositionRow.objects.filter(is_day=False).get().m2m < -400
    assert [one.split()[0] for one in causes()] == ["loss"]


def test_one_cause_presses_once_and_again_only_for_what_comes_after_the_release(
    account, caplog, django_capture_on_commit_callbacks
):
    ended(account, 21, state="FAILED", reason="refused")
    with caplog.at_level(logging.CRITICAL), django_capture_on_commit_callbacks(execute=True):
        assert len(triggers.look(account)) == 1
        assert triggers.look(account) == []
    assert len(caplog.records) == 1
    assert AuditEvent.objects.filter(what="trading.stopped").count() == 1

    assert release() == 1
    assert triggers.look(account) == []  # the same refusals
    ended(account, 21, state="FAILED", reason="refused", seconds_ago=0)
    assert len(triggers.look(account)) == 1
    assert release() == 1
    assert triggers.look(account) == []


def test_what_a_person_has_seen_is_not_pressed_again(account):
    [twice] = ended(account, 1, state="DEAD_LETTER", reason="duplicate")
    BrokerAccount.objects.update(clock_skew=9, profile_at=store.now())
    limits(account, loss=Decimal(1000))
    read(account)
    holds(account, 1, m2m=Decimal(-1000))
    looked = fresh(account)
    assert len(triggers.look(looked)) == 3
    release()
    assert triggers.look(looked) == []

    BrokerAccount.objects.update(profile_at=store.now())  # measured again
    assert [one.cause.split()[0] for one in triggers.look(fresh(account))] == ["clock"]
    account.limits.loss = Decimal(900)
    account.limits.save()
    assert [one.cause.split()[0] for one in triggers.look(looked)] == ["loss"]
    assert twice.code in KillSwitch.objects.get(cause__startswith="duplicate").why


def test_the_database_keeps_one_stop_for_one_cause(account):
    facts = {"level": "L1", "account": account, "why": "a test", "who": "a test", "cause": "clock"}
    KillSwitch.objects.create(**facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        KillSwitch.objects.create(**facts)


def test_only_paper_accounts_can_be_left_out(account, settings):
    settings.AUTOMATIC_STOPS = False
    ended(account, 4, state="UNKNOWN")
    assert triggers.look(account) == []

    account.environment = "live"
    assert len(triggers.look(account)) == 1


def test_exits_leave_while_entries_are_stopped(account, exchange, sender):
    BrokerAccount.objects.update(clock_skew=9)
    entry = give(account)
    leaving = asking.place(asked(account), limit(quantity=2), is_exit=True).task

    work(sender, account)

    assert (again(entry).reason, again(leaving).state) == ("stopped", "COMPLETED")


# Positions and trades -----------------------------------------------------------------------


def trades(account, quantity, *, side="BUY", symbol="INFY", seconds_ago=40, number="1"):
    at = store.now() - timedelta(seconds=seconds_ago)
    told = Fill(
        trade_id=number, order_id="1", exchange="NSE", symbol=symbol, side=side, product="CNC",
        quantity=quantity, price=Decimal(1450), filled_at=at,
    )  # fmt: skip
    book.record_trades(account, [told], at=at)


def look_twice(account, *, seconds=61):
    """Look, and again after so many seconds."""
    began = store.now()
    triggers.press_for(account, triggers.disagreement(account, began))
    later = began + timedelta(seconds=seconds)
    triggers.press_for(account, triggers.disagreement(account, later))
    return causes()


@pytest.mark.parametrize(
    ("position", "overnight", "stops"),
    [(10, 0, False), (15, 5, False), (9, 0, True), (10, 5, True)],
)
def test_positions_that_the_trades_do_not_explain(account, position, overnight, stops):
    trades(account, 12, number="1")
    trades(account, 2, side="SELL", number="2")
    holds(account, position, overnight_quantity=overnight)
    read(account)

    assert bool(look_twice(account)) == stops


def test_what_was_never_seen_in_the_positions_does_not_fit_either(account):
    trades(account, 3)
    read(account)

    look_twice(account)

    (stop,) = KillSwitch.objects.all()
    assert stop.why.startswith("INFY moved by 0 in the positions today and by 3 in the trades.")
    release()
    assert look_twice(account) == []  # who released it has seen it


def test_answers_that_crossed_stop_nothing(account):
    trades(account, 3)
    read(account)

    assert look_twice(account, seconds=30) == []
    holds(account, 3)
    assert look_twice(account) == []


def test_a_trade_of_just_now_may_not_be_in_the_positions_yet(account):
    trades(account, 3, seconds_ago=0)
    read(account)

    assert look_twice(account) == []


def test_a_conversion_moves_a_position_and_trades_nothing(account):
    trades(account, 3)
    holds(account, 5)
    PositionRow.objects.update(product="MIS")
    holds(account, -2)
    read(account)

    assert look_twice(account) == []


def test_the_sync_looks_at_positions_and_trades(account, exchange, sender):
    give(account, market(quantity=2))
    work(sender, account)
    until(lambda: sync.sync_account(account.pk).trades_synced)
    Trade.objects.update(
        filled_at=store.now() - timedelta(seconds=40), synced_at=store.now() - timedelta(seconds=40)
    )
    assert list(agreement.differences(account, store.now())) == []

    PositionRow.objects.filter(is_day=False).update(quantity=7)
    (found,) = agreement.differences(account, store.now())
    assert (found.moved, found.traded) == (7, 2)


# On record ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_stop_holds_before_its_turn_in_the_record_comes():
    def press():
        try:
            switch.press("L2", why="a test", who="Asha")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            audit.record("somebody else's, and slow")
            pressing = pool.submit(press)
            until(lambda: switch.stop_of(1, store.now(), is_exit=False))
            assert not pressing.done()
        pressing.result(timeout=20)

    assert AuditEvent.objects.filter(what="trading.stopped").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_stop_that_cannot_be_recorded_holds_and_says_so(caplog):
    audit.record("first")
    AuditHead.objects.update(number=0)

    with caplog.at_level(logging.CRITICAL):
        switch.press("L3", why="a test", who="Asha")

    assert KillSwitch.objects.filter(released_at=None).count() == 1
    assert "L3: a test holds and is not in the record" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_stop_whose_process_died_comes_into_the_record_later(asha):
    KillSwitch.objects.create(level="L2", why="a test", who=asha.email)  # all that it left

    assert switch.note_forgotten() == 0  # whoever pressed it may still be at it
    KillSwitch.objects.update(at=store.now() - switch.NOTED_WITHIN * 2)
    assert [switch.note_forgotten() for _ in range(2)] == [1, 0]

    event = AuditEvent.objects.get(what="trading.stopped")
    assert (event.actor_id, event.after) == (asha.pk, "L2: a test")
