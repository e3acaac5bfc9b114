"""The limiter: several real processes, one real Redis, and what happens when it goes away."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
import redis
from django.conf import settings

from accounts.brokers.capabilities import Rule
from accounts.brokers.errors import RateLimited
from accounts.brokers.kite.offers import limits
from accounts.brokers.limits import Limiter, as_sync, connect
from accounts.brokers.patience import within
from accounts.brokers.types import CallClass
from tests.patience import PATIENT, until
from tradedesk.desk.redis_server import program

ENTRY, EXIT, READ = CallClass.ENTRY, CallClass.EXIT, CallClass.READ
PROCESSES = 4
WORKER = """
import json, sys, time
from accounts.brokers.kite.offers import limits
from accounts.brokers.limits import Limiter, connect
from accounts.brokers.types import CallClass

url, call_class, ends = sys.argv[1], CallClass(sys.argv[2]), float(sys.argv[3])
client = connect(url)
limiter = Limiter(client, limits(pace=int(sys.argv[4])))
left = []
while time.time() < ends:
    permit = limiter.wait("A", call_class, timeout=max(0, ends - time.time()))
    if permit.is_granted:
        left.append(time.time())
print(json.dumps(left))
"""


@pytest.fixture
def client():
    with connect(settings.REDIS_URL) as connection:
        yield connection


@pytest.fixture
def limiter(client):
    return Limiter(client, limits())


def compete(url, seconds, classes, pace=7):
    """Let one process for each class take whatever it can; tell when calls left."""
    ends = time.time() + seconds
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, url, call_class, str(ends), str(pace)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for call_class in classes
    ]
    return [json.loads(worker.communicate(timeout=seconds + 30)[0]) for worker in workers]


def busiest(moments, length=1.0):
    """Count the most moments in any stretch of this length."""
    moments = sorted(moments)
    return max(
        (sum(begin <= one < begin + length for one in moments) for begin in moments), default=0
    )


def logged(client, log="orders", account="A"):
    """Tell when calls left by Redis's own clock, to the microsecond."""
    rows = client.zrange(f"calls:{{{account}}}:log:{log}", 0, -1, withscores=True)
    return [score / 1e6 for _, score in rows]


# In one second ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pace", [7, 4])
def test_four_processes_never_send_more_than_the_pace_in_any_second(client, pace):
    per_process = compete(settings.REDIS_URL, 5, [ENTRY] * PROCESSES, pace)

    left = [moment for moments in per_process for moment in moments]
    by_calendar = Counter(int(moment) for moment in left)
    assert max(by_calendar.values()) <= pace
    assert busiest(left) <= pace
    assert busiest(logged(client)) <= pace
    assert len(left) > pace  # and the allowance of more than one second is used
    assert all(per_process)  # by all of them


def test_cancels_keep_their_own_slots_beside_a_flood_of_entries(client):
    *entries, cancels = compete(settings.REDIS_URL, 5, [ENTRY, ENTRY, ENTRY, EXIT])

    left = cancels + [moment for moments in entries for moment in moments]
    assert busiest(left) <= 9
    assert busiest(logged(client)) <= 9
    assert len(cancels) >= 6


def test_entries_leave_two_slots_free(client):
    limiter = Limiter(client, slow(limits()))
    entries = [limiter.wait("A", ENTRY, timeout=3).is_granted for _ in range(7)]

    assert entries == [True] * 7
    assert not limiter.ask("A", ENTRY).is_granted
    assert [limiter.ask("A", EXIT).is_granted for _ in range(3)] == [True, True, False]


def slow(rules):
    """Stretch every second, so that a slow machine does not pass into the next."""
    return {
        call_class: tuple(replace(rule, seconds=rule.seconds * 5) for rule in some)
        for call_class, some in rules.items()
    }


