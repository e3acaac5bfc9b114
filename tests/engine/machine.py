"""The real engine under rules that hypothesis draws: it acts, dies, meets faults, and is checked.

It runs in this process against Postgres and the paper exchange, with the product's own times: the
database's clock is put forward where time has to pass. A process dies by `points.hook`, which stops
it where it stands; what it had not committed is gone. What is true is the exchange's own ledger.
What may be drawn next depends on what was drawn before, never on what came of it: two runs of real
servers are not alike.
"""

import json
import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from accounts import breaker, linking
from accounts.brokers.errors import BrokerError
from accounts.brokers.types import OrderChange
from accounts.brokers.words import Outcome, Side
from orders import book
from orders.engine import asking, operator, points, store, sweep, switch
from orders.engine.accept import NotAccepted, standing_of
from orders.engine.core import State, Timing
from orders.engine.models import KillSwitch, Kind, OrderAttempt, OrderTask, TaskEvent
from orders.engine.sending import Sender
from orders.ledger import Order
from tests.engine.desk import asked, at_exchange, limit, market

DEADLINE = 0.25
SLOW = round(DEADLINE * 1000 * 1.6)
TIMING = replace(Timing(), deadline=DEADLINE)
POINTS = ["C1", "C2", "C4", "C5", "C6", "C7", "C10", "C11", "C12", "C13", "C14", "C15"]
BEFORE = {"drop_before_acceptance", "status_503_before_acceptance", "rate_limit"}
FAULTS = [
    {"effect": "delay_after_acceptance", "ms": SLOW}, {"effect": "drop_after_acceptance"},
    {"effect": "status_504_after_acceptance", "body": "html"}, {"effect": "half_answer"},
    *({"effect": effect} for effect in sorted(BEFORE)),
]  # fmt: skip
ROUTES = ["order.place", "order.cancel", "order.modify", "orders"]
NEXT = {
    "": {"PENDING"},
    "PENDING": {"PENDING", "RUNNING", "FAILED", "COMPLETED"},  # an earlier attempt turned up
    "RUNNING": {"RUNNING", "PENDING", "COMPLETED", "FAILED", "UNKNOWN", "DEAD_LETTER"},
    "UNKNOWN": {"UNKNOWN", "COMPLETED", "FAILED", "DEAD_LETTER"},
    "DEAD_LETTER": {"PENDING", "COMPLETED", "FAILED"},
    "FAILED": {"PENDING", "COMPLETED", "FAILED"},  # a person, or found late
    "COMPLETED": set(),
}
WARP = """
    CREATE SCHEMA IF NOT EXISTS warp;
    CREATE TABLE IF NOT EXISTS warp.ahead (seconds double precision NOT NULL);
    INSERT INTO warp.ahead SELECT 0 WHERE NOT EXISTS (SELECT FROM warp.ahead);
    CREATE OR REPLACE FUNCTION warp.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql AS
        'SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM warp.ahead';
"""


class Died(BaseException):
    """The process ended here."""


def run_sql(text, *values):
    with connection.cursor() as cursor:
        cursor.execute(text, values)


