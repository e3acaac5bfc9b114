"""What no reading of the book ever tells: it ends as a dead letter, and the account's entries go on."""

import logging
from datetime import timedelta

import pytest

from accounts.brokers.types import OrderChange
from orders.engine import asking, operator, sweep
from orders.engine.accept import NotAccepted
from orders.engine.models import OrderTask
from orders.ledger import Order
from tests.engine.desk import again, asked, at_exchange, faults, give, limit, statuses, work
from tests.patience import until

pytestmark = pytest.mark.django_db


def lost(account, exchange, sender, route="place", task=None):
    """Have a task of which nobody can tell, and nothing at the exchange."""
    fault = {"route": f"order.{route}", "effect": "drop_before_acceptance", "count": 1}
    faults(exchange, fault)
    task = task() if task else give(account)
    sender.step(account.pk)
    assert again(task).state == "UNKNOWN"
    return task


def sent_ago(task, **ago):
    """Put the sending back in time, as if the sweeps since then had told nothing."""
    stored = again(task)
    OrderTask.objects.filter(pk=task.pk).update(
        sent_at=stored.sent_at - timedelta(**ago), read_at=None
    )


def vanished_order(account, exchange, sender):
    """Know an order that the exchange's book does not show, and that is no task's."""
    give(account)
    work(sender, account)
    until(lambda: statuses(exchange, account) == ["OPEN"])
    Order.objects.update(order_id="gone", status_text="OPEN", tag=None, tags=[])
    return Order.objects.get()


def test_what_is_unclear_over_midnight_is_decided_by_a_person_and_blocks_nobody(
    account, exchange, sender, caplog
):
    task = lost(account, exchange, sender)
    sent_ago(task, days=1)

    with caplog.at_level(logging.CRITICAL):
        sweep.sweep(account.pk, sender.timing)

    assert (again(task).state, again(task).reason) == ("DEAD_LETTER", "unclear")
    assert task.code in caplog.text
    assert "link it to its order, or abandon it" in again(task).message
    other = give(account, limit(quantity=2))
    work(sender, account)
    assert again(other).state == "COMPLETED"
    with pytest.raises(NotAccepted, match="may stand at the broker"):
        operator.resend(again(task), who="a test", why="it is not there")
    operator.abandon(again(task), who="a test", why="the broker's site does not have it")
    assert again(task).state == "FAILED"


def test_it_ends_also_while_nobody_can_read_the_book(account, exchange, sender):
    task = lost(account, exchange, sender)
    sent_ago(task, days=1)
    faults(exchange, {"route": "orders", "effect": "status_503_before_acceptance"})

    sweep.sweep(account.pk, sender.timing)

    assert again(task).reason == "unclear"


def test_what_the_book_of_the_next_day_still_shows_is_taken_in(account, exchange, sender):
    faults(exchange, {"route": "order.place", "effect": "drop_after_acceptance", "count": 1})
    task = give(account)
    sender.step(account.pk)
    sent_ago(task, days=1)

    sweep.sweep(account.pk, sender.timing)

    assert again(task).state == "COMPLETED"
    assert [one["order_id"] for one in at_exchange(exchange, account)] == [again(task).order_id]


@pytest.mark.parametrize("kind", ["modify", "cancel"])
def test_a_change_of_an_order_that_is_not_in_the_book_ends(account, exchange, sender, kind):
    order = vanished_order(account, exchange, sender)

    def wish():
        if kind == "cancel":
            return asking.cancel(asked(account), order).task
        return asking.modify(asked(account), OrderChange(order_id="gone", quantity=3), order).task

    task = lost(account, exchange, sender, kind, wish)
    sweep.sweep(account.pk, sender.timing)
    assert again(task).state == "UNKNOWN"

    sent_ago(task, seconds=sender.timing.silent_after)
    sweep.sweep(account.pk, sender.timing)

    assert (again(task).state, again(task).reason) == ("DEAD_LETTER", "unclear")
    operator.abandon(again(task), who="a test", why="it is over")


def test_a_book_that_never_shows_a_known_order_again_keeps_nothing_waiting(
    account, exchange, sender
):
    vanished_order(account, exchange, sender)
    task = lost(account, exchange, sender, task=lambda: give(account, limit(quantity=2)))
    sent_ago(task, seconds=sender.timing.absent_after)
    sweep.sweep(account.pk, sender.timing)
    assert again(task).state == "UNKNOWN"

    sent_ago(task, seconds=sender.timing.silent_after)
    sweep.sweep(account.pk, sender.timing)

    assert (again(task).state, again(task).reason) == ("DEAD_LETTER", "unclear")
    operator.link(again(task), "gone", who="a test", why="it is this one")
    assert again(task).state == "COMPLETED"
