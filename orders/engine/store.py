"""How a step of a task becomes rows: all or nothing, once, and only if nobody was faster."""

import json
import secrets
import string
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models.functions import Now

from accounts.brokers.errors import TradedeskError
from orders.engine.core import State, Step
from orders.engine.models import OrderAttempt, OrderTask, TaskEvent
from tradedesk import live

ENGINE = "the engine"
CHANNEL = "order_tasks"  # the hint that an account has something to do
CODE_LENGTH = 13
ALPHABET = string.ascii_uppercase + "234567"
NO_STRATEGY = "TD"


class Overtaken(TradedeskError):
    """Somebody else moved the task first; read it again."""


class PutAway(TradedeskError):
    """The month in which a task began was detached: its events alone no longer tell how it stands."""

    def __init__(self, first: TaskEvent) -> None:
        super().__init__(
            f"events 1 to {first.version - 1} of T{first.task_id} are put away: see `months list`"
        )


def now() -> datetime:
    """Read the one clock that every process shares."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def move(task: OrderTask, step: Step, *, who: str = ENGINE) -> None:
    """Write a step and its event, unless the task moved meanwhile."""
    changes = dict(step.changes)
    if changes.get("state") == State.FAILED:
        changes["window"] = None  # nothing came of it: the same content is no question any more
    changes["waits_for"] = ""
    if not written(task, changes, step, who):
        raise Overtaken(f"{task.code} was moved by somebody else")
    for name, value in changes.items():
        setattr(task, name, value)
    task.version += 1
    if task.state != State.RUNNING:  # what passes in milliseconds is no news for people
        tell(task)


def written(task: OrderTask, changes: dict[str, Any], step: Step, who: str) -> bool:
    """Change the row and append the event in one statement, which is all or nothing by itself."""
    columns: list[Any] = [OrderTask._meta.get_field(name) for name in changes]
    places = ", ".join(f'"{column.column}" = %s' for column in columns)
    values = [
        column.get_db_prep_save(changes[column.name], connection=connection) for column in columns
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH moved AS (UPDATE orders_ordertask SET {places}, version = version + 1 "  # noqa: S608
            "WHERE id = %s AND version = %s RETURNING id, account_id, version) "
            "INSERT INTO orders_taskevent (task_id, account_id, version, at, what, who, changes) "
            "SELECT id, account_id, version, statement_timestamp(), %s, %s, %s FROM moved",
            [*values, task.pk, task.version, step.what, who, spelt(step.changes)],
        )
        return bool(cursor.rowcount)


def record(task: OrderTask, what: str, changes: dict[str, Any], who: str) -> None:
    """Append the first event of a task; `move` appends the others."""
    TaskEvent.objects.create(
        task_id=task.pk, account_id=task.account_id, version=task.version, at=Now(), what=what,
        who=who, changes=json.loads(spelt(changes)),
    )  # fmt: skip


def spelt(changes: dict[str, Any]) -> str:
    return json.dumps(changes, cls=DjangoJSONEncoder)


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
    return (strategy or NO_STRATEGY) + "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def tags_of(task: OrderTask) -> list[str]:
    return list(OrderAttempt.objects.filter(task=task).values_list("tag", flat=True))


def replay(events: Iterable[TaskEvent]) -> dict[str, Any]:
    """Work out how a task stands from its events alone."""
    standing: dict[str, Any] = {}
    for number, event in enumerate(events):
        if not number and event.version > 1:
            raise PutAway(event)
        standing |= event.changes
        standing["version"] = event.version
    return standing