def test_a_call_counts_from_when_it_came_not_from_when_it_was_allowed(client):
    """The first of a full second comes late: no eighth comes within a second of it."""
    limiter = Limiter(client, {CallClass.ENTRY: (Rule(log="all", seconds=0.6, most=2),)})
    first = limiter.ask("a", CallClass.ENTRY)
    time.sleep(0.3)
    limiter.arrived("a", CallClass.ENTRY, first)
    second = limiter.ask("a", CallClass.ENTRY)
    limiter.arrived("a", CallClass.ENTRY, second)

    third = limiter.ask("a", CallClass.ENTRY)
    assert (first.is_granted, second.is_granted, third.is_granted) == (True, True, False)
    assert 0.5 < third.wait <= 0.6
    limiter.arrived("a", CallClass.ENTRY, third)  # what was never allowed is not counted
    assert client.zcard("calls:{a}:log:all") == 2


def test_accounts_do_not_share(limiter):
    while limiter.ask("A", EXIT).is_granted:
        pass

    assert limiter.ask("B", EXIT).is_granted


def test_a_refusal_tells_how_long_to_wait(limiter):
    assert limiter.ask("A", CallClass.QUOTE).is_granted
    refused = limiter.ask("A", CallClass.QUOTE)

    assert not refused.is_granted
    assert 0.9 < refused.wait <= 1.1
    time.sleep(refused.wait)
    assert limiter.ask("A", CallClass.QUOTE).is_granted


def test_a_permit_is_for_now(limiter):
    permit = limiter.ask("A", ENTRY)
    assert permit.is_fresh

    time.sleep(0.12)

    assert not permit.is_fresh


# In a minute and a day ----------------------------------------------------------------------------


def short_rules(**most):
    return {
        ENTRY: tuple(
            Rule(log="orders", seconds=seconds, most=count) for seconds, count in most["rules"]
        )
    }


def test_the_minute_has_its_own_cap(client):
    limiter = Limiter(client, short_rules(rules=[(0.01, 5), (60, 20)]))
    granted = sum(limiter.wait("A", ENTRY, timeout=2).is_granted for _ in range(21))

    refused = limiter.ask("A", ENTRY)

    assert granted == 20
    assert 50 < refused.wait <= 60


def test_the_day_has_its_own_cap_and_ends_at_midnight_in_india(client):
    limiter = Limiter(client, short_rules(rules=[(0, 3)]))
    granted = [limiter.ask("A", ENTRY).is_granted for _ in range(4)]

    seconds_left = 86_400 - (time.time() + 19_800) % 86_400

    assert granted == [True, True, True, False]
    assert limiter.ask("A", ENTRY).wait == pytest.approx(seconds_left, abs=2)


# Reads --------------------------------------------------------------------------------------------


def test_the_sync_has_a_share_of_three_reads_a_second(client):
    limiter = Limiter(client, slow(limits()))
    assert [limiter.ask("A", CallClass.SYNC).is_granted for _ in range(4)] == [True] * 3 + [False]
    assert [limiter.ask("A", READ).is_granted for _ in range(7)] == [True] * 6 + [False]


def test_the_gate_of_an_adapter_takes_from_the_share_it_runs_in(limiter):
    gate = limiter.gate("A", timeout=0.05)
    with as_sync():
        for _ in range(3):
            gate(READ)
        with pytest.raises(RateLimited) as caught:
            gate(READ)
    gate(READ)
    gate(CallClass.HISTORICAL)

    assert caught.value.retry_after >= 1


def test_who_is_watched_waits_no_longer_at_the_gate(client):
    gate = Limiter(client, {READ: (Rule(log="reads", seconds=60, most=1),)}).gate("A", timeout=30)
    gate(READ)
    began = time.monotonic()

    with within(0.2), pytest.raises(RateLimited):
        gate(READ)

    assert time.monotonic() - began < 10


# The queue ----------------------------------------------------------------------------------------


