"""The one way to a broker: its limits and its breaker hold for every process."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as desk
from django.db import connection
from django.utils import timezone

from accounts import breaker, lines, linking, logins, ways_in
from accounts.brokerage import BrokerAccount, State
from accounts.brokers import patience
from accounts.brokers.errors import AuthExpired, BrokerUnavailable
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401

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
    for _ in range(times):
        # Nobody here waits for the second and third try of a read.
        with patience.within(0.3), pytest.raises(BrokerUnavailable):
            ask(account)


def work_in_four_processes(account, running, seconds, *options):
    """Let four processes use the same account; tell what each of them met."""
    facts = connection.settings_dict
    url = f"postgres://{facts['USER']}@/{facts['NAME']}?host={facts['HOST']}&port={facts['PORT']}"
    environment = os.environ | {
        "DATABASE_URL": url,
        "REDIS_URL": desk.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "tradedesk.settings",
    }
    command = [sys.executable, "-c", WORKER, str(account.pk), running.url, *options]
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
    assert [worker.stdout and worker.stdout.readline() for worker in workers] == ["ready\n"] * 4
    for worker in workers:
        assert worker.stdin
        worker.stdin.write(f"{seconds}\n")
        worker.stdin.flush()
    return [json.loads(worker.communicate(timeout=90)[0]) for worker in workers]


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

    assert all(isinstance(one, float) for one in answered), answered
    by_second = Counter(int(one) for one in answered)
    # The allowance is counted when a call leaves: an answer may be late by a moment.
    assert max(by_second.values()) <= 9 + 1
    assert len(answered) > 9  # and the allowance of more than one second is used

    faults(exchange, DROP)
    met = work_in_four_processes(account, exchange, 30, "--once")
    assert [len(some) for some in met] == [1] * 4
    assert breaker.allows_entry(account)
    assert breaker.Breaker.objects.get().failures == 4
    fail(account)
    assert not breaker.allows_entry(account)
