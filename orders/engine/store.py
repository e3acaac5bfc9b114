"""How a step of a task becomes rows: all or nothing, once, and only if nobody was faster."""

import json
import secrets
import string
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from accounts.brokers.errors import TradedeskError
from orders.engine.core import State, Step
from orders.engine.models import OrderAttempt, OrderTask, TaskEvent
from tradedesk import live
from tradedesk.database import answers, change

ENGINE = "the engine"
CHANNEL = "order_tasks"  # the hint that an account has something to do
CODE_LENGTH = 13
ALPHABET = string.ascii_uppercase + "234567"
NO_STRATEGY = "TD"
ALONE = """AND NOT EXISTS (SELECT FROM orders_ordertask other WHERE other.account_id = task.account_id
AND other.state = 'RUNNING' AND other.lease_until > clock_timestamp())"""
TRIED = """, tried AS (INSERT INTO orders_orderattempt
(task_id, number, tag, began_at, outcome, error_type, message)
SELECT id, %s, %s, %s, '', '', '' FROM moved) """


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
    [(moment,)] = answers("SELECT clock_timestamp()", [])
    return moment  # type: ignore[no-any-return]


def move(
    task: OrderTask,
    step: Step,
    *,
    who: str = ENGINE,
    is_alone: bool = False,
    attempt: OrderAttempt | None = None,
) -> None:
    """Write a step and its event, unless the task moved meanwhile, and with them a new attempt.

    A step that has to be alone is not taken while somebody sends for the account.
    """
    changes = dict(step.changes)
    if changes.get("state") == State.FAILED:
        changes["window"] = None  # nothing came of it: the same content is no question any more
    changes["waits_for"] = ""
    if not written(task, changes, step, who, ALONE if is_alone else "", attempt):
        raise Overtaken(f"{task.code} was moved by somebody else")
    for name, value in changes.items():
        setattr(task, name, value)
    task.version += 1
    if task.state != State.RUNNING:  # what passes in milliseconds is no news for people
        tell(task)


def has_moved(task: OrderTask) -> bool:
    """Tell whether the task no longer stands as we read it."""
    return not OrderTask.objects.filter(pk=task.pk, version=task.version).exists()


def written(
    task: OrderTask,
    changes: dict[str, Any],
    step: Step,
    who: str,
    condition: str,
    attempt: OrderAttempt | None,
) -> bool:
    """Change the row and append what belongs to it in one statement, which is all or nothing by itself."""
    columns: list[Any] = [OrderTask._meta.get_field(name) for name in changes]
    places = ", ".join(f'"{column.column}" = %s' for column in columns)
    values = [
        column.get_db_prep_save(changes[column.name], connection=connection) for column in columns
    ]
    values += [task.pk, task.version]
    tried = ""
    if attempt:
        tried = TRIED
        values += [attempt.number, attempt.tag, attempt.began_at]
    changed = change(
        f"WITH moved AS (UPDATE orders_ordertask task SET {places}, version = version + 1 "  # noqa: S608
        f"WHERE id = %s AND version = %s {condition} RETURNING id, account_id, version) {tried}"
        "INSERT INTO orders_taskevent (task_id, account_id, version, at, what, who, changes) "
        "SELECT id, account_id, version, statement_timestamp(), %s, %s, %s::jsonb FROM moved",
        [*values, step.what, who, spelt(step.changes)],
    )
    return changed > 0


def keep_answer(attempt: OrderAttempt) -> None:
    """Write what came of an attempt."""
    met = change(
        "UPDATE orders_orderattempt SET outcome = %s, elapsed_ms = %s, message = %s, status = %s, "
        "error_type = %s WHERE task_id = %s AND number = %s",
        [
            attempt.outcome, attempt.elapsed_ms, attempt.message, attempt.status,
            attempt.error_type, attempt.task_id, attempt.number,
        ],
    )  # fmt: skip
    if met != 1:
        raise RuntimeError(f"{attempt} is not stored")


def record(task: OrderTask, what: str, changes: dict[str, Any], who: str) -> None:
    """Append the first event of a task; `move` appends the others."""
    change(
        "INSERT INTO orders_taskevent (task_id, account_id, version, at, what, who, changes) "
        "VALUES (%s, %s, %s, statement_timestamp(), %s, %s, %s)",
        [task.pk, task.account_id, task.version, what, who, spelt(changes)],
    )


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
    answers("SELECT pg_notify(%s, %s)", [CHANNEL, str(account_id)])


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
