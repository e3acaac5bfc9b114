"""Giving orders that were heard of, from whomever, to the tasks that wait for them, by the tag."""

import logging
from collections.abc import Sequence

from django.db import transaction

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderUpdate
from accounts.brokers.words import OrderStatus
from orders.engine import core, store
from orders.engine.core import State, Verdict
from orders.engine.models import Kind, OrderAttempt, OrderTask
from orders.engine.operations import Reading, is_in_parts, operation, order_of
from orders.ledger import Order
from orders.risk import triggers

logger = logging.getLogger(__name__)
REJECTED = OrderStatus.REJECTED
OPEN_ENDED = [State.UNKNOWN, State.DEAD_LETTER, State.FAILED]


def adopt(account: BrokerAccount, told: Sequence[OrderUpdate]) -> int:
    """Tell how many tasks this news brings to their end."""
    news: dict[str, list[OrderUpdate]] = {}
    for one in told:
        for tag in {one.tag or "", *one.tags} - {""}:
            news.setdefault(tag, []).append(one)
    if not news:
        return 0
    waiting = OrderTask.objects.filter(
        account=account, tries__tag__in=news, state__in=OPEN_ENDED
    ).distinct()
    taken = [task for task in waiting if take(task, news)]
    if any(task.reason == core.Reason.LATE for task in taken):
        triggers.look(account)
    alarm_of_doubles(account, news)
    return len(taken)


def alarm_of_doubles(account: BrokerAccount, news: dict[str, list[OrderUpdate]]) -> None:
    """Stop the account when the tag of an order that we know stands on another one, too."""
    done = OrderAttempt.objects.filter(
        tag__in=news, task__account=account, task__kind=Kind.PLACE, task__state=State.COMPLETED
    )
    for attempt in done.select_related("task"):
        there = {one.order_id for one in news[attempt.tag] if one.status is not REJECTED}
        if there - set(attempt.task.order_ids) and not is_in_parts(order_of(attempt.task)):
            triggers.press_for(account, [triggers.duplicate(attempt.task_id)])


def doubles_of(task: OrderTask) -> list[str]:
    """Name the orders that carry a tag of a task which stands for another one."""
    if task.kind != Kind.PLACE or task.state != State.COMPLETED or is_in_parts(order_of(task)):
        return []
    tagged = Order.objects.filter(account=task.account_id, tag__in=store.tags_of(task))
    others = tagged.exclude(order_id__in=task.order_ids).exclude(status=REJECTED)
    return list(others.order_by("pk").values_list("order_id", flat=True))


def take(task: OrderTask, news: dict[str, list[OrderUpdate]]) -> bool:
    """Let a task have its order, also one that was given up: it is watched to the day's end."""
    tags = store.tags_of(task)
    ours = {one.order_id: one for tag in tags for one in news.get(tag, [])}
    finding = operation(task.kind).judge(task, tags, Reading(orders=ours))
    refused = all(one.status is OrderStatus.REJECTED for one in ours.values())
    # While nobody can tell, a slice may be heard of before the others; of what was given up, any is news.
    enough = {Verdict.FOUND} if task.state == State.UNKNOWN else {Verdict.FOUND, Verdict.PART}
    if finding.verdict not in enough or (task.state == State.FAILED and refused):
        return False  # not it, not all of it, or both say that it was refused
    try:
        with transaction.atomic():
            store.move(task, core.found_late(task, list(finding.order_ids)))
    except (store.Overtaken, core.NotPossible):
        return False
    if task.reason == core.Reason.LATE:
        logger.critical("%s was given up and stands at the broker: %s", task.code, task.order_id)
    return True
