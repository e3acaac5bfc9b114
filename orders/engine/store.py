"""How a step of a task becomes rows: all or nothing, once, and only if nobody was faster."""

import json
import secrets
import string
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.brokers.errors import TradedeskError
from orders.engine.core import State, Step
from orders.engine.models import OrderAttempt, OrderTask, TaskEvent
from tradedesk import live

ENGINE = "the engine"
CHANNEL = "order_tasks"  # the hint that an account has something to do
CODE_LENGTH = 13
ALPHABET = string.ascii_uppercase + "234567"


class Overtaken(TradedeskError):
    """Somebody else moved the task first; read it again."""


def now() -> datetime:
    """Read the one clock that every process shares."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


# Without a savepoint of its own: whoever goes on after Overtaken within a transaction makes one.
@transaction.atomic(savepoint=False)
def move(task: OrderTask, step: Step, *, who: str = ENGINE) -> None:
    """Write a step and its event, unless the task moved meanwhile."""
    changes = dict(step.changes)
    if changes.get("state") == State.FAILED:
        changes["window"] = None  # nothing came of it: the same content is no question any more
    changes["waits_for"] = ""
    here = OrderTask.objects.filter(pk=task.pk, version=task.version)
    if not here.update(**changes, version=task.version + 1):
        raise Overtaken(f"{task.code} was moved by somebody else")
    for name, value in changes.items():
        setattr(task, name, value)
    task.version += 1
    record(task, step.what, step.changes, who)
    if task.state != State.RUNNING:  # what passes in milliseconds is no news for people
        tell(task)


def record(task: OrderTask, what: str, changes: dict[str, Any], who: str) -> None:
    """Append an event."""
    TaskEvent.objects.create(
        task_id=task.pk, account_id=task.account_id, version=task.version, at=Now(), what=what,
        who=who, changes=json.loads(json.dumps(changes, cls=DjangoJSONEncoder)),
    )  # fmt: skip


def tell(task: OrderTask) -> None:
    """Say on open pages that a task stands differently, once that is committed."""
    event: live.TaskChanged = {
        "type": "task.changed",
        "account": task.account_id,
        "task": task.pk,
        "state": task.state,
    }
    live.announce(live.account_group(task.account_id), event)


def hint(account_id: int) -> None:
    """Wake whoever looks after the account, when this transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(account_id)])


def note_wait(task: OrderTask, why: str) -> None:
    """Say what a task in the queue waits for; nothing of the task itself changes."""
    if task.waits_for != why:
        OrderTask.objects.filter(pk=task.pk, state=State.PENDING).update(waits_for=why)
        tell(task)


def fresh_tag(strategy: str) -> str:
    """Make a tag of at most 18 letters and digits: the strategy's code, then what no other order has."""
    return (strategy or "TD") + "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def tags_of(task: OrderTask) -> list[str]:
    return list(OrderAttempt.objects.filter(task=task).values_list("tag", flat=True))


def replay(events: Iterable[TaskEvent]) -> dict[str, Any]:
    """Work out how a task stands from its events alone."""
    standing: dict[str, Any] = {}
    for event in events:
        standing |= event.changes
        standing["version"] = event.version
    return standing
