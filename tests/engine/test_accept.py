"""The way in: one task for one key, a question for the same content, and nothing else."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from psycopg.types.range import TimestamptzRange as Range

from accounts.brokerage import Membership, Role
from accounts.brokers.types import OrderChange
from accounts.brokers.words import Side
from orders import changing
from orders.engine import accept, asking, core, operator, points, store, switch
from orders.engine.accept import WINDOW, KeyUsed, NotAccepted, PossibleDuplicate
from orders.engine.models import KillSwitch, OrderTask, Source, StopLevel
from orders.ledger import Order
from tests.engine.desk import again, asked, at_exchange, faults, give, limit, statuses, work
from tests.patience import until

pytestmark = pytest.mark.django_db


def at_once(number, do):
    """Let so many threads do it at the same moment; tell what each met."""
    met, start = [], threading.Barrier(number)

    def run(index):
        start.wait()
        try:
            met.append(do(index))
        except NotAccepted as error:
            met.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[index]) for index in range(number)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return met


@pytest.mark.django_db(transaction=True)
def test_the_same_form_posted_fifty_times_at_once_is_one_order(account, exchange, sender):
    met = at_once(50, lambda _: asking.place(asked(account, key="form"), limit()))

    assert {one.task.pk for one in met} == {OrderTask.objects.get().pk}
    assert sorted(one.is_replay for one in met) == [False] + [True] * 49
    work(sender, account)
    assert len(at_exchange(exchange, account)) == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_content_under_fifty_keys_is_one_order_and_forty_nine_questions(
    account, exchange, sender
):
    met = at_once(50, lambda index: asking.place(asked(account, key=f"form {index}"), limit()))

    assert Counter(type(one).__name__ for one in met) == {"Accepted": 1, "PossibleDuplicate": 49}
    assert {one.earlier for one in met if isinstance(one, PossibleDuplicate)} == {
        OrderTask.objects.get()
    }
    work(sender, account)
    assert len(at_exchange(exchange, account)) == 1


def test_a_key_stands_for_one_content_and_one_account(account, exchange, asha):
    give(account, key="form")

    with pytest.raises(KeyUsed):
        give(account, limit(quantity=2), key="form")
    assert OrderTask.objects.count() == 1


@pytest.mark.parametrize("other", [{"quantity": 2}, {"price": "1451"}, {"side": Side.SELL}])
def test_other_content_is_no_question(account, other):
    give(account)

    give(account, limit(**other))


def test_a_confirmed_duplicate_is_a_second_order_and_only_of_what_was_seen(
    account, exchange, sender
):
    first = give(account)
    other = give(account, limit(quantity=5))

    with pytest.raises(NotAccepted, match="another one"):
        give(account, confirms=other.pk)
    give(account, confirms=first.pk)
    work(sender, account)

    assert len(at_exchange(exchange, account)) == 3


def test_what_was_confirmed_is_a_question_of_its_own(account):
    first = give(account)
    second = give(account, confirms=first.pk)
    OrderTask.objects.filter(pk=first.pk).update(window=Range(*[first.created_at - WINDOW] * 2))

    for confirms in (None, first.pk):
        with pytest.raises(PossibleDuplicate) as caught:
            give(account, confirms=confirms)
        assert caught.value.earlier == second
    third = give(account, confirms=second.pk)

    with pytest.raises(PossibleDuplicate) as caught:
        give(account, confirms=second.pk)
    assert caught.value.earlier == third


def test_what_was_asked_for_again_meanwhile_is_not_sent_again(account):
    first = give(account)
    store.move(first, core.claim(first, store.now(), core.Timing(), ""))
    store.move(first, core.begin(first, store.now(), core.Timing(), "TDTRY1"))
    pause = timedelta(seconds=1)
    store.move(first, core.not_sent(first, store.now(), pause, "", may_retry=False))
    second = give(account)

    with pytest.raises(NotAccepted, match=second.code):
        operator.resend(again(first), who="a test", why="the line is back")
    assert again(first).state == "FAILED"
    operator.withdraw(second, who="a test")
    operator.resend(again(first), who="a test", why="the line is back")

    assert again(first).state == "PENDING"
    with pytest.raises(PossibleDuplicate) as caught:
        give(account)
    assert caught.value.earlier == first


def test_whoever_lost_against_what_came_to_nothing_is_taken(account, monkeypatch):
    first = give(account)

    def fail_the_winner(point):
        if point == "C3":
            operator.withdraw(again(first), who="a test")

    monkeypatch.setattr(points, "hook", fail_the_winner)

    assert give(account).state == "PENDING"


def test_the_question_is_over_after_five_minutes(account, time_machine):
    first = give(account)
    OrderTask.objects.filter(pk=first.pk).update(
        window=type(first.window)(
            first.window.lower - timedelta(minutes=6), first.window.upper - timedelta(minutes=6)
        )
    )

    give(account)


@pytest.mark.parametrize("key", ["", "x" * 65, "kéy", "a\x00b"])
def test_a_key_that_is_none_is_refused(account, key):
    with pytest.raises(NotAccepted, match="1 to 64"):
        asking.place(
            accept.Asked(account=account, key=key, source=Source.COMMAND, who="a test"), limit()
        )


def test_viewers_strangers_and_paused_accounts_send_nothing(account, stranger, asha):
    with pytest.raises(NotAccepted, match="no member"):
        give(account, user=stranger)
    Membership.objects.create(account=account, user=stranger, role=Role.VIEWER)
    with pytest.raises(NotAccepted, match="look at this account"):
        give(account, user=stranger)
    assert give(account, user=asha).who == asha.email


def test_a_trader_who_lost_the_role_meanwhile_sends_nothing(account, exchange, stranger, sender):
    mine = Membership.objects.create(account=account, user=stranger, role=Role.TRADER)
    task = give(account, user=stranger)
    mine.delete()

    work(sender, account)

    assert (again(task).state, again(task).reason) == ("FAILED", "limit")
    assert at_exchange(exchange, account) == []


# Changing and ending ---------------------------------------------------------------------------


def open_order(account, exchange, sender):
    """Have an order resting at the exchange: while it is on its way it can be neither changed nor ended."""
    give(account)
    work(sender, account)
    until(lambda: statuses(exchange, account) == ["OPEN"])
    return Order.objects.get()


def test_a_working_order_is_modified_and_cancelled(account, exchange, sender):
    order = open_order(account, exchange, sender)
    change = OrderChange(order_id=order.order_id, quantity=3)

    asking.modify(asked(account), change, order)
    work(sender, account)
    asking.cancel(asked(account), order)
    work(sender, account)

    until(lambda: statuses(exchange, account) == ["CANCELLED"])
    assert [one["quantity"] for one in at_exchange(exchange, account)] == [3]
    assert set(OrderTask.objects.values_list("state", flat=True)) == {"COMPLETED"}


@pytest.mark.parametrize("lost", ["drop_after_acceptance", "drop_before_acceptance"])
@pytest.mark.parametrize("kind", ["modify", "cancel"])
def test_a_change_whose_answer_is_lost_is_read_from_the_book(account, exchange, sender, kind, lost):
    order = open_order(account, exchange, sender)
    exchange.control(
        "POST", "faults", {"rules": [{"effect": lost, "route": f"order.{kind}", "count": 1}]}
    )
    if kind == "modify":
        task = asking.modify(
            asked(account), OrderChange(order_id=order.order_id, quantity=3), order
        ).task
    else:
        task = asking.cancel(asked(account), order).task

    work(sender, account)

    wanted = ("COMPLETED", "") if lost == "drop_after_acceptance" else ("FAILED", "not applied")
    assert (again(task).state, again(task).reason) == wanted
    [there] = at_exchange(exchange, account)
    was_done = there["quantity"] == 3 or there["status"].startswith("CANCEL")
    assert was_done == (lost == "drop_after_acceptance")


@pytest.mark.parametrize("lost", ["drop_after_acceptance", "drop_before_acceptance"])
def test_a_cancel_whose_answer_is_lost_is_repeated(account, exchange, sender, lost):
    order = open_order(account, exchange, sender)
    faults(exchange, {"effect": lost, "route": "order.cancel", "count": 1})
    first = changing.cancel(asked(account), order).task
    assert changing.cancel(asked(account), order).is_replay
    sender.step(account.pk)
    assert again(first).state == "UNKNOWN"

    second = changing.cancel(asked(account), order)
    assert not second.is_replay
    assert changing.cancel(asked(account), order).task == second.task
    work(sender, account)

    until(lambda: statuses(exchange, account) == ["CANCELLED"])
    reached = lost == "drop_before_acceptance"  # else there was nothing left to cancel
    assert again(second.task).state == ("COMPLETED" if reached else "FAILED")
    assert (again(first).state, again(first).reason) == ("COMPLETED", "")
    assert not KillSwitch.objects.exists()


def test_cancel_all_and_a_stop_do_not_mind_an_unclear_cancel(account, exchange, sender):
    order = open_order(account, exchange, sender)
    faults(exchange, {"effect": "drop_before_acceptance", "route": "order.cancel", "count": 1})
    first = changing.cancel(asked(account), order).task
    sender.step(account.pk)
    switch.press("L1", why="a test", who="Asha", account=account)

    [second] = changing.cancel_all(asked(account), store.now())
    work(sender, account)

    assert second.task != first
    assert {again(one).state for one in (first, second.task)} == {"COMPLETED"}
    assert statuses(exchange, account) == ["CANCELLED"]


def test_an_order_that_is_over_is_neither_changed_nor_cancelled(account, exchange, sender):
    order = open_order(account, exchange, sender)
    order.status = "COMPLETE"

    with pytest.raises(NotAccepted, match="complete already"):
        asking.cancel(asked(account), order)


def test_the_twenty_sixth_change_is_refused_before_it_is_sent(account, exchange, sender):
    order = open_order(account, exchange, sender)
    first = asking.modify(
        asked(account), OrderChange(order_id=order.order_id, quantity=2), order
    ).task
    work(sender, account)
    for number in range(24):
        first.pk, first.key, first.sequence = None, f"earlier {number}", 100 + number
        first.attempts = 1
        first.state = "COMPLETED"
        first.save(force_insert=True)

    with pytest.raises(NotAccepted, match="25 times"):
        asking.modify(asked(account), OrderChange(order_id=order.order_id, quantity=9), order)


def test_exits_pass_before_entries(account, exchange, sender):
    order = open_order(account, exchange, sender)
    give(account, limit(quantity=7))
    last = asking.cancel(asked(account), order).task

    assert sender.step(account.pk).did_something

    assert again(last).state == "COMPLETED"


# The kill switch -------------------------------------------------------------------------------


@pytest.mark.parametrize("level", StopLevel.values)
def test_what_is_stopped_is_refused_at_the_door_and_in_the_queue(account, exchange, sender, level):
    order = open_order(account, exchange, sender)
    waiting = give(account, limit(quantity=2))
    cancel = asking.cancel(asked(account), order).task

    switch.press(level, why="a test", who="Asha", account=account if level == "L1" else None)
    with pytest.raises(NotAccepted, match="stopped by Asha"):
        give(account, limit(quantity=3))
    work(sender, account)

    assert (again(waiting).state, again(waiting).reason) == ("FAILED", "stopped")
    assert again(cancel).state == ("FAILED" if level == "L3" else "COMPLETED")
    assert len(at_exchange(exchange, account)) == 1


def test_one_accounts_stop_leaves_the_others_alone(account, exchange, sender, asha):
    from accounts import linking

    other = linking.link_paper(owner=asha)
    switch.press("L1", why="a test", who="Asha", account=other)

    give(account)
    work(sender, account)

    assert len(at_exchange(exchange, account)) == 1


def test_a_released_switch_lets_new_orders_go_and_old_ones_stay_refused(account, exchange, sender):
    waiting = give(account)
    stop = switch.press("L2", why="a test", who="Asha")
    work(sender, account)

    released = switch.release(type(stop).objects.all(), who="Ravi")
    fresh = give(account)
    work(sender, account)

    assert released == 1
    assert (again(waiting).state, again(fresh).state) == ("FAILED", "COMPLETED")
    stop.refresh_from_db()
    assert stop.released_by == "Ravi"
