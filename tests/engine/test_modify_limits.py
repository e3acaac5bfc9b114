"""Changes of orders are held against limits: what the order holds already counts once."""

from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.brokers.types import OrderChange
from accounts.brokers.words import OrderStatus, OrderType
from orders import changes, changing, front, quotes
from orders.datasets import Part
from orders.engine import asking, store
from orders.engine.accept import NotAccepted
from orders.engine.models import OrderTask, TaskEvent
from orders.ledger import Order
from orders.risk import checking
from tests.engine.desk import again, asked, at_exchange, give, limit, work
from tests.engine.risky import holds, limits, read, refusal, stands
from tests.orders.test_quotes import seen
from tests.patience import until

pytestmark = pytest.mark.django_db


def order_of(account, order_id="9"):
    return Order.objects.get(account=account, order_id=order_id)


def change(account, order_id="9", *, user=None, **terms):
    for name in ("price", "trigger_price"):
        if name in terms:
            terms[name] = Decimal(terms[name])
    order = order_of(account, order_id)
    return asking.modify(
        asked(account, user=user), OrderChange(order_id=order_id, **terms), order
    ).task


def why(account, order_id="9", **terms):
    """Say what the engine would say of a change that is about to leave."""
    return checking.why_not(change(account, order_id, **terms), account, store.now())


def test_without_limits_a_change_leaves_and_nothing_need_be_known(account):
    stands(account, quantity=10)

    assert why(account, quantity=20, price="1460") == ""


@pytest.mark.parametrize(("quantity", "passes"), [(29, True), (30, True), (31, False)])
def test_a_larger_order_counts_once_in_the_net_position(account, quantity, passes):
    limits(account, instrument_quantity=100)
    read(account)
    holds(account, 60)
    stands(account, "1", quantity=10)
    stands(account, quantity=20)

    said = why(account, quantity=quantity)

    assert (said == "") == passes
    assert passes or "could become 101; at most 100" in said


@pytest.mark.parametrize(("quantity", "passes"), [(30, True), (31, False)])
def test_what_of_it_was_filled_is_in_the_position(account, quantity, passes):
    limits(account, instrument_quantity=100)
    read(account)
    holds(account, 75)  # 5 of them by this order
    stands(account, quantity=20, filled_quantity=5)

    assert (why(account, quantity=quantity) == "") == passes


@pytest.mark.parametrize(("quantity", "passes"), [(30, True), (31, False)])
def test_what_of_it_was_filled_since_the_positions_were_read_counts_too(account, quantity, passes):
    limits(account, instrument_quantity=100)
    read(account)
    holds(account, 70)
    stands(account, quantity=20, filled_quantity=5, age=0)

    assert (why(account, quantity=quantity) == "") == passes


@pytest.mark.parametrize(("price", "passes"), [("1449", True), ("1500", True), ("1500.05", False)])
@pytest.mark.parametrize("name", ["exposure", "turnover", "order_value"])
def test_a_dearer_order_is_worth_more(account, name, price, passes):
    limits(account, **{name: Decimal(15000)})
    read(account)
    stands(account, quantity=10, price="1450")

    assert (why(account, price=price) == "") == passes


@pytest.mark.parametrize(("quantity", "passes"), [(10, True), (11, False)])
def test_the_quantity_of_an_order_is_its_whole_new_size(account, quantity, passes):
    limits(account, order_quantity=10)
    stands(account, quantity=5)

    assert (why(account, quantity=quantity) == "") == passes


def test_what_makes_an_order_smaller_always_passes(account):
    limits(
        account, order_quantity=1, order_value=Decimal(1), distance=Decimal(1), loss=Decimal(1),
        instrument_quantity=1, exposure=Decimal(1), turnover=Decimal(1),
    )  # fmt: skip
    stands(account, quantity=10, price="1450")  # and nothing was read: no limit can be compared

    assert why(account, quantity=9) == ""
    assert why(account, price="1440") == ""
    assert why(account, quantity=9, price="1440", validity="IOC") == ""
    assert "1" in why(account, quantity=11)


@pytest.mark.parametrize("price", ["1440", "1460"])
def test_a_sale_at_another_price_is_looked_at(account, price):
    limits(account, exposure=Decimal(1))
    read(account)
    stands(account, quantity=10, price="1450", side="SELL")

    assert "gross exposure" in why(account, price=price)


def test_another_type_is_looked_at(account):
    limits(account, order_value=Decimal(14500))
    stands(account, quantity=10, price="1450")

    said = why(account, order_type=OrderType.MARKET, market_protection=Decimal(-1))

    assert "Use a limit order." in said


def test_an_order_does_not_meet_itself_but_meets_others(account):
    stands(account, quantity=1, price="1450")
    assert why(account, price="1460") == ""

    stands(account, "5", side="SELL", price="1455")

    assert "this account's own order 5" in why(account, price="1461")


def test_a_change_is_no_new_order_where_new_orders_are_counted(account):
    limits(account, orders_a_minute=1, repeats=1, open_orders=1)
    read(account)
    task = give(account, limit())
    OrderTask.objects.filter(pk=task.pk).update(
        state="COMPLETED", sent_at=store.now(), order_ids=["9"], order_id="9"
    )
    stands(account)

    assert why(account, quantity=2) == ""
    assert refusal(account, limit(quantity=3))


