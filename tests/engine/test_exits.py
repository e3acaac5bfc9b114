"""Closing a position: all of it, no more than it, and not beside an earlier closing that is unclear."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers.words import Product, Side
from orders.engine import asking
from orders.engine.accept import NotAccepted
from orders.engine.models import Source
from tests.engine.desk import again, asked, at_exchange, faults, give, limit, market, work

pytestmark = pytest.mark.django_db


def has_position(exchange, account, quantity):
    row = {
        "exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "quantity": quantity,
        "average_price": "1500",
    }  # fmt: skip
    body = {"user_id": account.broker_user_id, "holdings": [], "positions": [row]}
    exchange.control("POST", "holdings", body)


def close(account, quantity, **more):
    order = market(quantity=quantity, product=Product.MIS, side=Side.SELL)
    return asking.close_position(asked(account, **more), order).task


def test_an_exit_lives_as_long_as_a_long_queue(account, sender):
    task = close(account, 5)

    assert task.expires_at - task.created_at == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("effect", "ends"),
    [
        ("drop_before_acceptance", ["DEAD_LETTER absent", "COMPLETED"]),
        ("drop_after_acceptance", ["COMPLETED", "FAILED limit"]),
    ],
)
def test_an_exit_waits_until_an_earlier_one_is_clear(account, exchange, sender, effect, ends):
    has_position(exchange, account, 5)
    faults(exchange, {"route": "order.place", "effect": effect, "count": 1})
    first = close(account, 5)
    sender.step(account.pk)
    assert again(first).state == "UNKNOWN"
    second = close(account, 5, confirms=first.pk)

    work(sender, account)

    tasks = [again(first), again(second)]
    assert [f"{one.state} {one.reason}".strip() for one in tasks] == ends
    assert [one["quantity"] for one in at_exchange(exchange, account)] == [5]


def test_an_exit_that_waits_says_for_which(account, exchange, sender):
    has_position(exchange, account, 5)
    faults(exchange, {"route": "order.place", "effect": "drop_before_acceptance", "count": 1})
    first = close(account, 5)
    sender.step(account.pk)
    second = close(account, 5, confirms=first.pk)

    sender.step(account.pk)

    assert again(second).state == "PENDING"
    assert again(second).message.startswith(f"{first.code} may close it already")


def test_a_read_only_desk_takes_nothing_from_a_command_either(account, settings):
    settings.ENABLE_ORDER_PLACEMENT = False

    with pytest.raises(NotAccepted, match="read-only"):
        give(account)


def test_a_paused_account_takes_nothing_from_a_command_and_sends_nothing_more(
    account, exchange, sender
):
    task = give(account)
    BrokerAccount.objects.update(paused_at=timezone.now())

    with pytest.raises(NotAccepted, match="paused"):
        give(account, limit(quantity=2))
    work(sender, account)

    assert (again(task).state, again(task).message) == (
        "FAILED",
        "Trading in this account is paused.",
    )
    assert at_exchange(exchange, account) == []


def test_what_somebody_asked_for_who_is_gone_does_not_leave(account, asha, exchange, sender):
    task = give(account, user=asha, source=Source.PAGE)
    type(task).objects.filter(pk=task.pk).update(user=None)

    work(sender, account)

    assert (again(task).state, again(task).message) == (
        "FAILED",
        "Whoever gave it is no longer on this desk.",
    )
    assert at_exchange(exchange, account) == []
