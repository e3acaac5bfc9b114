"""Words for what these tests do again and again."""

import threading
import time
import uuid
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.brokers.types import OrderRequest
from accounts.brokers.words import OrderType, Product, Side
from orders.engine import asking, store, sweep
from orders.engine.accept import Asked
from orders.engine.models import OrderTask, Source
from orders.instruments import import_master
from tests.orders.listing import listed
from tests.patience import PATIENT


def list_shares():
    """Bring in the practice accounts' list of instruments, as short as it can be."""
    shares = [listed("INFY", name="INFOSYS"), listed("TCS", name="TATA CONSULTANCY")]
    import_master("kite-paper", shares, at=timezone.now())


def limit(price: str | None = "1450", **more):
    """A share far below its price: accepted, and open until somebody ends it."""
    terms: dict[str, Any] = {
        "exchange": "NSE", "symbol": "INFY", "side": Side.BUY, "quantity": 1,
        "product": Product.CNC, "order_type": OrderType.LIMIT, "price": Decimal(price) if price else None,
    }  # fmt: skip
    return OrderRequest(**terms | more)


def market(**more):
    return limit(price=None, order_type=OrderType.MARKET, market_protection=Decimal(-1), **more)


def asked(account, user=None, key="", **more):
    facts: dict[str, Any] = {"source": Source.COMMAND, "who": "" if user else "a test"}
    return Asked(account=account, key=key or uuid.uuid4().hex, user=user, **facts | more)


def give(account, order=None, **more):
    return asking.place(asked(account, **more), order or limit()).task


def give_many(account, number, *, first=1, **more):
    """Take so many orders in one second of the database, however long that takes this machine."""
    given: list[int] = []
    for quantity in range(first, first + number):
        OrderTask.objects.filter(pk__in=given).update(created_at=store.now())
        given.append(give(account, limit(quantity=quantity), **more).pk)
    return list(OrderTask.objects.filter(pk__in=given).order_by("sequence"))


def work(sender, account):
    """Let the engine work until nothing of the account's waits any more."""
    ends = time.monotonic() + PATIENT
    while OrderTask.objects.working().filter(account=account).exists():
        assert time.monotonic() < ends, list(
            OrderTask.objects.values("state", "message", "waits_for")
        )
        sweep.sweep(account.pk, sender.timing)
        while (following := sender.step(account.pk)).did_something:
            pass
        time.sleep(min(following.after if following.after is not None else 0.02, 0.02))


def again(task):
    return OrderTask.objects.get(pk=task.pk)


def at_exchange(running, account):
    """All orders that came to the exchange, by its own ledger; it may have refused them."""
    ledger = running.control("GET", f"ledger/{account.broker_user_id}")
    return ledger["orders"] + ledger["refused"]


def faults(running, *rules):
    running.control("DELETE", "faults")
    if rules:
        running.control("POST", "faults", {"rules": list(rules)})


def statuses(running, account):
    return sorted(one["status"] for one in at_exchange(running, account))


@contextmanager
def running(runner):
    """Let it look after orders in a thread of this test."""

    def run():
        runner.run()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        runner.stop()
        thread.join()
