"""Triggers and conversions: no tag leads to them, so what they say does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.brokers.types import Conversion, GttLeg, GttRequest, Holding
from accounts.brokers.words import GttKind, Side
from orders import gtts
from orders.datasets import refresh
from orders.engine import asking, reconcile, store
from orders.engine.accept import NotAccepted, PossibleDuplicate
from orders.engine.models import KillSwitch, OrderTask
from orders.ledger import GttTrigger
from orders.risk import checking
from orders.risk.triggers import MOST_SKEW
from orders.syncing import SOURCES
from portfolio.state import HoldingRow
from tests.engine.desk import again, asked, faults, limit, work
from tests.engine.risky import holds, limits, read, refusal
from tests.patience import until

pytestmark = pytest.mark.django_db
GTTS = SOURCES[2]
LOSSES = ["drop_after_acceptance", "drop_before_acceptance"]


def trigger(price="1400", quantity=1):
    leg = GttLeg(side=Side.BUY, quantity=quantity, product="CNC", price=Decimal(price))
    return GttRequest(
        kind=GttKind.SINGLE, exchange="NSE", symbol="INFY", triggers=(Decimal(price),),
        last_price=Decimal(1500), legs=(leg,),
    )  # fmt: skip


def at_broker(account):
    """The triggers that wait at the exchange, read anew."""
    from accounts.lines import line_to
    from accounts.ways_in import fresh

    with line_to(fresh(account)) as broker:
        told = broker.gtts()
    return [one for one in told if one.status == "active"]


def placed(account, sender):
    asking.place_gtt(asked(account), trigger())
    work(sender, account)
    from accounts.ways_in import fresh

    refresh(fresh(account), GTTS)
    return GttTrigger.objects.get()


def test_a_trigger_is_placed_changed_and_deleted(account, exchange, sender):
    gtt = placed(account, sender)

    change = asking.modify_gtt(asked(account), trigger("1390"), gtt).task
    work(sender, account)
    assert [one.triggers for one in at_broker(account)] == [(Decimal(1390),)]
    asking.delete_gtt(asked(account), gtt)
    work(sender, account)

    assert again(change).state == "COMPLETED"
    assert at_broker(account) == []


@pytest.mark.parametrize("lost", LOSSES)
def test_a_lost_answer_to_a_new_trigger_is_settled_by_its_content(account, exchange, sender, lost):
    faults(exchange, {"route": "gtt.place", "effect": lost, "count": 1})
    task = asking.place_gtt(asked(account), trigger()).task
    work(sender, account)

    there = at_broker(account)
    if lost == "drop_after_acceptance":
        assert (again(task).state, [again(task).order_id]) == (
            "COMPLETED",
            [one.gtt_id for one in there],
        )
    else:
        assert (again(task).state, again(task).reason, there) == ("DEAD_LETTER", "absent", [])


@pytest.mark.parametrize("lost", LOSSES)
@pytest.mark.parametrize("wish", ["modify", "delete"])
def test_a_lost_answer_to_a_change_is_read_from_the_list(account, exchange, sender, wish, lost):
    gtt = placed(account, sender)
    faults(exchange, {"route": f"gtt.{wish}", "effect": lost, "count": 1})
    if wish == "modify":
        task = asking.modify_gtt(asked(account), trigger("1390"), gtt).task
    else:
        task = asking.delete_gtt(asked(account), gtt).task
    work(sender, account)

    was_done = [one.triggers for one in at_broker(account)] != [(Decimal(1400),)]
    assert was_done == (lost == "drop_after_acceptance")
    assert again(task).state == ("COMPLETED" if was_done else "FAILED")


@pytest.mark.parametrize("lost", LOSSES)
def test_a_deletion_whose_answer_is_lost_is_repeated(account, exchange, sender, lost):
    gtt = placed(account, sender)
    faults(exchange, {"route": "gtt.delete", "effect": lost, "count": 1})
    first = gtts.delete(asked(account), gtt).task
    assert gtts.delete(asked(account), gtt).is_replay
    sender.step(account.pk)
    assert again(first).state == "UNKNOWN"

    second = gtts.delete(asked(account), gtt)
    sender.step(account.pk)

    assert not second.is_replay
    assert at_broker(account) == []
    reached = lost == "drop_before_acceptance"  # else there was nothing left to delete
    assert again(second.task).state == ("COMPLETED" if reached else "FAILED")
    work(sender, account)
    assert (again(first).state, again(first).reason) == ("COMPLETED", "")
    assert not KillSwitch.objects.exists()


@pytest.mark.parametrize("lost", LOSSES)
def test_a_trigger_belongs_to_one_task_when_the_same_is_asked_for_twice(
    account, exchange, sender, lost
):
    faults(exchange, {"route": "gtt.place", "effect": lost, "count": 1})
    first = asking.place_gtt(asked(account), trigger()).task
    sender.step(account.pk)
    second = asking.place_gtt(asked(account, confirms=first.pk), trigger()).task

    def is_sent():
        sender.step(account.pk)
        return again(second).state == "COMPLETED"

    until(is_sent)
    assert again(first).state == "UNKNOWN"
    work(sender, account)

    there = {one.gtt_id for one in at_broker(account)}
    is_there = lost == "drop_after_acceptance"
    assert again(first).state == ("COMPLETED" if is_there else "DEAD_LETTER"), again(first).message
    assert {again(first).order_id, again(second).order_id} - {""} == there
    assert not KillSwitch.objects.exists()


def known(account, *ids):
    """Let the desk know of triggers that the broker's list lacks."""
    return [
        GttTrigger.objects.create(
            account=account, gtt_id=one, kind="single", status="active", exchange="NSE",
            symbol="INFY", synced_at=store.now(),
        )
        for one in ids
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wish", "ends"), [("place", "absent"), ("modify", "not applied"), ("delete", "")]
)
def test_what_a_partial_list_lacks_is_not_gone(account, exchange, sender, wish, ends):
    wanted, other = known(account, "990001", "990002")
    faults(exchange, {"route": f"gtt.{wish}", "effect": "drop_before_acceptance", "count": 1})
    ask = {
        "place": lambda: asking.place_gtt(asked(account), trigger()),
        "modify": lambda: asking.modify_gtt(asked(account), trigger(), wanted),
        "delete": lambda: asking.delete_gtt(asked(account), wanted),
    }
    task = ask[wish]().task
    sender.step(account.pk)
    if wish == "place":
        wanted.delete()
    long_ago = again(task).sent_at - sender.timing.absent_after * timedelta(seconds=1)
    OrderTask.objects.filter(pk=task.pk).update(sent_at=long_ago)
    for _ in range(4):
        OrderTask.objects.filter(pk=task.pk).update(read_at=None)
        reconcile.look(account.pk, sender.timing)
    assert again(task).state == "UNKNOWN", again(task).message

    other.is_listed = False
    other.save()
    work(sender, account)
    assert again(task).reason == ends


