"""Measuring the engine inside a desk: how soon an order leaves, and how it stands a storm."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts import linking
from accounts.brokerage import BrokerAccount, LoginSession
from accounts.brokers.types import OrderRequest
from accounts.brokers.words import OrderType, Product, Side
from accounts.models import User
from orders.engine import asking
from orders.engine.accept import Asked
from orders.engine.core import Reason
from orders.engine.models import Lane, OrderAttempt, OrderTask, Source
from orders.instruments.syncing import sync_due
from orders.waiting import wait

LASTS = timedelta(minutes=15)  # in a storm: longer than any queue of it
GIVES_FOR = 620.0  # seconds
STORMS_FOR = 770.0  # a call of `bench` has fourteen minutes
KILL_EVERY = 5.0
FAULTS = (
    {"effect": "drop_before_acceptance"},
    {"effect": "drop_after_acceptance"},
    {"effect": "close_after_acceptance"},
    {"effect": "status_504_after_acceptance", "body": "html"},
    {"effect": "status_503_before_acceptance"},
    {"effect": "rate_limit"},
)


def order(number: int) -> OrderRequest:
    """Make an order that rests in the book, another for each number; the money lasts for 500 of them."""
    return OrderRequest(
        exchange="NSE",
        symbol="ITC",
        side=Side.BUY,
        quantity=1 + number % 30,
        product=Product.MIS,
        order_type=OrderType.LIMIT,
        price=Decimal("380.00") + Decimal("0.05") * (number // 30),
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


def accounts_of_a_trader(number: int) -> list[BrokerAccount]:
    """Give so many accounts of the owner in which ITC can be bought."""
    control("POST", "prices", {"NSE:ITC": "400"})
    sync_due(at=timezone.now())  # what is not listed does not leave
    owner = User.objects.earliest("pk")
    while BrokerAccount.objects.linked().count() < number:
        linking.link_paper(owner=owner)
    return list(BrokerAccount.objects.linked().order_by("pk")[:number])


def measure_to_broker(begin: int = 0, number: int = 40) -> dict[str, Any]:
    """Give orders one by one to an idle engine; the exchange says when each one came."""
    account = accounts_of_a_trader(1)[0]
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


def measure_storm(accounts: int = 20, tasks: int = 10_000) -> dict[str, Any]:
    """Let orders come as fast as they can, the exchange fail at times and senders die.

    Giving ends after a while, and what was given is told. What has not ended when the call has to is
    told as stuck, young as it may be.
    """
    mine = accounts_of_a_trader(accounts)
    ends = LoginSession.objects.filter(account__in=mine).earliest("expires_at").expires_at
    if ends < timezone.now() + timedelta(seconds=STORMS_FOR):
        raise SystemExit(
            "The sessions of the accounts end within the storm, at 06:00 IST: run it after that."
        )
    rules = [{**one, "route": "order.place", "probability": 0.02} for one in FAULTS]
    control("POST", "faults", {"rules": rules})
    began = time.monotonic()
    reaper = Reaper()
    try:
        give_all(mine, tasks // accounts, began + GIVES_FOR, reaper)
        stored_s = time.monotonic() - began
        while OrderTask.objects.working().exists() and time.monotonic() - began < STORMS_FOR:
            time.sleep(0.5)
            reaper.come()
    finally:
        reaper.end()
        control("DELETE", "faults")
    took = time.monotonic() - began
    given = OrderTask.objects.count()
    rate = round(given / took, 1)
    return {**judged(mine), "tasks": given, "wanted": tasks, "stored_s": round(stored_s, 1), "took_s": round(took, 1),
            "a_second": rate, "killed": reaper.killed, "time_to_live": "15 min", "triggers": "off"}  # fmt: skip


def give_all(accounts: list[BrokerAccount], each: int, deadline: float, reaper: "Reaper") -> None:
    basket = uuid.uuid4()  # one request: what is measured is the queue, not the hold before it
    for index in range(each):
        if time.monotonic() > deadline:
            return
        for account in accounts:
            give(account, index, basket)
        # Its own life is too short for so long a queue.
        young = OrderTask.objects.working().filter(expires_at__lt=F("created_at") + LASTS)
        young.update(expires_at=F("created_at") + LASTS)
        reaper.come()


class Reaper:
    """Two senders beside the desk's own; every few seconds one of the three dies in what it does."""

    def __init__(self) -> None:
        self.chance = random.Random(1)  # noqa: S311
        self.mine = [start_stream() for _ in range(2)]
        self.next = time.monotonic() + KILL_EVERY
        self.killed = 0

    def come(self) -> None:
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + KILL_EVERY
        leading = Lane.objects.filter(runner_until__gt=timezone.now()).order_by()
        runners = sorted(leading.values_list("runner", flat=True).distinct())
        if runners:
            victim = int(self.chance.choice(runners).rpartition(":")[2])
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                self.killed += 1
            for one in self.mine:
                if one.pid == victim:
                    one.wait()
        # The desk brings its own back by itself.
        self.mine = [one if one.poll() is None else start_stream() for one in self.mine]

    def end(self) -> None:
        for one in self.mine:
            one.terminate()
            one.wait(20)


def start_stream() -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "stream"]
    environment = os.environ | {"AUTOMATIC_STOPS": "off"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def judged(accounts: list[BrokerAccount]) -> dict[str, Any]:
    """Compare every task with the exchange's ledger."""
    found: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
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
            if task.reason == Reason.REFUSED:
                refusals[task.message] += 1
            if task.sent_at and task.state == "COMPLETED":
                waited.append((task.sent_at - task.created_at).total_seconds())
    waited.sort()
    return {
        "ends": dict(found),
        "refusals": dict(refusals.most_common(5)),
        "wrong": sum(found[name] for name in ("doubled", "lost", "phantom", "stuck")),
        "queue_p50_s": round(waited[len(waited) // 2], 2) if waited else None,
        "queue_p99_s": round(waited[int(len(waited) * 0.99)], 2) if waited else None,
    }
