"""Whatever happens to the real engine in whatever order: nothing is sent twice, lost or unexplained.

In CI a few dozen histories; TRADEDESK_LONG=1 draws two thousand of fifty steps each.
"""

import os
import sys
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from accounts.brokers.words import Outcome
from orders.engine import core, store
from orders.engine.sending import Sender
from tests.engine.desk import list_shares
from tests.engine.machine import TIMING, WARP, Engine, run_sql

pytestmark = pytest.mark.django_db(transaction=True)
LONG = bool(os.environ.get("TRADEDESK_LONG"))
EXAMPLES, STEPS = (2_000, 50) if LONG else (20, 20)
QUIET = list(HealthCheck)


class Hopeful(Sender):
    """Tries again whatever nobody can tell, as one writes it first."""

    def step_for(self, task, outcome, sent, failure):
        if outcome == Outcome.UNKNOWN:
            pause = TIMING.pause(task.attempts, 0.5)
            return core.not_sent(task, store.now(), pause, "again", may_retry=True)
        return super().step_for(task, outcome, sent, failure)


class Trusting(Sender):
    """Takes silence for a yes."""

    def step_for(self, task, outcome, sent, failure):
        if outcome == Outcome.UNKNOWN:
            return core.accepted(task, ["somewhere"])
        return super().step_for(task, outcome, sent, failure)


@pytest.fixture
def machine(exchange, asha):
    exchange.control("POST", "prices", {"NSE:INFY": "1500"})
    list_shares()
    run_sql(WARP)
    own = {"exchange": exchange, "owner": asha, "seen": Counter(), "broken": []}
    yield type("Drawn", (Engine,), own)
    run_sql("DROP SCHEMA warp CASCADE")


def drawn(examples, steps, **more):
    return settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
        suppress_health_check=QUIET, **more,
    )  # fmt: skip


def test_no_history_that_can_be_drawn_breaks_a_promise(machine):
    run_state_machine_as_test(machine, settings=drawn(EXAMPLES, STEPS))

    sys.stdout.write(f"{dict(machine.seen)}\n")
    assert machine.seen["COMPLETED"]
    assert any(name.startswith("died") for name in machine.seen)


@pytest.mark.parametrize(
    ("broken", "found"),
    [(Hopeful, {"was repeated after", "times at the exchange"}), (Trusting, {"is a phantom"})],
)
def test_the_same_machine_finds_a_broken_engine_out(machine, broken, found):
    machine.sender_class = broken
    looking = drawn(300, 20, phases=[Phase.generate], report_multiple_bugs=False)

    # Real servers never run twice alike, so hypothesis may call what it found flaky.
    with pytest.raises((AssertionError, Flaky)):
        run_state_machine_as_test(machine, settings=looking)

    assert any(one in broken for broken in machine.broken for one in found), machine.broken


def test_the_machine_runs_on_the_products_own_times():
    assert replace(TIMING, deadline=core.Timing().deadline) == core.Timing()