def test_the_limits_of_the_person_who_changes_count(account, asha):
    limits(user=asha, order_quantity=10)
    stands(account, quantity=5)

    assert "10" in why(account, user=asha, quantity=11)
    assert why(account, quantity=11) == ""


def test_a_limit_that_cannot_be_compared_refuses_a_larger_order(account):
    limits(account, instrument_quantity=100)
    read(account)
    read(account, Part.POSITIONS, age=61)
    stands(account, quantity=5)

    assert "needs its positions" in why(account, quantity=6)


def test_a_day_that_lost_too_much_takes_no_larger_order(account):
    limits(account, loss=Decimal(1000))
    read(account)
    holds(account, 10, m2m=Decimal(-1000))
    stands(account, quantity=5)

    assert "day's loss" in why(account, quantity=6)
    assert why(account, quantity=4) == ""


def test_an_order_that_grew_and_was_not_heard_of_since_counts_as_grown(account):
    limits(account, instrument_quantity=100)
    read(account)
    stands(account, "1", quantity=10)
    stands(account, quantity=10)
    grown = change(account, "1", quantity=60)
    OrderTask.objects.filter(pk=grown.pk).update(state="COMPLETED", sent_at=store.now())

    assert "101" in why(account, quantity=41)
    assert why(account, quantity=40) == ""
    assert "101" in refusal(account, limit(quantity=31))
    assert why(account, "1", quantity=70) == ""  # its own new size, once


def test_an_order_that_the_book_does_not_have_is_not_changed(account):
    stands(account)
    task = change(account, quantity=2)
    Order.objects.update(order_id="10")

    assert "order book does not have the order" in checking.why_not(task, account, store.now())


def test_terms_that_break_a_rule_of_the_ticket_are_refused_at_the_last_look(account):
    stands(account)
    seen(account)

    assert "between 1,350.00 and 1,650.00" in why(account, price="1700")


def test_a_trigger_that_was_released_is_compared_with_nothing(account):
    seen(account)
    terms = {"order_type": "SL", "trigger_price": Decimal(1450), "price": "1460"}
    stands(account, "1", status=OrderStatus.TRIGGER_PENDING, **terms)
    stands(account, "2", status=OrderStatus.OPEN, **terms)

    assert "The trigger must be above" in why(account, "1", price="1470")
    assert why(account, "2", price="1470") == ""


# When it is asked for --------------------------------------------------------------------------


def wanted(account, **terms):
    return replace(changes.ticket_of(order_of(account)), **terms)


def test_a_change_is_refused_at_once_by_the_limits_of_account_and_person(account, asha):
    limits(user=asha, order_quantity=10)
    stands(account, quantity=5)
    larger = wanted(account, quantity=11)

    with pytest.raises(front.Refused, match="10, the most that this account allows"):
        changing.modify(asked(account, user=asha), order_of(account), larger, store.now())

    taken = changing.modify(asked(account), order_of(account), larger, store.now())
    assert taken.task.params["quantity"] == 11


def test_a_smaller_order_is_taken_above_every_cap(account):
    limits(account, order_quantity=1, order_value=Decimal(1), distance=Decimal("0.01"))
    seen(account)
    stands(account, quantity=10, price="1450")
    smaller = wanted(account, quantity=9, price=Decimal(1440))

    taken = changing.modify(asked(account), order_of(account), smaller, store.now())
    assert taken.task.params["quantity"] == 9


def test_an_order_is_changed_25_times_and_what_waits_counts(account):
    stands(account)
    for number in range(25):
        change(account, price=str(1400 + number))

    with pytest.raises(NotAccepted, match="25 times"):
        change(account, price="1449")

    OrderTask.objects.filter(params__price="1400").update(state="FAILED", reason="limit")
    assert change(account, price="1449").params["price"] == "1449"


# With the exchange -----------------------------------------------------------------------------


def test_a_change_beyond_a_limit_never_reaches_the_exchange(account, exchange, sender):
    task = give(account, limit(quantity=5))
    work(sender, account)
    number = again(task).order_id
    until(lambda: Order.objects.filter(account=account, order_id=number).exists())
    limits(account, order_quantity=10)

    over, within = (
        change(account, number, quantity=11),
        change(account, number, quantity=10),
    )
    work(sender, account)

    assert (again(over).state, again(over).reason) == ("FAILED", "limit")
    assert again(within).state == "COMPLETED"
    until(lambda: [one["quantity"] for one in at_exchange(exchange, account)] == [10])


def test_what_could_not_be_checked_stands_on_the_task(account, exchange, sender):
    blind = give(account, limit())
    work(sender, account)
    seen(account)
    known = give(account, limit(quantity=2))
    work(sender, account)

    [note] = again(blind).skipped
    assert "circuit limits of INFY are not known: the price was not compared" in note
    assert again(known).skipped == []
    assert "the price was not compared" in str(
        store.replay(TaskEvent.objects.filter(task_id=blind.pk))["skipped"]
    )


def test_a_quote_that_is_too_old_is_left_out_and_nobody_is_asked(account, exchange, sender):
    seen(account, age=61)
    quotes.kept().delete(f"quotes:line:{account.pk}")
    before = quotes.newest(account, "NSE", "INFY")

    task = give(account, limit("1650.05"))
    work(sender, account)

    assert [note for note in again(task).skipped if "old: the price was not compared" in note]
    assert quotes.newest(account, "NSE", "INFY") == before