class Engine(RuleBasedStateMachine):
    """One account and one desk; who owns them is set by the test."""

    exchange: Any
    owner: Any
    sender_class = Sender
    seen: Counter[str] = Counter()
    broken: list[str] = []

    def __init__(self) -> None:
        super().__init__()
        points.hook = None
        self.exchange.control("DELETE", "faults")
        self.account = linking.link_paper(owner=self.owner)
        self.sender = self.sender_class(timing=TIMING)
        self.number = 0
        self.resent: set[int] = set()
        self.is_pressed = False
        self.ledger: list[dict[str, Any]] = []
        self.stopped_with: set[str] | None = None  # the entries that stood when it was pressed
        self.furthest: dict[str, tuple[bool, int]] = {}
        run_sql("SET search_path = warp, pg_catalog, public")

    # What people do ------------------------------------------------------------------------------

    @rule(at_market=st.integers(0, 3), repeat=st.booleans())
    def give(self, at_market, repeat):
        self.number += 1
        price = f"{1440 + self.number / 10:.2f}"
        order = market(quantity=self.number) if at_market == 0 else limit(price)
        wish = asked(self.account, key=uuid.uuid4().hex)
        self.attempt(lambda: asking.place(wish, order))
        if repeat:  # the browser asks again, whatever became of it
            self.attempt(lambda: asking.place(wish, order))

    @rule(fault=st.none() | st.sampled_from(FAULTS), at_market=st.integers(0, 3))
    def trade(self, fault, at_market):
        """Give an order while the engine is at work."""
        if fault:
            self.break_next(fault, "order.place")
        self.give(at_market=at_market, repeat=False)
        self.send(times=1)

    @precondition(lambda self: self.number)
    @rule(which=st.integers(0, 9), what=st.sampled_from(["cancel", "modify"]))
    def change(self, which, what):
        working = list(Order.objects.filter(account=self.account).working().order_by("pk"))
        if not working:
            return
        order = working[which % len(working)]
        self.number += 1
        change = OrderChange(order_id=order.order_id, quantity=self.number + 1)
        if what == "cancel":
            self.attempt(lambda: asking.cancel(asked(self.account), order))
        else:
            self.attempt(lambda: asking.modify(asked(self.account), change, order))

    @precondition(lambda self: self.number)
    @rule()
    def exit(self):
        filled = Order.objects.filter(account=self.account, filled_quantity__gt=0, side="BUY")
        if one := filled.first():
            order = market(quantity=one.filled_quantity, side=Side.SELL)
            self.attempt(lambda: asking.close_position(asked(self.account), order))

    @rule(level=st.sampled_from(["L1", "L2", "L3"]))
    def press(self, level):
        account = self.account if level == "L1" else None
        switch.press(level, why="a trial", who="a test", account=account)
        self.is_pressed = True

    @rule()
    def release(self):
        switch.release(KillSwitch.objects.all(), who="a test")
        breaker.record_life(self.account)
        self.is_pressed = False

    @precondition(lambda self: self.number)
    @rule(which=st.integers(0, 9), what=st.sampled_from(["resend", "abandon", "refresh"]))
    def decide(self, which, what):
        letters = list(OrderTask.objects.filter(account=self.account).dead_letters().order_by("pk"))
        if not letters:
            return
        task = letters[which % len(letters)]
        if what == "resend":
            self.resent.add(task.pk)
            self.attempt(lambda: operator.resend(task, who="a test", why="a trial"))
        elif what == "abandon":
            self.attempt(lambda: operator.abandon(task, who="a test", why="a trial"))
        else:
            self.attempt(lambda: operator.refresh(task))

    # What the engine does ------------------------------------------------------------------------

    @rule(times=st.integers(1, 3))
    def send(self, times):
        self.attempt(lambda: [self.sender.step(self.account.pk) for _ in range(times)])

    @rule()
    def sweep(self):
        self.attempt(lambda: sweep.sweep(self.account.pk, TIMING))

    @rule()
    def sync(self):
        from accounts.lines import line_to

        def read():
            with line_to(self.account) as broker:
                book.absorb(self.account, broker.orders(), heard_from="sync", at=store.now())

        self.attempt(read)

    # What goes wrong -----------------------------------------------------------------------------

    @rule(point=st.sampled_from(POINTS))
    def die(self, point):
        """End the process that next comes to this point; an order is on its way there."""

        def hook(name):
            if name == point:
                points.hook = None
                raise Died(point)

        points.hook = hook
        self.give(at_market=1, repeat=True)
        self.send(times=1)

    @rule(fault=st.sampled_from(FAULTS), route=st.sampled_from([*ROUTES, "order.place"]))
    def fault(self, fault, route):
        self.break_next(fault, route)

    def break_next(self, fault, route):
        ours = {"route": route, "count": 1, "user_id": self.account.broker_user_id}
        self.exchange.control("POST", "faults", {"rules": [fault | ours]})

    @precondition(lambda self: self.number)
    @rule(seconds=st.sampled_from([0.3, 1, 5, 16, 61]))
    def wait(self, seconds):
        run_sql("UPDATE warp.ahead SET seconds = seconds + %s", seconds)

    def attempt(self, act):
        """Do something as a process of its own would: it may be refused, fail or die."""
        try:
            act()
        except (NotAccepted, BrokerError) as error:
            self.seen[type(error).__name__] += 1
        except Died as death:
            self.seen[f"died at {death}"] += 1

    # What holds ----------------------------------------------------------------------------------

    def must(self, holds, broken):
        """Remember what did not hold: hypothesis may only say that it was flaky."""
        if not holds:
            self.broken.append(broken)
            raise AssertionError(broken)

    @invariant()
    def nothing_stands_twice(self):
        """I1, I3, I4: what the exchange has is what the tasks say."""
        self.ledger = at_exchange(self.exchange, self.account)
        self.is_pressed = switch.active(store.now()).exists()
        tags = Counter(one["tag"] for one in self.ledger)
        mine = OrderAttempt.objects.filter(task__account=self.account).select_related("task")
        by_task: dict[int, list[OrderAttempt]] = {}
        for attempt in mine.order_by("task", "number"):
            by_task.setdefault(attempt.task_id, []).append(attempt)
        for attempts in by_task.values():
            task = attempts[0].task
            if task.kind != Kind.PLACE:
                continue
            stands = sum(tags[attempt.tag] for attempt in attempts)
            self.must(stands <= 1, f"{task.code} stands {stands} times at the exchange")
            if task.state == State.COMPLETED:
                self.must(stands == 1, f"{task.code} is a phantom")
            for earlier in attempts[:-1]:
                proven = earlier.outcome == Outcome.NOT_SENT or task.pk in self.resent
                why = earlier.outcome or "a death"
                self.must(proven, f"{task.code} was repeated after {why}")
                self.must(not tags[earlier.tag], f"{task.code} was repeated and had arrived")

    @invariant()
    def nothing_leaves_when_it_must_not(self):
        """I5: no entry after the switch, nothing after its time."""
        entries = self.entries()
        if self.stopped_with is not None:
            assert entries <= self.stopped_with, (
                f"sent while stopped: {entries - self.stopped_with}"
            )
        self.stopped_with = entries if self.is_pressed else None
        late = OrderAttempt.objects.filter(
            task__account=self.account, task__expires_at__lt=store.now()
        )
        for attempt in late.select_related("task"):
            assert attempt.began_at < attempt.task.expires_at, f"{attempt.task.code} left too late"

    @invariant()
    def orders_never_go_back(self):
        """I6."""
        for order in Order.objects.filter(account=self.account):
            now = (not order.is_working, order.filled_quantity)
            before = self.furthest.get(order.order_id, (False, 0))
            assert now[0] >= before[0], f"{order} works again"
            assert now[1] >= before[1], f"{order} lost a fill"
            self.furthest[order.order_id] = now

    @invariant()
    def events_explain_everything(self):
        """I7: one event for a step, only steps that exist, and together they give the row."""
        steps: dict[int, list[TaskEvent]] = {}
        for event in TaskEvent.objects.filter(account_id=self.account.pk).order_by("version"):
            steps.setdefault(event.task_id, []).append(event)
        for task in OrderTask.objects.filter(account=self.account):
            events = steps.get(task.pk, [])
            assert [one.version for one in events] == list(range(1, task.version + 1)), task.code
            row = json.loads(json.dumps(standing_of(task), cls=DjangoJSONEncoder))
            told = store.replay(events)
            wrong = {name for name in row if name != "read_at" and told[name] != row[name]}
            assert not wrong, f"{task.code}: the events do not give {wrong}"
            state = ""
            for event in events:
                after = event.changes.get("state", state)
                assert after == state or after in NEXT[state], f"{task.code}: {state} to {after}"
                state = after

    def entries(self):
        exits = OrderAttempt.objects.filter(task__account=self.account, task__is_exit=True)
        return {one["tag"] for one in self.ledger} - set(exits.values_list("tag", flat=True))

    # The end -------------------------------------------------------------------------------------

    def teardown(self):
        """I2: when nothing goes wrong any more, every task comes to an end that is true."""
        try:
            self.settle()
        finally:
            points.hook = None
            self.exchange.control("DELETE", "faults")
            switch.release(KillSwitch.objects.all(), who="a test")
            run_sql("UPDATE warp.ahead SET seconds = 0")
            run_sql("RESET search_path")

    def settle(self):
        points.hook = None
        self.exchange.control("DELETE", "faults")
        self.release()
        mine = OrderTask.objects.filter(account=self.account)
        for _ in range(40):
            if not mine.working().exists():
                break
            while self.sender.step(self.account.pk).did_something:
                pass
            sweep.sweep(self.account.pk, TIMING)
            run_sql("UPDATE warp.ahead SET seconds = seconds + 16")
        self.attempt(self.sync)
        stuck = [str(one) for one in mine.working()]
        assert not stuck, f"stuck: {stuck}"
        tags = {one["tag"] for one in at_exchange(self.exchange, self.account)}
        self.nothing_stands_twice()
        for task in mine.filter(kind=Kind.PLACE):
            self.seen[f"{task.state} {task.reason}".strip()] += 1
            stands = bool(tags & set(store.tags_of(task)))
            assert stands == (task.state == State.COMPLETED), f"{task} is lost: {stands}"
        self.orders_never_go_back()
        self.events_explain_everything()