def test_an_empty_list_has_to_stay_empty_before_the_only_trigger_is_gone(account, exchange, sender):
    (gtt,) = known(account, "990001")
    faults(exchange, {"route": "gtt.delete", "effect": "drop_before_acceptance", "count": 1})
    task = asking.delete_gtt(asked(account), gtt).task
    sender.step(account.pk)

    reconcile.look(account.pk, sender.timing)
    assert again(task).state == "UNKNOWN", again(task).message

    long_ago = again(task).sent_at - reconcile.EMPTY_FOR
    OrderTask.objects.filter(pk=task.pk).update(sent_at=long_ago, read_at=None)
    reconcile.look(account.pk, sender.timing)
    assert again(task).state == "COMPLETED", again(task).message


def test_a_broker_whose_clock_is_behind_still_has_the_trigger(account, exchange, sender):
    faults(exchange, {"route": "gtt.place", "effect": "drop_after_acceptance", "count": 1})
    task = asking.place_gtt(asked(account), trigger()).task
    sender.step(account.pk)
    ahead = again(task).sent_at + timedelta(seconds=MOST_SKEW)
    OrderTask.objects.filter(pk=task.pk).update(sent_at=ahead)
    reconcile.look(account.pk, sender.timing)

    assert again(task).state == "COMPLETED", again(task).message


def test_the_same_trigger_again_is_a_question_though_the_market_moved(account):
    asking.place_gtt(asked(account), trigger())

    with pytest.raises(PossibleDuplicate):
        asking.place_gtt(asked(account), replace(trigger(), last_price=Decimal(1501)))


