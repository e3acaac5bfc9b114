"""What each answer of the broker makes of a task, against the exchange over real HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.brokers.words import Product
from orders.engine import points, store, sweep
from orders.engine.models import OrderAttempt, OrderTask, TaskEvent
from orders.ledger import Order
from orders.product_rules import ProductRule
from tests.engine.desk import again, at_exchange, faults, give, limit, market, work

pytestmark = pytest.mark.django_db


def test_an_order_is_placed_once_and_stands_in_the_book(account, exchange, sender):
    task = give(account)

    work(sender, account)

    done = again(task)
    [order] = at_exchange(exchange, account)
    assert (done.state, done.order_id, done.attempts) == ("COMPLETED", order["order_id"], 1)
    assert order["tag"] == done.tag
    assert Order.objects.get().order_id == done.order_id


# What the fault does, what becomes of the task, how many orders stand at the exchange, how many attempts.
DROPS: list[tuple[dict[str, Any], str, str, int, int]] = [
    ({"effect": "drop_before_acceptance", "count": 1}, "DEAD_LETTER", "absent", 0, 1),
    ({"effect": "drop_after_acceptance", "count": 1}, "COMPLETED", "", 1, 1),
    ({"effect": "close_after_acceptance", "count": 1}, "COMPLETED", "", 1, 1),
    ({"effect": "half_answer", "count": 1}, "COMPLETED", "", 1, 1),
    ({"effect": "status_504_after_acceptance", "body": "html", "count": 1}, "COMPLETED", "", 1, 1),
    ({"effect": "status_502_after_acceptance", "body": "empty", "count": 1}, "COMPLETED", "", 1, 1),
    ({"effect": "status_503_before_acceptance", "count": 1}, "DEAD_LETTER", "absent", 0, 1),
    ({"effect": "delay_after_acceptance", "ms": 2000, "count": 1}, "COMPLETED", "", 1, 1),
    ({"effect": "redirect_307", "after": True, "count": 1}, "COMPLETED", "", 1, 1),
    ({"effect": "rate_limit", "count": 1}, "COMPLETED", "", 1, 2),
    ({"effect": "status_400_before_acceptance", "error_type": "InputException", "count": 1}, "FAILED", "refused", 0, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "state", "reason", "orders", "attempts"),
    DROPS,
    ids=[str(one[0]["effect"]) for one in DROPS],
)
def test_every_answer_has_its_end(
    account, exchange, sender, fault, state, reason, orders, attempts
):
    faults(exchange, {"route": "order.place", **fault})
    task = give(account)

    work(sender, account)

    done = again(task)
    assert (done.state, done.reason) == (state, reason), done.message
    assert done.attempts == attempts
    placed = at_exchange(exchange, account)
    assert len(placed) == orders
    if orders:
        assert [one["order_id"] for one in placed] == [done.order_id]


@pytest.mark.parametrize(
    ("effect", "outcome"),
    [("status_400_before_acceptance", "REJECTED"), ("drop_after_acceptance", "UNKNOWN")],
)
def test_an_answer_that_comes_late_is_kept_as_evidence(
    account, exchange, sender, monkeypatch, effect, outcome
):
    fault = {"route": "order.place", "effect": effect, "count": 1}
    faults(exchange, fault | {"error_type": "InputException", "message": "No such price."})
    task = give(account)

    def lose_the_lease(point):
        if point == "C7":
            OrderTask.objects.filter(pk=task.pk).update(lease_until=store.now())
            sweep.sweep(account.pk, sender.timing)

    monkeypatch.setattr(points, "hook", lose_the_lease)
    sender.step(account.pk)

    attempt = OrderAttempt.objects.get()
    assert again(task).state == "UNKNOWN"
    assert attempt.outcome == outcome
    assert attempt.message


def test_a_slow_last_look_leaves_the_sending_its_whole_lease(account, sender):
    task = give(account)
    assert sender.claim(task, store.now())
    task.lease_until = store.now() + timedelta(seconds=0.5)
    OrderTask.objects.filter(pk=task.pk).update(lease_until=task.lease_until)

    sender.begin(task)

    stored = again(task)
    left = (stored.lease_until - stored.sent_at).total_seconds()
    assert left >= sender.timing.send_guard + sender.timing.deadline


def test_a_market_order_fills_and_events_give_the_row(account, exchange, sender):
    task = give(account, market())

    work(sender, account)

    done = again(task)
    events = list(TaskEvent.objects.filter(task_id=task.pk))
    told = store.replay(events)
    assert [one.version for one in events] == [1, 2, 3, 4]
    assert (told["state"], told["order_id"], told["version"]) == ("COMPLETED", done.order_id, 4)
    assert OrderAttempt.objects.get().outcome == "ACCEPTED"


def test_a_refused_order_says_why_and_frees_its_content(account, exchange, sender):
    too_dear = limit(quantity=60_000)
    task = give(account, too_dear)

    work(sender, account)

    done = again(task)
    assert (done.state, done.reason) == ("FAILED", "refused")
    assert done.message
    assert give(account, too_dear).pk != task.pk


def test_what_a_refusal_tells_of_an_instrument_is_in_the_next_ticket(account, exchange, sender):
    words = "MIS (intraday) is blocked for this instrument."
    faults(exchange, {
        "route": "order.place", "effect": "status_400_before_acceptance", "count": 1,
        "error_type": "InputException", "message": words,
    })  # fmt: skip
    give(account, limit(product=Product.MIS))
    work(sender, account)

    rule = ProductRule.objects.get()
    assert (rule.exchange, rule.symbol, rule.kind) == ("NSE", "INFY", "delivery")
    assert words in rule.why
