"""What leaves a second time: never what stands at the broker by an earlier attempt."""

from dataclasses import replace
from datetime import timedelta

import pytest

from accounts.brokers.words import Product, Side, Variety
from accounts.lines import limiter, line_to
from accounts.ways_in import fresh
from orders import book
from orders.engine import asking, operator, store
from orders.engine.core import State
from orders.engine.models import KillSwitch, OrderTask
from orders.engine.runner import run_once
from tests.engine.desk import again, asked, at_exchange, faults, give, limit, market, work
from tests.patience import until

pytestmark = pytest.mark.django_db


def placed_elsewhere(account, task, **terms):
    """Let the broker have what carries this task's last tag; tell its book."""
    with line_to(fresh(account)) as broker:
        broker.place(replace(limit(**terms), tag=again(task).tag))
        return broker.orders()


def orders_of(account):
    with line_to(fresh(account)) as broker:
        return broker.orders()


def filled(account, task):
    """Wait until the exchange has filled what a task placed, and hear of it."""
    ids = again(task).order_ids
    until(lambda: all(one.filled_quantity for one in orders_of(account) if one.order_id in ids))
    book.absorb(account, orders_of(account), heard_from="sync", at=store.now())


def given_up(account, exchange, sender):
    faults(exchange, {"route": "order.place", "effect": "drop_before_acceptance", "count": 1})
    task = give(account)
    work(sender, account)
    assert again(task).reason == "absent"
    return again(task)


def test_what_turns_up_before_it_is_sent_again_is_not_sent_again(account, exchange, sender):
    task = given_up(account, exchange, sender)
    operator.resend(task, who="Asha", why="it is not there")
    book.absorb(account, placed_elsewhere(account, task), heard_from="stream", at=store.now())

    work(sender, account)

    assert (again(task).state, again(task).attempts) == ("COMPLETED", 1)
    assert len(at_exchange(exchange, account)) == 1


def test_what_waited_is_looked_for_once_more_before_it_goes_again(account, exchange, sender):
    task = given_up(account, exchange, sender)
    operator.resend(task, who="Asha", why="it is not there")
    placed_elsewhere(account, task)  # and nobody told us
    OrderTask.objects.filter(pk=task.pk).update(sent_at=store.now() - timedelta(seconds=6))

    work(sender, account)

    assert (again(task).state, again(task).attempts) == ("COMPLETED", 1)
    assert len(at_exchange(exchange, account)) == 1


def test_what_the_book_has_when_it_is_about_to_leave_does_not_leave(account, exchange, sender):
    """News that came between the claim and the sending find a running task."""
    task = given_up(account, exchange, sender)
    told = placed_elsewhere(account, task)
    OrderTask.objects.filter(pk=task.pk).update(state=State.RUNNING)
    book.absorb(account, told, heard_from="stream", at=store.now())
    OrderTask.objects.filter(pk=task.pk).update(
        state=State.PENDING, reason="", sent_at=store.now(), most_attempts=2,
        try_at=store.now(), expires_at=store.now() + timedelta(seconds=60),
    )  # fmt: skip

    work(sender, account)

    assert (again(task).state, again(task).attempts) == ("COMPLETED", 1)
    assert len(at_exchange(exchange, account)) == 1


def test_what_is_known_word_by_word_still_finds_the_task_that_waits_for_it(
    account, exchange, sender
):
    task = give(account)
    work(sender, account)
    known = orders_of(account)
    book.absorb(account, known, heard_from="sync", at=store.now())
    OrderTask.objects.filter(pk=task.pk).update(state=State.UNKNOWN, order_id="", order_ids=[])

    book.absorb(account, known, heard_from="sync", at=store.now())

    assert again(task).order_ids == [known[0].order_id]


@pytest.mark.parametrize("effect", ["status_429_after_acceptance", "status_429_before_acceptance"])
def test_too_many_requests_may_be_said_of_what_was_taken(account, exchange, sender, effect):
    faults(exchange, {"route": "order.place", "effect": effect, "count": 1})
    task = give(account)

    work(sender, account)

    assert again(task).state == "COMPLETED", again(task).message
    assert again(task).attempts == (1 if "after" in effect else 2)
    assert len(at_exchange(exchange, account)) == 1


def test_whoever_finds_another_sender_at_it_spends_no_permit(account, exchange, sender):
    give(account, limit(quantity=2))
    running = give(account)
    OrderTask.objects.filter(pk=running.pk).update(
        state=State.RUNNING, phase="CLAIMED", lease_until=store.now() + timedelta(seconds=20)
    )

    before = permits(account)
    for _ in range(20):
        sender.step(account.pk)

    assert permits(account) == before


def permits(account):
    """Count what was ever granted to the account today."""
    pace = limiter(account.broker)
    logs = pace.client.keys(f"{pace.home(str(account.pk))}:log:*")
    return {one: pace.client.zcard(one) for one in logs if pace.client.type(one) == b"zset"}


def test_a_process_that_takes_over_reads_the_book_first(account, exchange, sender):
    first, second = give(account), give(account, limit(quantity=2))
    sender.step(account.pk)
    assert again(first).state == "COMPLETED"
    faults(exchange, {"route": "orders", "effect": "drop_before_acceptance"})

    run_once(sender)
    assert again(second).waits_for == "the order book to be read once"

    faults(exchange)
    run_once(sender)
    assert again(second).state == "COMPLETED"


# What belongs together ------------------------------------------------------------------------


def test_the_stop_of_a_cover_order_is_no_double_of_it(account, exchange, sender):
    cover = market(variety=Variety.COVER, product=Product.MIS, trigger_price=limit("1450").price)
    task = give(account, cover)
    work(sender, account)
    told = until(lambda: len(orders_of(account)) == 2 and orders_of(account))
    book.absorb(account, told, heard_from="sync", at=store.now())

    assert again(task).state == "COMPLETED"
    assert not KillSwitch.objects.exists()


def test_a_cover_order_whose_answer_was_lost_is_found_beside_its_stop(account, exchange, sender):
    faults(exchange, {"route": "order.place", "effect": "drop_after_acceptance", "count": 1})
    task = give(
        account,
        market(variety=Variety.COVER, product=Product.MIS, trigger_price=limit("1450").price),
    )
    work(sender, account)

    assert (again(task).state, len(again(task).order_ids)) == ("COMPLETED", 1)
    assert not KillSwitch.objects.exists()


def test_slices_that_add_up_to_too_much_are_a_double(account, exchange, sender):
    task = give(account, limit(quantity=5, autoslice=True))
    work(sender, account)
    told = placed_elsewhere(account, task, quantity=5)

    book.absorb(account, told, heard_from="sync", at=store.now())

    assert [one.cause for one in KillSwitch.objects.all()] == [f"duplicate T{task.pk}"]


def test_an_exit_leaves_an_iceberg_what_it_still_holds_back(account, exchange, sender):
    long = give(account, market(quantity=10, product=Product.MIS))
    work(sender, account)
    filled(account, long)
    iceberg = limit(
        "1600", quantity=6, side=Side.SELL, product=Product.MIS, variety=Variety.ICEBERG,
        iceberg_legs=3, iceberg_quantity=2,
    )  # fmt: skip
    sold = give(account, iceberg)
    work(sender, account)
    assert again(sold).state == "COMPLETED", again(sold).message

    leaving = market(quantity=10, side=Side.SELL, product=Product.MIS)
    task = asking.close_position(asked(account), leaving).task
    work(sender, account)

    assert again(task).params["quantity"] == 4, again(task).message
