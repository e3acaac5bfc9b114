"""What the broker answered: kept with its attempt, and put into the book at once."""

import logging
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from accounts.brokers.errors import BrokerError
from accounts.brokers.types import OrderUpdate
from accounts.brokers.words import OrderStatus, Outcome
from orders import book, datasets
from orders.engine import core, points, store
from orders.engine.core import State
from orders.engine.models import TRIGGERS, Kind, OrderAttempt, OrderTask
from orders.engine.operations import Sent, order_of
from orders.product_rules import learn_from
from orders.risk import triggers
from tradedesk import metrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; with neither, something of ours failed and the order may have left."""

    sent: Sent | None
    failure: BrokerError | None

    @property
    def outcome(self) -> Outcome:
        if self.sent:
            return Outcome.ACCEPTED
        return self.failure.outcome if self.failure else Outcome.UNKNOWN

    @property
    def message(self) -> str:
        return (self.sent.message if self.sent else words(self.failure))[:500]


def keep(
    task: OrderTask, attempt: OrderAttempt, answer: Answer, step: core.Step, *, elapsed: float
) -> None:
    """Keep the answer, and the step that it means for the task."""
    sent, failure = answer.sent, answer.failure
    attempt.outcome, attempt.elapsed_ms = answer.outcome, round(elapsed * 1000)
    attempt.message = answer.message
    if failure:
        attempt.status, attempt.error_type = failure.status, failure.error_type[:60]
    metrics.ORDER_OUTCOMES.labels(task.kind, answer.outcome).inc()
    try:
        with transaction.atomic():
            store.keep_answer(attempt)
            store.move(task, step)
            points.reached("C11")
        points.reached("C12")
    except store.Overtaken:
        keep_late(task, attempt, sent)
    points.reached("C13")
    if sent and task.kind == Kind.PLACE and len(sent.order_ids) == 1:
        show(task, sent.order_ids[0])
    if sent:
        changed = (
            datasets.CHANGED_BY_TRIGGERS if task.kind in TRIGGERS else datasets.CHANGED_BY_ORDERS
        )
        datasets.renew_soon(task.account_id, changed)
    else:
        if answer.outcome == Outcome.REJECTED and task.kind == Kind.PLACE:
            learn_from(task.account, task.exchange, task.symbol, attempt.message, at=store.now())
        triggers.look(task.account)


def keep_late(task: OrderTask, attempt: OrderAttempt, sent: Sent | None) -> None:
    """Keep an answer that came after the sweep had taken the task from us."""
    store.keep_answer(attempt)
    attempt_facts = f"{task.code}: an answer came after its lease was over"
    logger.warning("%s: %s", attempt_facts, "registered" if sent else "not registered")
    if not sent:
        return  # what the book shows decides
    stored = OrderTask.objects.get(pk=task.pk)
    if stored.state != State.COMPLETED:
        store.move(stored, core.found_late(stored, list(sent.order_ids)))


def words(failure: BrokerError | None) -> str:
    if failure is None:
        return "Something went wrong while it was sent; the broker is asked what became of it."
    return failure.text or str(failure)


def show(task: OrderTask, order_id: str) -> None:
    """Put the new order into the book at once: the broker registered it, more is not known yet."""
    order = order_of(task)
    told = OrderUpdate(
        order_id=order_id, status=OrderStatus.RECEIVED, status_text=book.SENT,
        exchange=order.exchange, symbol=order.symbol, side=order.side,
        order_type=order.order_type, product=order.product, variety=order.variety,
        validity=order.validity, validity_minutes=order.validity_minutes,
        quantity=order.quantity, filled_quantity=0, price=order.price or Decimal(0),
        trigger_price=order.trigger_price or Decimal(0), tag=task.tag, tags=(task.tag,),
        raw={"order_id": order_id},
    )  # fmt: skip
    book.absorb(task.account, [told], heard_from="answer", at=store.now())
