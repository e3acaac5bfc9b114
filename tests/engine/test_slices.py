"""A sliced order whose answer was lost: it is found when all of it is, or as much as ever shows."""

from dataclasses import replace

import pytest

from accounts.lines import line_to
from accounts.ways_in import fresh
from orders import book
from orders.engine import store, sweep
from tests.engine.desk import again, faults, give, limit, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def task(account, exchange, sender):
    """Nobody can tell of an order for 5 that may be sliced; slices are sent by `slice_of`."""
    faults(exchange, {"route": "order.place", "effect": "drop_before_acceptance", "count": 1})
    task = give(account, limit(quantity=5, autoslice=True))
    sender.step(account.pk)
    assert again(task).state == "UNKNOWN"
    return task


def slice_of(task, quantity):
    with line_to(fresh(task.account)) as broker:
        placed = broker.place(replace(limit(quantity=quantity), tag=again(task).tag))
    return placed.order_ids[0]


def test_it_is_found_when_its_slices_add_up(account, sender, task):
    first = slice_of(task, 3)
    sweep.sweep(account.pk, sender.timing)
    assert again(task).state == "UNKNOWN"

    second = slice_of(task, 2)
    work(sender, account)

    assert again(task).state == "COMPLETED"
    assert sorted(again(task).order_ids) == sorted([first, second])
    assert again(task).message == ""


def test_what_never_shows_whole_is_taken_as_far_as_it_stands(account, sender, task):
    slices = [slice_of(task, 2), slice_of(task, 1)]

    work(sender, account, seconds=15)

    assert again(task).state == "COMPLETED"
    assert sorted(again(task).order_ids) == sorted(slices)
    assert again(task).message == "Of 5 only 3 stand at the broker."
    assert again(task).readings >= 2


def test_one_slice_of_what_was_given_up_sounds_the_alarm(account, sender, task):
    work(sender, account, seconds=15)
    assert again(task).reason == "absent"
    slice_of(task, 2)

    with line_to(fresh(account)) as broker:
        book.absorb(account, broker.orders(), heard_from="stream", at=store.now())

    assert (again(task).state, again(task).reason) == ("COMPLETED", "late")
