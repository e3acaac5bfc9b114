"""The one way to a broker: its limits and its breaker hold for every process."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as desk
from django.db import connection
from django.utils import timezone

from accounts import breaker, lines, linking, logins, ways_in
from accounts.brokerage import BrokerAccount, State
from accounts.brokers import patience
from accounts.brokers.errors import AuthExpired, BrokerUnavailable, RateLimited
from accounts.brokers.limits import connect
from accounts.brokers.words import CallClass
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.brokers.test_limits import busiest, logged, own_redis  # noqa: F401

pytestmark = pytest.mark.django_db
DROP = {"effect": "drop_before_acceptance"}
WORKER = """
import json, sys, time
import django
django.setup()
from django.conf import settings
from accounts import lines, ways_in
from accounts.brokers.errors import BrokerError
from accounts.brokerage import BrokerAccount
settings.PAPER_URL = sys.argv[2]
account = ways_in.fresh(BrokerAccount(pk=int(sys.argv[1])))
print("ready", flush=True)
ends = time.time() + float(sys.stdin.readline())
answered = []
while time.time() < ends:
    try:
        with lines.line_to(account) as broker:
            broker.profile()
        answered.append(time.time())
    except BrokerError as error:
        answered.append(str(error))
        if "--once" in sys.argv:
            break
print(json.dumps(answered))
"""

ENTRIES = """
import json, sys, time
import django
django.setup()
from accounts import lines
from accounts.brokers.words import CallClass
limiter = lines.limiter("kite")
print("ready", flush=True)
ends = time.time() + float(sys.stdin.readline())
left = []
while time.time() < ends:
    if limiter.wait(sys.argv[1], CallClass.ENTRY, timeout=max(0, ends - time.time())).is_granted:
        left.append(time.time())