def test_a_trigger_that_is_over_is_left_alone(account, exchange, sender):
    gtt = placed(account, sender)
    gtt.status = "triggered"

    with pytest.raises(NotAccepted, match="triggered already"):
        asking.delete_gtt(asked(account), gtt)


# Limits ------------------------------------------------------------------------------------------


MOST = [
    {"instrument_quantity": 1}, {"exposure": Decimal(1)}, {"open_orders": 0}, {"turnover": Decimal(1)},
    {"orders_a_minute": 0}, {"repeats": 0}, {"order_quantity": 99}, {"order_value": Decimal(1)},
]  # fmt: skip


@pytest.mark.parametrize("most", MOST, ids=lambda most: next(iter(most)))
def test_a_trigger_passes_no_limit_that_its_order_would_break(account, exchange, sender, most):
    limits(account, **most)
    read(account)
    task = asking.place_gtt(asked(account), trigger(quantity=100)).task
    work(sender, account)

    assert (again(task).state, again(task).reason) == ("FAILED", "limit")
    assert at_broker(account) == []


def test_a_changed_trigger_is_judged_as_a_new_one_but_not_counted(account, exchange, sender):
    gtt = placed(account, sender)
    limits(account, instrument_quantity=5, orders_a_minute=0, repeats=0, open_orders=0)
    read(account)
    larger = asking.modify_gtt(asked(account), trigger(quantity=6), gtt).task
    allowed = asking.modify_gtt(asked(account), trigger(quantity=5), gtt).task
    work(sender, account)

    assert [again(one).state for one in (larger, allowed)] == ["FAILED", "COMPLETED"]


def test_new_triggers_count_among_new_orders(account, exchange, sender):
    placed(account, sender)
    limits(account, repeats=1)

    assert "1 orders to buy INFY were sent" in refusal(account)
    assert refusal(account, limit(side=Side.SELL)) == ""


@pytest.mark.parametrize("own", ["position", "holding"])
def test_a_trigger_that_closes_passes_and_one_that_turns_round_does_not(account, own):
    limits(account, instrument_quantity=1, open_orders=0)
    read(account)
    if own == "position":
        holds(account, 10)
    else:
        told = Holding(exchange="NSE", symbol="INFY", quantity=6, t1_quantity=4)
        HoldingRow.objects.create(
            account=account, synced_at=store.now(), **HoldingRow.columns(told)
        )

    def why(quantity):
        leg = replace(trigger().legs[0], side=Side.SELL, quantity=quantity)
        task = asking.place_gtt(asked(account), replace(trigger(), legs=(leg,))).task
        return checking.why_not(task, account, store.now())

    assert why(10) == ""
    assert "are open" in why(11)


# Conversions -------------------------------------------------------------------------------------


def conversion(quantity=5):
    return Conversion(
        exchange="NSE", symbol="INFY", side=Side.BUY, quantity=quantity, old_product="MIS",
        new_product="CNC",
    )  # fmt: skip


def hold(exchange, account):
    body = {"user_id": account.broker_user_id, "holdings": [], "positions": [{
        "exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "quantity": 5, "average_price": "1500",
    }]}  # fmt: skip
    exchange.control("POST", "holdings", body)


def products(account):
    from accounts.lines import line_to
    from accounts.ways_in import fresh

    with line_to(fresh(account)) as broker:
        return {row.product: row.quantity for row in broker.positions().net if row.quantity}


@pytest.mark.parametrize("lost", [None, *LOSSES])
def test_a_conversion_is_made_once_and_the_position_tells(account, exchange, sender, lost):
    hold(exchange, account)
    if lost:
        faults(exchange, {"route": "position.convert", "effect": lost, "count": 1})
    task = asking.convert(asked(account), conversion(), old=5, new=0).task
    work(sender, account)

    if lost == "drop_before_acceptance":
        assert (again(task).state, again(task).reason) == ("DEAD_LETTER", "unclear")
        assert products(account) == {"MIS": 5}
    else:
        assert again(task).state == "COMPLETED", again(task).message
        assert products(account) == {"CNC": 5}


@pytest.mark.parametrize("quantity", [0, 6, -1])
def test_no_more_is_converted_than_stands_there(account, quantity):
    with pytest.raises(NotAccepted, match="between 1 and 5"):
        asking.convert(asked(account), conversion(quantity), old=5, new=0)
