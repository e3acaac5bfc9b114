"""A change that only makes its order smaller leaves where entries may not, as long as it does so."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import breaker
from accounts.brokers.types import OrderChange
from accounts.brokers.words import OrderStatus, OrderType, Validity
from orders import changing
from orders.engine import asking, store, sweep, switch
from orders.engine.accept import NotAccepted
from orders.engine.models import OrderTask, TaskEvent
from orders.ledger import Order
from tests.engine.desk import again, asked, at_exchange, give, give_many, limit, statuses, work
from tests.engine.risky import stands
from tests.engine.test_demand import pass_time
from tests.patience import until

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(account, exchange, sender):
    """Five that rest at the exchange."""
    give(account, limit("1449", quantity=5))
    work(sender, account)
    until(lambda: statuses(exchange, account) == ["OPEN"])
    return Order.objects.get()


def change(order, **terms):
    wanted = OrderChange(order_id=order.order_id, **terms)
    return asking.modify(asked(order.account), wanted, order).task


def quantities(exchange, account):
    return [one["quantity"] for one in at_exchange(exchange, account)]


def drain(sender, account):
    while sender.step(account.pk).did_something:
        pass


@pytest.mark.parametrize(
    ("terms", "is_exit"),
    [
        ({"quantity": 3}, True),
        ({"price": Decimal(1440)}, True),
        ({"quantity": 3, "price": Decimal(1440)}, True),
        ({"quantity": 6}, False),
        ({"quantity": 3, "price": Decimal(1460)}, False),
        ({"quantity": 3, "validity": Validity.IOC}, False),
        ({"validity": Validity.IOC}, False),
        ({"quantity": 5}, False),
        ({"quantity": 3, "order_type": OrderType.MARKET}, False),
    ],
)
def test_what_counts_among_the_exits(account, terms, is_exit):
    stands(account, quantity=5)

    assert change(Order.objects.get(), **terms).is_exit == is_exit


def test_a_sale_counts_by_its_quantity_and_a_stop_keeps_its_trigger(account):
    stop = {"order_type": "SL", "trigger_price": Decimal(1400), "price": "1395"}
    stands(account, "1", side="SELL", quantity=5)
    stands(account, "2", side="SELL", quantity=5, status=OrderStatus.TRIGGER_PENDING, **stop)
    sale, stopped = Order.objects.order_by("order_id")

    assert change(sale, quantity=3).is_exit
    assert not change(sale, price=Decimal(1440)).is_exit
    assert change(stopped, quantity=3).is_exit
    assert not change(stopped, trigger_price=Decimal(1390)).is_exit


@pytest.mark.parametrize("level", ["L1", "L2"])
def test_an_order_gets_smaller_while_entries_are_stopped(account, exchange, sender, order, level):
    switch.press(level, why="a test", who="Asha", account=account if level == "L1" else None)

    smaller = change(order, quantity=3)
    with pytest.raises(NotAccepted, match="stopped by Asha"):
        change(order, quantity=6)
    work(sender, account)

    assert again(smaller).state == "COMPLETED"
    until(lambda: quantities(exchange, account) == [3])


def test_nothing_gets_smaller_while_everything_is_stopped(account, exchange, sender, order):
    waiting = change(order, quantity=4)
    switch.press("L3", why="a test", who="Asha")

    with pytest.raises(NotAccepted, match="stopped by Asha"):
        change(order, quantity=3)
    work(sender, account)

    assert (again(waiting).state, again(waiting).reason) == ("FAILED", "stopped")
    assert quantities(exchange, account) == [5]


def test_an_order_gets_smaller_while_others_are_held(account, exchange, sender, order):
    pass_time(2)
    entries = give_many(account, 9)
    dearer = change(order, price=Decimal(1455))
    smaller = change(order, quantity=3)

    drain(sender, account)
    sweep.sweep(account.pk, sender.timing)

    assert again(smaller).state == "COMPLETED"
    assert {again(one).state for one in [*entries, dearer]} == {"PENDING"}
    until(lambda: quantities(exchange, account) == [3])


def test_an_order_gets_smaller_while_the_line_is_broken_and_much_is_unclear(
    account, exchange, sender, order
):
    long_ago = store.now() - timedelta(minutes=3)
    OrderTask.objects.filter(target="").update(state="UNKNOWN", sent_at=long_ago)
    for _ in range(breaker.FAILURES):
        breaker.record_failure(account, "no answer")

    entry, smaller = give(account, limit(quantity=2)), change(order, quantity=3)
    assert sender.step(account.pk).did_something

    assert (again(entry).state, again(smaller).state) == ("PENDING", "COMPLETED")
    until(lambda: quantities(exchange, account) == [3])


def test_what_makes_nothing_smaller_any_more_is_stopped_as_an_entry(
    account, exchange, sender, order
):
    task = change(order, quantity=4)
    switch.press("L1", why="a test", who="Asha", account=account)
    Order.objects.update(quantity=2)  # somebody else made it smaller still

    drain(sender, account)

    ended = again(task)
    assert (ended.state, ended.reason, ended.is_exit) == ("FAILED", "stopped", False)
    assert ended.attempts == 0
    assert quantities(exchange, account) == [5]
    told = store.replay(TaskEvent.objects.filter(task_id=task.pk))
    assert (told["is_exit"], told["version"]) == (False, ended.version)


def test_what_makes_nothing_smaller_any_more_is_held_and_leaves_as_an_entry(
    account, exchange, sender, order
):
    pass_time(2)
    give_many(account, 9)
    task = change(order, quantity=4)
    Order.objects.update(quantity=2)

    drain(sender, account)

    assert (again(task).state, again(task).is_exit) == ("PENDING", False)
    pass_time(11)
    work(sender, account)
    assert again(task).state == "COMPLETED"


def test_a_change_that_a_smaller_one_has_passed_does_not_undo_it(account, exchange, sender, order):
    pass_time(2)
    give_many(account, 9)
    larger, smaller = change(order, quantity=9), change(order, quantity=3)

    drain(sender, account)
    assert again(smaller).state == "COMPLETED"
    pass_time(11)
    work(sender, account)

    assert (again(larger).state, again(larger).reason) == ("FAILED", "limit")
    assert "A later change of the order left before this one" in again(larger).message
    assert 3 in quantities(exchange, account)


def test_cancel_all_withdraws_a_change_that_shrinks(account):
    stands(account, quantity=5)
    smaller = change(Order.objects.get(), quantity=3)

    assert changing.withdraw_all(asked(account)) == [smaller]
