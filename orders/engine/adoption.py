"""Giving orders that were heard of, from whomever, to the tasks that wait for them, by the tag."""

import logging
from collections.abc import Sequence

from django.db import transaction

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderUpdate
from accounts.brokers.words import OrderStatus
from orders.engine import core, store
from orders.engine.core import State, Verdict
from orders.engine.models import Kind, OrderTask
from orders.engine.operations import Reading, is_in_parts, operation, order_of
from orders.ledger import Order
from orders.risk import triggers
from tradedesk.database import answers

logger = logging.getLogger(__name__)
REJECTED = OrderStatus.REJECTED
WAITING = """
SELECT DISTINCT task.id FROM orders_orderattempt attempt
JOIN orders_ordertask task ON task.id = attempt.task_id
WHERE attempt.tag = ANY(%s) AND task.account_id = %s
  AND (task.state IN ('UNKNOWN', 'DEAD_LETTER', 'FAILED')
       OR (task.state = 'PENDING' AND task.attempts > 0))
"""
DONE = """
SELECT task.id, attempt.tag, ARRAY(SELECT jsonb_array_elements_text(task.order_ids))
FROM orders_orderattempt attempt JOIN orders_ordertask task ON task.id = attempt.task_id
WHERE attempt.tag = ANY(%s) AND task.account_id = %s
  AND task.kind = 'place' AND task.state = 'COMPLETED'
"""


def adopt(account: BrokerAccount, told: Sequence[OrderUpdate]) -> int:
    """Tell how many tasks this news brings to their end."""
    news: dict[str, list[OrderUpdate]] = {}
    for one in told:
        for tag in {one.tag or "", *one.tags} - {""}:
            news.setdefault(tag, []).append(one)
    if not news:
        return 0
    waiting = [pk for (pk,) in answers(WAITING, [list(news), account.pk])]
    tasks = OrderTask.objects.filter(pk__in=waiting) if waiting else ()
    taken = [task for task in tasks if take(task, news)]
    if any(task.reason == core.Reason.LATE for task in taken):
        triggers.look(account)
    alarm_of_doubles(account, news)
    return len(taken)


def alarm_of_doubles(account: BrokerAccount, news: dict[str, list[OrderUpdate]]) -> None:
    """Stop the account when the tag of an order that we know stands on another one, too."""
    suspects = {
        pk
        for pk, tag, order_ids in answers(DONE, [list(news), account.pk])
        if {one.order_id for one in news[tag]} - set(order_ids)
    }
    for task in OrderTask.objects.filter(pk__in=suspects) if suspects else ():
        if doubles_of(task):
            triggers.press_for(account, [triggers.duplicate(task.pk)])


def doubles_of(task: OrderTask) -> list[str]:
    """Name the orders that carry a tag of a task which stands for others: not what follows from
    those, nor slices as long as all of them are no more than was wanted."""
    if task.kind != Kind.PLACE or task.state != State.COMPLETED:
        return []
    tagged = Order.objects.filter(account=task.account_id, tag__in=store.tags_of(task))
    there = list(tagged.exclude(status=REJECTED).order_by("pk"))
    ids = set(task.order_ids)
    others = [one for one in there if not {one.order_id, one.parent_order_id} & ids]
    order = order_of(task)
    if is_in_parts(order) and sum(one.quantity for one in there) <= order.quantity:
        return []
    return [one.order_id for one in others]


def is_in_our_book(task: OrderTask) -> bool:
    """Tell whether an earlier attempt stands in the desk's own book by now."""
    if not task.attempts or task.kind != Kind.PLACE:
        return False
    return Order.objects.filter(account=task.account_id, tag__in=store.tags_of(task)).exists()


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
