"""A process whose clock is wrong: what counts is the clock of the database, and the one that only runs forward."""

import time
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.brokerage import LoginSession
from orders.engine import store
from tests.engine.desk import again, at_exchange, faults, give, work

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "wrong", [timedelta(minutes=-50), timedelta(minutes=50)], ids=["slow", "fast"]
)
def test_a_wrong_clock_neither_ends_an_order_early_nor_calls_it_absent(
    account, exchange, sender, wrong
):
    LoginSession.objects.update(expires_at=timezone.now() + timedelta(hours=5))
    with time_machine.travel(timezone.now() + wrong, tick=True):
        placed = give(account)
        work(sender, account)
        faults(exchange, {"route": "order.place", "effect": "drop_before_acceptance", "count": 1})
        lost = give(account, confirms=placed.pk)
        began = time.monotonic()
        work(sender, account)
        took = time.monotonic() - began

    assert again(placed).state == "COMPLETED"
    assert (again(lost).state, again(lost).reason) == ("DEAD_LETTER", "absent")
    assert took >= sender.timing.absent_after
    assert len(at_exchange(exchange, account)) == 1


def test_moments_of_a_task_are_the_databases(account, sender):
    with time_machine.travel(timezone.now() + timedelta(minutes=50), tick=True):
        task = give(account)

    assert abs((store.now() - task.created_at).total_seconds()) < 30
    assert task.expires_at - task.created_at == timedelta(seconds=60)
