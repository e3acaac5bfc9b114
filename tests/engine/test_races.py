"""Several processes and several wishes at the same moment."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from dataclasses import replace

import pytest
from django.conf import settings as desk_settings
from django.db import connection

from accounts import linking
from accounts.brokers.types import OrderChange
from accounts.brokers.words import Side
from orders.engine import asking, points
from orders.engine.models import OrderTask
from orders.engine.runner import Runner
from orders.engine.sending import Sender
from orders.ledger import Order
from tests.engine.desk import (
    again,
    asked,
    at_exchange,
    faults,
    give,
    limit,
    running,
    statuses,
    work,
)
from tests.engine.risky import limits
from tests.patience import until

pytestmark = pytest.mark.django_db(transaction=True)


def environment():
    facts = connection.settings_dict
    return os.environ | {
        "DATABASE_URL": f"postgres://{facts['USER']}@/{facts['NAME']}?host={facts['HOST']}&port={facts['PORT']}",
        "REDIS_URL": desk_settings.REDIS_URL,
        "PAPER_URL": desk_settings.PAPER_URL,
        "FIELD_ENCRYPTION_KEY": desk_settings.FIELD_ENCRYPTION_KEY[0],
        "SECRET_KEY": "of this test alone " * 3,
    }  # fmt: skip


@pytest.fixture
def streams(account):
    """Four processes that look after orders, as an operator would start them."""
    command = [sys.executable, str(desk_settings.BASE_DIR / "manage.py"), "stream"]
    started = [
        subprocess.Popen(
            command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(4)
    ]
    yield started
    for one in started:
        one.terminate()
    for one in started:
        one.wait(15)


def test_four_processes_never_pass_the_pace_by_the_exchanges_own_count(account, exchange, streams):
    """Not in a second of the clock and in no other, on lines that are slow at times."""
    slow = {"route": "order.place", "effect": "delay_before_acceptance", "ms": 400}
    faults(exchange, slow | {"probability": 0.2})
    basket = uuid.uuid4()  # one request, or new orders would be held
    for quantity in range(1, 36):
        give(account, limit(quantity=quantity), request=basket)

    until(lambda: not OrderTask.objects.working().exists(), seconds=60)

    placed = at_exchange(exchange, account)
    assert len(placed) == 35
    moments = sorted(one["placed_at_ms"] for one in placed)
    most = desk_settings.MAX_ORDERS_PER_SECOND
    assert all(later - one >= 1000 for one, later in zip(moments, moments[most:], strict=False))
    assert max(Counter(moment // 1000 for moment in moments).values()) <= most
    assert max(Counter(one["tag"] for one in placed).values()) == 1


def test_two_senders_on_one_account_send_each_order_once(account, exchange, sender):
    basket = uuid.uuid4()
    for quantity in range(1, 13):
        give(account, limit(quantity=quantity), request=basket)
    start = threading.Barrier(2)

    def run():
        start.wait()
        try:
            work(Sender(timing=sender.timing), account)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(one["quantity"] for one in at_exchange(exchange, account)) == list(range(1, 13))
    assert set(OrderTask.objects.values_list("state", flat=True)) == {"COMPLETED"}


@pytest.mark.parametrize("wish", ["cancel", "modify"])
def test_a_change_against_a_fill_ends_as_the_exchange_says(account, exchange, sender, wish):
    give(account)
    work(sender, account)
    until(lambda: statuses(exchange, account) == ["OPEN"])
    order = Order.objects.get()

    exchange.control("POST", "prices", {"NSE:INFY": "1449"})
    if wish == "cancel":
        task = asking.cancel(asked(account), order).task
    else:
        task = asking.modify(
            asked(account), OrderChange(order_id=order.order_id, quantity=2), order
        ).task
    work(sender, account)
    until(lambda: statuses(exchange, account)[0] in {"COMPLETE", "CANCELLED", "OPEN"})

    [there] = at_exchange(exchange, account)
    done = again(task)
    assert done.state in {"COMPLETED", "FAILED"}
    if wish == "cancel":
        assert (done.state == "COMPLETED") == (there["status"] == "CANCELLED")
    else:
        assert (done.state == "COMPLETED") == (there["quantity"] == 2)


def test_an_exit_clicked_twice_closes_the_position_once(account, exchange, sender):
    """Two clicks under two keys, confirmed: the second finds nothing left, whatever the first did."""
    body = {"user_id": account.broker_user_id, "holdings": [], "positions": [{
        "exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS", "quantity": 5, "average_price": "1500",
    }]}  # fmt: skip
    exchange.control("POST", "holdings", body)
    exit_order = replace(limit("1450", side=Side.SELL, quantity=5), product="MIS")
    first = asking.close_position(asked(account), exit_order).task
    second = asking.close_position(asked(account, confirms=first.pk), exit_order).task
    work(sender, account)

    assert (again(first).state, again(second).state) == ("COMPLETED", "FAILED")
    assert "nothing left" in again(second).message
    assert [one["quantity"] for one in at_exchange(exchange, account)] == [5]


def test_who_takes_over_an_account_reads_its_book_before_an_entry_and_not_before_an_exit(
    account, exchange, sender
):
    first = give(account)
    work(sender, account)
    Order.objects.update(status="RECEIVED")
    faults(exchange, {"route": "orders", "effect": "status_503_before_acceptance"})
    entry = give(account, limit(quantity=2))
    leaving = asking.place(asked(account), limit(quantity=3), is_exit=True).task
    with running(Runner(sender)):
        until(lambda: again(leaving).state == "COMPLETED")
        until(lambda: again(entry).waits_for == "the order book to be read once")
        assert again(entry).state == "PENDING"

        faults(exchange)
        until(lambda: again(entry).state == "COMPLETED")

    assert Order.objects.get(order_id=again(first).order_id).status == "OPEN"


def test_six_accounts_whose_broker_hangs_hold_up_nobodys_exit(account, asha, exchange):
    hanging = [linking.link_paper(owner=asha) for _ in range(6)]
    slow = {"route": "order.place", "effect": "delay_before_acceptance", "ms": 6000}
    faults(exchange, *(slow | {"user_id": one.broker_user_id} for one in hanging))
    stuck = [give(one) for one in hanging]
    with running(Runner(Sender())):
        until(lambda: {again(one).phase for one in stuck} == {"SENDING"})
        leaving = asking.place(asked(account), limit(), is_exit=True).task
        until(lambda: again(leaving).state == "COMPLETED")
        assert {again(one).state for one in stuck} == {"RUNNING"}
        faults(exchange)


def test_a_persons_rate_holds_when_two_accounts_send_at_once(account, asha, exchange, sender):
    """The second is looked at while the first is written and not committed yet."""
    other = linking.link_paper(owner=asha)
    limits(user=asha, orders_a_minute=1)
    tasks = [give(one, limit(), user=asha) for one in (account, other)]
    beside = threading.Thread(target=in_own_connection, args=[lambda: Sender().step(other.pk)])

    def hook(name):
        if name == "C6" and beside.ident is None:
            beside.start()
            time.sleep(0.5)

    points.hook = hook
    try:
        sender.step(account.pk)
        beside.join(20)
    finally:
        points.hook = None

    ends = sorted(str(again(task).reason) for task in tasks)
    assert ends == ["", "limit"]
    assert sum(len(at_exchange(exchange, one)) for one in (account, other)) == 1


def in_own_connection(act):
    try:
        act()
    finally:
        connection.close()
