"""A sliced order whose answer was lost: it is found when all of it is, or as much as ever shows."""

from dataclasses import replace

import pytest

from accounts.brokers.words import Side
from accounts.lines import line_to
from accounts.ways_in import fresh
from orders import book
from orders.engine import asking, operator, store, sweep
from orders.engine.accept import NotAccepted
from orders.engine.models import OrderTask
from orders.ledger import Order
from tests.engine.desk import again, asked, faults, give, limit, work

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

    work(sender, account)

    assert again(task).state == "COMPLETED"
    assert sorted(again(task).order_ids) == sorted(slices)
    assert again(task).message == "Of 5 only 3 stand at the broker."
    assert again(task).readings >= 2


def test_one_slice_of_what_was_given_up_sounds_the_alarm(account, sender, task):
    work(sender, account)
    assert again(task).reason == "absent"
    slice_of(task, 2)

    with line_to(fresh(account)) as broker:
        book.absorb(account, broker.orders(), heard_from="stream", at=store.now())

    assert (again(task).state, again(task).reason) == ("COMPLETED", "late")


def given_up(account, order=None):
    """Have a task that a person has to decide about."""
    task = give(account, order or limit(quantity=7))
    OrderTask.objects.filter(pk=task.pk).update(state="DEAD_LETTER", reason="unclear")
    return again(task)


def link(task, order_id):
    return operator.link(task, order_id, who="a test", why="it is this one")


def test_no_slice_of_another_task_is_linked(account, sender, task):
    slice_of(task, 3)
    slice_of(task, 2)
    work(sender, account)
    _, later = again(task).order_ids
    letter = given_up(account)

    with pytest.raises(NotAccepted, match=f"{later} belongs to another task already: {task.code}"):
        link(letter, later)

    assert again(letter).is_dead_letter


def test_a_slice_that_only_its_tag_tells_is_not_linked_to_another_task(account, sender, task):
    letter = given_up(account)
    work(sender, account)
    slice_of(task, 2)
    heard_of(account)
    late = slice_of(task, 1)
    heard_of(account)
    assert late not in again(task).order_ids

    with pytest.raises(NotAccepted, match=f"belongs to another task already: {task.code}"):
        link(letter, late)


def test_an_order_of_the_other_side_is_not_linked(account, sender, exchange):
    letter = given_up(account)
    order_id = placed_elsewhere(account, quantity=7, side=Side.SELL)

    with pytest.raises(NotAccepted, match=f"Order {order_id} is a SELL, {letter.code} is a BUY"):
        link(letter, order_id)


def test_an_order_of_another_instrument_is_not_linked(account, sender, exchange):
    letter = given_up(account)
    order_id = placed_elsewhere(account, quantity=7)
    Order.objects.filter(order_id=order_id).update(exchange="BSE")

    with pytest.raises(NotAccepted, match=f"is of BSE:INFY, {letter.code} is of NSE:INFY"):
        link(letter, order_id)


def test_an_order_placed_elsewhere_is_linked_though_this_desk_cancelled_it(
    account, sender, exchange
):
    order_id = placed_elsewhere(account, quantity=7)
    asking.cancel(asked(account), Order.objects.get(order_id=order_id))
    work(sender, account)
    letter = given_up(account)

    link(letter, order_id)

    assert (again(letter).state, again(letter).order_ids) == ("COMPLETED", [order_id])


def placed_elsewhere(account, **terms):
    """Have an order in the book that no task of ours sent."""
    with line_to(fresh(account)) as broker:
        [order_id] = broker.place(limit(**terms)).order_ids
    heard_of(account)
    return order_id


def heard_of(account):
    with line_to(fresh(account)) as broker:
        book.absorb(account, broker.orders(), heard_from="look", at=store.now())