def test_first_come_first_served_and_everyone_knows_their_place(client):
    limiter = Limiter(client, {ENTRY: (Rule(log="orders", seconds=1.0, most=1),)})
    assert limiter.ask("A", ENTRY).is_granted
    served: list = []
    places: dict = {}

    def wait(number):
        seen = places[number] = []
        assert limiter.wait("A", ENTRY, timeout=PATIENT, on_place=seen.append).is_granted
        served.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(4)]
    for number, thread in enumerate(threads):
        thread.start()
        until(partial(places.get, number))
    for thread in threads:
        thread.join()

    assert served == [0, 1, 2, 3]
    assert [seen[0] for seen in places.values()] == [1, 2, 3, 4]
    assert places[3] == sorted(places[3], reverse=True)


def test_nobody_waits_for_one_who_has_gone(client):
    limiter = Limiter(client, {ENTRY: (Rule(log="orders", seconds=0.2, most=1),)})
    limiter.ask("A", ENTRY)
    limiter.ask("A", ENTRY, waiter="killed")  # takes a place and never asks again

    assert not limiter.wait("A", ENTRY, timeout=0.05).is_granted  # gives up, and leaves the queue
    assert limiter.wait("A", ENTRY, timeout=PATIENT).is_granted


# Without Redis ------------------------------------------------------------------------------------


class OwnRedis:
    """A Redis that a test may kill."""

    def __init__(self, folder):
        self.folder, self.socket = folder, folder / "r.sock"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [
                program(),
                "--port",
                "0",
                "--unixsocket",
                self.socket,
                "--save",
                "",
                "--dir",
                self.folder,
            ],
            stdout=subprocess.DEVNULL,
        )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def client(self):
        return connect(f"unix://{self.socket}")

    def wait(self):
        with self.client() as client:
            for _ in range(500):
                try:
                    return client.ping()
                except redis.RedisError:
                    time.sleep(0.01)
        raise AssertionError("no Redis")


@pytest.fixture
def own_redis(tmp_path_factory):
    server = OwnRedis(tmp_path_factory.mktemp("r"))
    server.wait()
    yield server
    server.kill()


def test_without_redis_entries_wait_and_the_rest_goes_slowly(own_redis):
    client = own_redis.client()
    limiter = Limiter(client, limits())
    own_redis.kill()

    entry = limiter.ask("A", ENTRY)
    began = time.monotonic()
    cancels = [limiter.wait("A", EXIT, timeout=PATIENT) for _ in range(3)]
    seconds = time.monotonic() - began

    assert not entry.is_granted
    assert entry.is_limiter_away
    assert not limiter.wait("A", ENTRY, timeout=0.3).is_granted
    assert all(permit.is_granted and permit.is_limiter_away for permit in cancels)
    assert seconds > 2.5
    assert limiter.wait("A", READ, timeout=PATIENT).is_granted
    client.close()


def test_after_a_restart_without_memory_no_second_holds_too_many(own_redis):
    client = own_redis.client()
    limiter = Limiter(client, limits())
    left = []
    for _ in range(7):
        assert limiter.wait("A", ENTRY, timeout=5).is_granted
        left.append(time.time())

    own_redis.kill()
    own_redis.start()
    own_redis.wait()
    new_process = Limiter(client, limits())  # knows nothing of what was sent before
    while len(left) < 14:
        assert new_process.wait("A", ENTRY, timeout=6).is_granted
        left.append(time.time())

    assert max(Counter(int(moment) for moment in left).values()) <= 7
    assert busiest(left) <= 7
    client.close()


def test_cancels_pass_while_a_restarted_redis_is_young(own_redis):
    client = own_redis.client()
    own_redis.kill()
    own_redis.start()
    own_redis.wait()
    limiter = Limiter(client, limits())

    assert not limiter.ask("A", ENTRY).is_granted
    assert [limiter.ask("A", EXIT).is_granted for _ in range(3)] == [True, True, False]
    client.close()
