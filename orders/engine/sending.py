"""Taking the next task of an account and sending it: claim, say so, send."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from accounts.access import why_no_trading, why_nothing_leaves
from accounts.brokerage import BrokerAccount
from accounts.brokerage import State as AccountState
from accounts.brokers import patience, registry
from accounts.brokers.errors import AuthExpired, BrokerError, RateLimited
from accounts.brokers.limits import Decision
from accounts.brokers.words import Outcome
from accounts.lines import line_to
from orders.engine import (
    adoption,
    answered,
    core,
    exits,
    measures,
    points,
    reconcile,
    store,
    switch,
)
from orders.engine.core import Reason, Timing
from orders.engine.lane import lock, next_task, permit_for, spend, turn_of, until_next
from orders.engine.models import OrderAttempt, OrderTask, Source
from orders.engine.operations import Sent, operation
from orders.engine.outlook import Outlook, outlook_of
from orders.engine.spelling import CAPPED
from orders.engine.sweep import expired_words
from orders.risk import checking, demand, triggers
from tradedesk import lives

logger = logging.getLogger(__name__)
HELD_FOR = 1.0  # seconds until what is held is looked at again
SENDER_BUSY = 0.05


@dataclass(frozen=True, slots=True)
class Next:
    """When to look at the account again: at once, after so many seconds, or when somebody says so."""

    after: float | None = None
    did_something: bool = False
    wants_book: bool = False  # an entry is next, and whoever asked has not seen the book yet


@dataclass(slots=True)
class Sender:
    """What a process needs to send; trials give it their own timing and chance."""

    timing: Timing = field(default_factory=Timing)
    chance: Callable[[], float] = random.random
    name: str = field(default_factory=lives.me)

    def __post_init__(self) -> None:
        registry.warm_up()

    def step(self, account_id: int, *, may_enter: bool = True) -> Next:
        """Do the next thing for this account, if its time has come."""
        found = next_task(account_id)
        if found is None:
            return Next(until_next(account_id))
        task, outlook = found
        account = task.account
        if not task.is_exit and triggers.look_at_clock(account):
            outlook = outlook_of(account_id)
        hold = None if task.is_exit else outlook.hold
        if hold and hold.ends <= outlook.now:
            demand.let_go(account_id)
            return Next(0.0, did_something=True)
        if task.expires_at <= outlook.now and not (hold and hold.keeps(task)):
            return ended(task, Reason.EXPIRED, expired_words(task))
        if stop := outlook.stop_of(task):
            return ended(task, Reason.STOPPED, switch.words(stop) + ".")
        if hold and hold.keeps(task):
            return held(task, hold.words)
        if why := what_holds(task, account, outlook):
            return held(task, why)
        if not (may_enter or task.is_exit):
            store.note_wait(task, "the order book to be read once")
            return Next(wants_book=True)
        if outlook.is_sending:
            return Next(SENDER_BUSY)  # before a permit is spent on it
        # What closes a position is read up first; its permit would be old by then.
        permit = None if CAPPED in task.params else permit_for(task, account)
        if permit and not permit.is_granted:
            return held(task, turn_of(permit), wait=permit.wait)
        try:
            if not self.claim(task, outlook.by_now):
                return Next(SENDER_BUSY)
            points.reached("C5")
            self.send(task, account, permit, outlook)
        except (store.Overtaken, core.NotPossible) as error:
            logger.info("%s: %s", task.code, error)
        return Next(0.0, did_something=True)

    def claim(self, task: OrderTask, now: datetime) -> bool:
        """Be the one sender of the account, or leave it to whoever is."""
        with transaction.atomic():
            if not lock(task.account_id):
                return False
            try:
                # Not in one statement with the lock: it sees what was committed when it began.
                step = core.claim(task, now, self.timing, self.name)
                store.move(task, step, is_alone=True)
            except store.Overtaken:
                if store.has_moved(task):
                    raise
                return False  # somebody sends for the account
            points.reached("C4")
        return True

    def send(
        self, task: OrderTask, account: BrokerAccount, permit: Decision | None, outlook: Outlook
    ) -> None:
        """Send a claimed task, once."""
        try:
            why = why_not(task, account, outlook.by_now)
            is_there = reconcile.stands_already(task)
        except (BrokerError, exits.Unclear) as error:
            why = answered.words(error) if isinstance(error, BrokerError) else str(error)
            store.move(task, core.put_back(task, store.now(), why[:500]))
            return
        if why:
            store.move(task, core.end_before_sending(task, Reason.LIMIT, why))
            return
        if is_there:
            store.move(task, core.in_doubt(task))
            return
        # Where all this took long, others have left since.
        if permit is None or not permit.is_fresh:
            permit = permit_for(task, account)
        if not permit.is_granted:
            store.move(task, core.put_back(task, store.now(), f"Waits for {turn_of(permit)}."))
            return
        began = time.monotonic()
        attempt = self.begin(task)
        if attempt is None:
            return
        measures.note_leaving(task, attempt)
        points.reached("C7")
        sent: Sent | None = None
        failure: BrokerError | None = None
        try:
            # A process that was stopped since it looked at the kill switch sends nothing any more.
            with (
                patience.leaving_by(began + self.timing.send_guard),
                patience.within(self.timing.deadline),
                line_to(account) as broker,
            ):
                sent = operation(task.kind).send(broker, task)
                points.reached("C10")
        except BrokerError as error:
            failure = error
        except Exception:  # the database, or a fault of ours: the order may have left
            logger.exception("%s: what became of it is looked for at the broker", task.code)
        elapsed = time.monotonic() - began
        spend(permit, task, account)
        answer = answered.Answer(sent, failure)
        step = self.step_for(task, answer.outcome, sent, failure)
        answered.keep(task, attempt, answer, step, elapsed=elapsed)

    def begin(self, task: OrderTask) -> OrderAttempt | None:
        """Write that it is about to leave, and by which tag it can be found."""
        with transaction.atomic():
            outlook = outlook_of(task.account_id)
            if stop := outlook.stop_of(task):
                step = core.end_before_sending(task, Reason.STOPPED, switch.words(stop) + ".")
                store.move(task, step)
                return None
            if outlook.now >= task.expires_at:
                step = core.end_before_sending(task, Reason.EXPIRED, expired_words(task))
                store.move(task, step)
                return None
            if outlook.counts_people and (why := checking.why_not_again(task)):
                store.move(task, core.end_before_sending(task, Reason.LIMIT, why))
                return None
            if adoption.is_in_our_book(task):
                store.move(task, core.in_doubt(task))
                return None
            tag = store.fresh_tag(task.strategy)
            step = core.begin(task, outlook.now, self.timing, tag, task.skipped)
            attempt = OrderAttempt(
                task=task, number=task.attempts + 1, tag=tag, began_at=outlook.now
            )
            store.move(task, step, attempt=attempt)
            points.reached("C6")
        return attempt

    def step_for(
        self, task: OrderTask, outcome: str, sent: Sent | None, failure: BrokerError | None
    ) -> core.Step:
        if sent:
            return core.accepted(task, list(sent.order_ids), sent.message[:500])
        message = answered.words(failure)[:500]
        if outcome == Outcome.REJECTED and not (failure and failure.retry_helps):
            return core.refused(task, message)
        if outcome in {Outcome.NOT_SENT, Outcome.REJECTED}:
            pause = self.timing.pause(task.attempts, self.chance())
            if isinstance(failure, RateLimited):
                pause = max(pause, timedelta(seconds=failure.retry_after))
            may_retry = failure is not None and (
                failure.retry_helps or isinstance(failure, AuthExpired)
            )
            return core.not_sent(task, store.now(), pause, message, may_retry=may_retry)
        return core.unclear(task, message)


def ended(task: OrderTask, reason: Reason, message: str) -> Next:
    try:
        store.move(task, core.end_before_sending(task, reason, message))
    except (store.Overtaken, core.NotPossible) as error:
        logger.info("%s: %s", task.code, error)
    return Next(0.0, did_something=True)


def held(task: OrderTask, why: str, *, wait: float = HELD_FOR) -> Next:
    store.note_wait(task, why)
    return Next(min(max(wait, 0.001), HELD_FOR))


def why_not(task: OrderTask, account: BrokerAccount, at: datetime) -> str:
    """Look again, at the last moment, at what was allowed when it was asked for."""
    if task.user_id is None and task.source == Source.PAGE:
        return "Whoever gave it is no longer on this desk."
    if why := (
        why_no_trading(task.user_id, account.pk)
        if task.user_id
        else why_nothing_leaves(account.paused_at)
    ):
        return why
    if CAPPED in task.params:
        return exits.cap(task, account)
    return checking.why_not(task, account, at)


def what_holds(task: OrderTask, account: BrokerAccount, outlook: Outlook) -> str:
    """Tell what a task has to wait for, within its time to live."""
    if account.state(outlook.now) == AccountState.NEEDS_LOGIN:
        return "somebody to log the account in"
    if task.is_exit:
        return ""
    if outlook.is_broken:
        return "the broker to answer again"
    return "clarity about earlier orders" if outlook.is_too_unclear else ""
