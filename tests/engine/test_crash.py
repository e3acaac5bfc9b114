"""The crash matrix: every point at which a process can die, under every behaviour of the broker.

In CI every pair once and a few more; TRADEDESK_LONG=1 runs every pair sixty times, EACH=10 ten times. What is true is
what the exchange's own ledger says. The same harness must find the faults of a naive engine.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

import pytest
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, connections

from accounts import linking
from orders.engine import store
from orders.engine.accept import standing_of
from orders.engine.models import OrderTask, TaskEvent
from tests.engine.desk import at_exchange, list_shares

pytestmark = pytest.mark.django_db(transaction=True)
LONG = bool(os.environ.get("TRADEDESK_LONG"))
EACH = int(os.environ.get("EACH", 60 if LONG else 1))
EXTRA = 6 if EACH == 1 else 0
AT_ONCE = 6
OF_ONE_ACCOUNT = 25
POINTS = [
    "C1", "C2", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12 lost", "C12 kept", "C13",
    "C14", "C15", "C16", "C17", "C18", None,
]  # fmt: skip
BEHAVIOURS = {
    "ok": None,
    "time-out after acceptance": {"effect": "delay_after_acceptance", "ms": 1400},
    "reset after acceptance": {"effect": "drop_after_acceptance"},
    "504 after acceptance": {"effect": "status_504_after_acceptance", "body": "html"},
    "reset before acceptance": {"effect": "drop_before_acceptance"},
    "too many requests": {"effect": "rate_limit"},
}

REGISTERED = {
    "ok", "time-out after acceptance", "reset after acceptance", "504 after acceptance",
}  # fmt: skip


class Hands:
    """A process that forks children for one run at a time."""

    def __init__(self, running):
        facts = connection.settings_dict
        url = (
            f"postgres://{facts['USER']}@/{facts['NAME']}?host={facts['HOST']}&port={facts['PORT']}"
        )
        environment = os.environ | {
            "DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL, "DATABASE_POOL": "0",
            "AUTOMATIC_STOPS": "off",  # every second run here would be a cause
            "DJANGO_SETTINGS_MODULE": "tradedesk.settings",
            "FIELD_ENCRYPTION_KEY": settings.FIELD_ENCRYPTION_KEY[0],
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.engine.crashing", running.url]
        self.process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdin
        assert self.process.stdout
        self.ear, self.mouth = self.process.stdout, self.process.stdin
        assert self.ear.readline() == "ready\n"

    def start(self, do, **job):
        """Fork a child; its process id comes back while it runs."""
        self.mouth.write(json.dumps({"do": do, **job}) + "\n")
        self.mouth.flush()
        return json.loads(self.ear.readline())["child"]

    def end(self):
        return json.loads(self.ear.readline())["code"]

    def do(self, do, **job):
        self.start(do, **job)
        return self.end()

    def close(self):
        self.mouth.close()
        self.ear.close()
        self.process.wait(10)


@dataclass
class Found:
    """What a run came to, and what was wrong with it."""

    end: str
    faults: list[str] = field(default_factory=list)


class Trial:
    """One account, two processes, one order at a time."""

    def __init__(self, running, owner):
        self.running, self.owner = running, owner
        self.account = linking.link_paper(owner=owner)
        self.hands, self.others = Hands(running), Hands(running)
        self.quantity, self.orders_before = 0, set()

    def close(self):
        self.hands.close()
        self.others.close()

    def prepare(self, behaviour):
        if self.quantity == OF_ONE_ACCOUNT:  # its cash is bound in what it ordered
            self.account, self.quantity = linking.link_paper(owner=self.owner), 0
        self.quantity += 1
        self.job = {"account": self.account.pk, "key": uuid.uuid4().hex, "quantity": self.quantity}
        self.orders_before = {one["order_id"] for one in at_exchange(self.running, self.account)}
        if fault := BEHAVIOURS[behaviour]:
            rule = {
                **fault, "route": "order.place", "count": 1,
                "user_id": self.account.broker_user_id,
            }  # fmt: skip
            self.running.control("POST", "faults", {"rules": [rule]})

    def run(self, point, behaviour, *, with_hint, is_far):
        self.prepare(behaviour)
        self.job["is_far"] = is_far
        if point in {"C1", "C2"}:
            assert self.hands.do("give", **self.job, point=point) == -signal.SIGKILL
        self.hands.do("give", **self.job)  # the browser asks again with the same key
        if point == "C14":
            self.hands.do("work", **self.job, point="C9")
            time.sleep(2.3)
            self.hands.do("work", **self.job, point="C14")
        elif point == "C15":
            self.hands.do("work", **self.job, point="C7")
            self.hands.do("work", **self.job)
            self.hands.do("resend", **self.job, point="C15")
            self.hands.do("resend", **self.job)
        elif point == "C16":
            self.sleep_through()
        elif point and point not in {"C1", "C2", "C17"}:
            self.hands.do("work", **self.job, point=point)
        if with_hint or point == "C17":
            self.others.start("work", **self.job)
            self.hands.do("work", **self.job)
            self.others.end()
        self.hands.do("work", **self.job)
        return self.judge()

    def sleep_through(self):
        """Stop a process between its word and its sending, and let it go on when all is decided."""
        child = self.hands.start("work", **self.job, point="C16")
        ends = time.monotonic() + 3
        while time.monotonic() < ends and not is_stopped(child):
            time.sleep(0.02)
        self.others.do("work", **self.job)
        os.kill(child, signal.SIGCONT)
        self.hands.end()

    def naive(self, point, behaviour):
        self.prepare(behaviour)
        self.hands.do("give", **self.job)
        self.hands.do("naive", **self.job, point=point)
        self.hands.do("naive", **self.job)
        return self.judge()

    def judge(self):
        """Compare what stands here with what the exchange says."""
        self.running.control("POST", "sessions", {
            "user_id": self.account.broker_user_id, "api_key": self.account.credentials.api_key,
        })  # fmt: skip
        there = [
            one for one in at_exchange(self.running, self.account)
            if one["order_id"] not in self.orders_before
        ]  # fmt: skip
        task = OrderTask.objects.get(account=self.account, key=self.job["key"])
        found = Found(f"{task.state} {task.reason}".strip())
        ids = [one["order_id"] for one in there]
        if len(there) > 1:
            found.faults.append(f"duplicate: {ids}")
        if task.state == "COMPLETED" and task.order_id not in ids:
            found.faults.append("phantom: the exchange does not have it")
        if task.state in {"DEAD_LETTER", "FAILED"} and ids:
            found.faults.append(f"lost: {task.state}, and the exchange has {ids}")
        if task.state in {"PENDING", "RUNNING", "UNKNOWN"}:
            found.faults.append(f"stuck: {task.state} {task.phase} {task.message}")
        return found

    def explained(self):
        """Tell whether the events alone give the row."""
        task = OrderTask.objects.get(account=self.account, key=self.job["key"])
        events = list(TaskEvent.objects.filter(task_id=task.pk))
        row = json.loads(json.dumps(standing_of(task), cls=DjangoJSONEncoder))
        told = store.replay(events)
        assert [one.version for one in events] == list(range(1, task.version + 1))
        # How often the book was read in vain while the broker was away is no step.
        assert {name: told[name] for name in row if name != "read_at"} == {
            name: value for name, value in row.items() if name != "read_at"
        }


def is_stopped(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state in "TZ"


@pytest.fixture
def trials(exchange, asha, settings):
    settings.FIELD_ENCRYPTION_KEY = settings.FIELD_ENCRYPTION_KEY[:1]
    exchange.control("POST", "prices", {"NSE:INFY": "1500"})
    made: Queue[Trial] = Queue()
    list_shares()
    everyone = [Trial(exchange, asha) for _ in range(AT_ONCE)]
    for one in everyone:
        made.put(one)
    yield made
    for one in everyone:
        one.close()


def in_parallel(trials, run, jobs):
    """Give every job a free trial; what comes back is in the order of the jobs."""

    def one(job):
        trial = trials.get()
        try:
            return run(trial, *job)
        finally:
            trials.put(trial)
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, jobs))


def test_whoever_dies_whenever_nothing_is_sent_twice_or_lost(trials):
    seed = int(os.environ.get("SEED", random.randrange(10**9)))
    chance = random.Random(seed)
    pairs = [(point, behaviour) for point in POINTS for behaviour in BEHAVIOURS] * EACH
    pairs += chance.choices(pairs, k=EXTRA)
    jobs = [(*pair, chance.random() < 0.3, chance.random() < 0.5) for pair in pairs]

    def run(trial, point, behaviour, with_hint, is_far):
        found = trial.run(point, behaviour, with_hint=with_hint, is_far=is_far)
        trial.explained()
        return found

    results = in_parallel(trials, run, jobs)

    wrong = [
        (job, found.end, found.faults)
        for job, found in zip(jobs, results, strict=True)
        if found.faults
    ]
    ends = Counter(found.end for found in results)
    sys.stdout.write(f"seed {seed}: {len(jobs)} runs, {ends}\n")
    assert not wrong, f"seed {seed}: {wrong}"
    assert set(ends) <= {
        "COMPLETED", "COMPLETED late", "FAILED not sent", "DEAD_LETTER absent", "DEAD_LETTER poison",
    }  # fmt: skip
    # Certainty has its price where nobody can know: after C7, C8 and C16. Everywhere else the order
    # arrives, but for a few that a busy machine lets time out before the exchange has read them.
    missed = [
        (point, behaviour, found.end)
        for (point, behaviour, *_), found in zip(jobs, results, strict=True)
        if behaviour in REGISTERED and point not in {"C7", "C8", "C16"} and found.end != "COMPLETED"
    ]
    assert len(missed) <= len(jobs) // 10, f"seed {seed}: {missed}"


def test_the_same_harness_finds_the_faults_of_a_naive_engine(trials):
    jobs = [(point, behaviour) for point in ("C7", "C10", None) for behaviour in BEHAVIOURS]

    results = in_parallel(trials, Trial.naive, jobs)

    faults = Counter(fault.split(":")[0] for found in results for fault in found.faults)
    assert faults["duplicate"] >= 3, faults