print(json.dumps(left))
"""
PROBE = """
import json, sys
import django
django.setup()
from django.conf import settings
from accounts import breaker, lines, ways_in
from accounts.brokerage import BrokerAccount
settings.PAPER_URL = sys.argv[2]
account = ways_in.fresh(BrokerAccount(pk=int(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
before = breaker.allows_entry(account)
is_mine = breaker.take_probe(account)
print("taken" if is_mine else "not mine", flush=True)
sys.stdin.readline()
if is_mine:
    with lines.line_to(account) as broker:
        broker.profile()
print("done", flush=True)
sys.stdin.readline()
print(json.dumps([before, breaker.allows_entry(account)]))
"""


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


def faults(running, *rules):
    running.control("DELETE", "faults")
    if rules:
        running.control("POST", "faults", {"rules": list(rules)})


def ask(account):
    with lines.line_to(account) as broker:
        return broker.profile()


def fail(account, times=1):
    """Meet a broken line so often."""
    for _ in range(times):
        with pytest.raises(BrokerUnavailable):
            ask_in_turn(account)


def ask_in_turn(account):
    """Ask with little patience; what waits for our own limiter is not lost."""
    while True:
        # Nobody here waits for the second and third try of a read.
        with patience.within(0.3), suppress(RateLimited):
            return ask(account)


def four_processes(script, *arguments, **variables):
    """Start four processes that share this test's servers; each says when it is ready."""
    facts = connection.settings_dict
    url = f"postgres://{facts['USER']}@/{facts['NAME']}?host={facts['HOST']}&port={facts['PORT']}"
    environment = os.environ | {
        "DATABASE_URL": url,
        "REDIS_URL": desk.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "tradedesk.settings",
        **variables,
    }
    command = [sys.executable, "-c", script, *map(str, arguments)]
    workers = [
        subprocess.Popen(
            command,
            env=environment,
            cwd=desk.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    assert heard(workers) == ["ready"] * 4
    return workers


def heard(workers):
    """Take the next line of each."""
    return [worker.stdout.readline().strip() for worker in workers]


def tell(workers, line):
    for worker in workers:
        worker.stdin.write(f"{line}\n")
        worker.stdin.flush()


def ended(workers):
    """Wait for all of them and give their last words, read as JSON."""
    return [json.loads(worker.communicate(timeout=90)[0]) for worker in workers]


def work_in_four_processes(account, running, seconds, *options):
    """Let four processes use the same account; tell what each of them met."""
    workers = four_processes(WORKER, account.pk, running.url, *options)
    tell(workers, seconds)
    return ended(workers)


def test_the_breaker_opens_after_exactly_five_failures_of_the_line_in_a_row(account, exchange):  # noqa: F811
    faults(exchange, DROP)
    fail(account, 4)
    assert breaker.allows_entry(account)
    faults(exchange)
    ask(account)  # an answer: the row is broken
    faults(exchange, DROP)
    fail(account, 4)
    assert breaker.allows_entry(account)

    fail(account)

    assert not breaker.allows_entry(account)
    faults(exchange)
    ask(account)  # reads always pass, and prove that the line is back
    assert breaker.allows_entry(account)


def test_refusals_do_not_open_it(account, exchange):  # noqa: F811
    faults(exchange, {"effect": "status_400_before_acceptance", "error_type": "InputException"})

    for _ in range(8):
        with pytest.raises(Exception, match=r"refused|understand"):
            ask(account)

    assert breaker.allows_entry(account)
    assert breaker.Breaker.objects.filter(failures__gt=0).count() == 0


def test_one_of_many_takes_the_probe(account):
    for _ in range(5):
        breaker.record_failure(account, "no answer")
    later = timezone.now() + breaker.FIRST_PAUSE + timedelta(seconds=1)

    assert not breaker.take_probe(account)
    assert [breaker.take_probe(account, at=later) for _ in range(3)] == [True, False, False]


def test_a_dead_session_is_over_whichever_call_meets_it(account, exchange):  # noqa: F811
    exchange.control("POST", "faults", {"rules": [{"effect": "expire_tokens"}]})

    with pytest.raises(AuthExpired), lines.line_to(account) as broker:
        broker.positions()

    assert logins.state_of(BrokerAccount.objects.get()) == State.NEEDS_LOGIN
    with pytest.raises(AuthExpired, match="log in again"):
        ask(BrokerAccount.objects.get())
    ways_in.by_counter(BrokerAccount.objects.get())
    assert ask(BrokerAccount.objects.get()).user_id == account.broker_user_id


def test_an_account_whose_hour_has_come_is_not_asked(account):
    with (
        time_machine.travel(account.session.expires_at + timedelta(seconds=1)),
        pytest.raises(AuthExpired),
    ):
        ask(account)


@pytest.mark.django_db(transaction=True)
def test_four_processes_keep_one_rate_and_one_breaker(account, exchange):  # noqa: F811
    answered = [one for some in work_in_four_processes(account, exchange, 5) for one in some]
    with connect(desk.REDIS_URL) as client:
        left = logged(client, "reads", account.pk)

    assert len(left) >= len(answered)  # nobody passed by the limiter
    assert busiest(left) <= 9
    assert all(isinstance(one, float) for one in answered), answered
    by_second = Counter(int(one) for one in answered)
    # The allowance is counted when a call leaves; a busy machine may bring an answer late.
    assert max(by_second.values()) <= 9 + 1
    assert len(answered) > 9  # and the allowance of more than one second is used

    faults(exchange, DROP)
    met = work_in_four_processes(account, exchange, 30, "--once")
    assert [len(some) for some in met] == [1] * 4
    assert breaker.allows_entry(account)
    assert breaker.Breaker.objects.get().failures == 4
    fail(account)
    assert not breaker.allows_entry(account)


@pytest.mark.django_db(transaction=True)
def test_the_pace_of_entries_is_the_setting_in_four_processes(account):
    workers = four_processes(ENTRIES, account.pk, MAX_ORDERS_PER_SECOND="4")
    tell(workers, 5)
    left = [one for some in ended(workers) for one in some]

    with connect(desk.REDIS_URL) as client:
        granted = logged(client, "orders", account.pk)
    assert max(Counter(map(int, granted)).values()) <= 4
    assert busiest(granted) <= 4
    assert 4 < len(left) <= len(granted)  # one that came too late to be used counts all the same


@pytest.mark.django_db(transaction=True)
def test_one_of_four_processes_probes_an_open_breaker_and_closes_it_for_all(account, exchange):  # noqa: F811
    for _ in range(breaker.FAILURES):
        breaker.record_failure(account, "no answer", at=timezone.now() - 2 * breaker.FIRST_PAUSE)
    workers = four_processes(PROBE, account.pk, exchange.url)

    tell(workers, "probe")
    assert sorted(heard(workers)) == ["not mine"] * 3 + ["taken"]
    tell(workers, "read")
    assert heard(workers) == ["done"] * 4
    tell(workers, "look")

    assert ended(workers) == [[False, True]] * 4


# Without Redis -------------------------------------------------------------------------------


@pytest.fixture
def limits_apart(own_redis, settings):  # noqa: F811
    """Let the lines count in a Redis that this test may kill."""
    settings.REDIS_URL = f"unix://{own_redis.socket}"
    lines.limiter.cache_clear()
    yield own_redis
    lines.limiter("kite").client.close()
    lines.limiter.cache_clear()


def test_a_restart_of_redis_stops_entries_slows_the_rest_and_is_over(limits_apart, account):
    name, limiter = str(account.pk), lines.limiter("kite")
    ask(account)
    assert limiter.wait(name, CallClass.ENTRY, timeout=5).is_granted

    limits_apart.kill()

    assert not limiter.wait(name, CallClass.ENTRY, timeout=0.5).is_granted
    assert limiter.wait(name, CallClass.EXIT, timeout=3).is_granted
    began = time.monotonic()
    for _ in range(3):
        ask(account)
    slowly = time.monotonic() - began
    assert slowly > 2
    assert not limiter.ask(name, CallClass.ENTRY).is_granted
    # Nobody at the broker is unwell.
    assert not breaker.Breaker.objects.filter(failures__gt=0).exists()
    stored = BrokerAccount.objects.get()
    assert stored.last_error == ""
    assert logins.state_of(stored) in {State.LIVE, State.EXPIRING}

    limits_apart.start()
    limits_apart.wait()
    assert limiter.wait(name, CallClass.ENTRY, timeout=6).is_granted
    began = time.monotonic()
    for _ in range(3):
        ask(account)
    assert time.monotonic() - began < slowly - 1
