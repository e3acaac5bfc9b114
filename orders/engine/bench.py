"""Measuring the engine inside a desk: how soon an order leaves, and how it stands a storm."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts import linking
from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderRequest
from accounts.brokers.words import OrderType, Product, Side
from accounts.models import User
from orders.engine import asking
from orders.engine.accept import Asked
from orders.engine.models import OrderAttempt, OrderTask, Source
from orders.instruments.syncing import sync_due
from orders.waiting import wait

LASTS = timedelta(minutes=15)  # in a storm: longer than any queue of it
KILL_EVERY = 3.0
FAULTS = (
    {"effect": "drop_before_acceptance"},
    {"effect": "drop_after_acceptance"},
    {"effect": "close_after_acceptance"},
    {"effect": "status_504_after_acceptance", "body": "html"},
    {"effect": "status_503_before_acceptance"},
    {"effect": "rate_limit"},
)


def order(number: int) -> OrderRequest:
    """Make an order that rests in the book, another for each number."""
    return OrderRequest(
        exchange="NSE",
        symbol="ITC",
        side=Side.BUY,
        quantity=1 + number % 40,
        product=Product.MIS,
        order_type=OrderType.LIMIT,
        price=Decimal("380.00") + Decimal("0.05") * (number // 40),
    )


def give(account: BrokerAccount, number: int, request: uuid.UUID | None = None) -> OrderTask:
    key = uuid.uuid4().hex
    asked = Asked(
        account=account, key=key, source=Source.COMMAND, who="a measurement", request=request
    )
    return asking.place(asked, order(number)).task


def control(method: str, path: str, body: Any = None) -> Any:
    """Speak to the exchange of this desk."""
    token = (settings.PAPER_HOME / "control.token").read_text().strip()
    with httpx.Client(trust_env=False, timeout=30) as web:
        answer = web.request(
            method,
            f"{settings.PAPER_URL}/paper/{path}",
            json=body,
            headers={"X-Paper-Token": token},
        )
    answer.raise_for_status()
    return answer.json()


def registered(account: BrokerAccount) -> list[dict[str, Any]]:
    """Give every order that the exchange ever took from this account, by its own ledger."""
    ledger = control("GET", f"ledger/{account.broker_user_id}")
    return [one for one in [*ledger["orders"], *ledger["refused"]] if "order_id" in one]


def measure_to_broker(begin: int = 0, number: int = 40) -> dict[str, Any]:
    """Give orders one by one to an idle engine; the exchange says when each one came."""
    control("POST", "prices", {"NSE:ITC": "400"})
    sync_due(at=timezone.now())  # what is not listed does not leave
    account = BrokerAccount.objects.linked().earliest("pk")
    stored = {}
    for index in range(begin, begin + number):
        task = give(account, index)
        stored[task.pk] = time.time() * 1000
        time.sleep(0.2)
    wait(list(OrderTask.objects.filter(pk__in=stored)), 20)
    tags = dict(OrderAttempt.objects.filter(task__in=stored).values_list("tag", "task_id"))
    came = {
        tags[one["tag"]]: one["placed_at_ms"] for one in registered(account) if one["tag"] in tags
    }
    took = sorted(came[pk] - stored[pk] for pk in came)
    return {
        "p50_ms": round(took[len(took) // 2], 1),
        "p99_ms": round(took[int(len(took) * 0.99)], 1),
        "orders": len(took),
    }


# A storm -----------------------------------------------------------------------------------------


def measure_storm(accounts: int = 20, tasks: int = 10_000, seconds: float = 205) -> dict[str, Any]:
    """Let orders come as fast as they can, the exchange fail at times and senders die.

    Giving ends after half of the time, so that the rest can leave; what was given is told.
    """
    owner = User.objects.earliest("pk")
    control("POST", "prices", {"NSE:ITC": "400"})
    sync_due(at=timezone.now())
    mine = [linking.link_paper(owner=owner) for _ in range(accounts)]
    rules = [{**one, "route": "order.place", "probability": 0.02} for one in FAULTS]
    control("POST", "faults", {"rules": rules})
    chance, began = random.Random(1), time.monotonic()  # noqa: S311
    basket = uuid.uuid4()  # one request: what is measured is the queue, not the hold before it
    streams = [start_stream() for _ in range(2)]
    try:
        for index in range(tasks // accounts):
            if time.monotonic() - began > seconds / 2:
                break
            for account in mine:
                give(account, index, basket)
            # Its own life is too short for so long a queue.
            young = OrderTask.objects.filter(
                account__in=mine, expires_at__lt=F("created_at") + LASTS
            )
            young.update(expires_at=F("created_at") + LASTS)
        stored_s = time.monotonic() - began
        while OrderTask.objects.working().filter(account__in=mine).exists():
            if time.monotonic() - began > seconds:
                break
            time.sleep(KILL_EVERY)
            victim = chance.randrange(len(streams))
            streams[victim].send_signal(signal.SIGKILL)
            streams[victim].wait()
            streams[victim] = start_stream()
    finally:
        for one in streams:
            one.terminate()
        control("DELETE", "faults")
    took = time.monotonic() - began
    given = OrderTask.objects.filter(account__in=mine).count()
    return {**judged(mine), "tasks": given, "wanted": tasks, "stored_s": round(stored_s, 1), "took_s": round(took, 1),
            "a_second": round(given / took, 1), "time_to_live": "15 min", "triggers": "off"}  # fmt: skip


def start_stream() -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "stream"]
    environment = os.environ | {"AUTOMATIC_STOPS": "off"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def judged(accounts: list[BrokerAccount]) -> dict[str, Any]:
    """Compare every task with the exchange's ledger."""
    found: Counter[str] = Counter()
    waited = []
    for account in accounts:
        there = registered(account)
        ids = {one["order_id"] for one in there}
        tags: Counter[int] = Counter()
        owners = dict(
            OrderAttempt.objects.filter(task__account=account).values_list("tag", "task_id")
        )
        for one in there:
            tags[owners[one["tag"]]] += 1
        for task in OrderTask.objects.filter(account=account):
            found[f"{task.state} {task.reason}".strip()] += 1
            found["doubled"] += tags[task.pk] > 1
            found["lost"] += task.state in {"FAILED", "DEAD_LETTER"} and tags[task.pk] > 0
            found["phantom"] += task.state == "COMPLETED" and task.order_id not in ids
            found["stuck"] += not task.is_over
            if task.sent_at and task.state == "COMPLETED":
                waited.append((task.sent_at - task.created_at).total_seconds())
    waited.sort()
    return {
        "ends": dict(found),
        "wrong": sum(found[name] for name in ("doubled", "lost", "phantom", "stuck")),
        "queue_p50_s": round(waited[len(waited) // 2], 2) if waited else None,
        "queue_p99_s": round(waited[int(len(waited) * 0.99)], 2) if waited else None,
    }
