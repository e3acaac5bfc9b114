"""Waiting for tasks, and how programs are told what became of them."""

import time
from collections.abc import Sequence
from typing import Any

from orders.engine.core import State
from orders.engine.models import OrderTask

STORED, WRONG, REFUSED, UNKNOWN, DEAD_LETTER, WAITING, DUPLICATE = 0, 2, 3, 4, 5, 6, 7
CODES = {
    State.COMPLETED: STORED,
    State.FAILED: REFUSED,
    State.UNKNOWN: UNKNOWN,
    State.DEAD_LETTER: DEAD_LETTER,
    State.PENDING: WAITING,
    State.RUNNING: WAITING,
}
LOOK_EVERY = 0.1


def wait(tasks: Sequence[OrderTask], seconds: float) -> list[OrderTask]:
    """Give the tasks as they stand when all have ended, or the time is over."""
    ends = time.monotonic() + seconds
    while True:
        found = list(OrderTask.objects.filter(pk__in=[one.pk for one in tasks]).order_by("pk"))
        if all(one.is_over for one in found) or time.monotonic() >= ends:
            return found
        time.sleep(LOOK_EVERY)


def code_of(tasks: Sequence[OrderTask]) -> int:
    """Give the exit code of the worst: what nobody knows is worse than a refusal."""
    codes = [CODES[State(one.state)] for one in tasks]
    return max(codes, default=STORED, key=[STORED, REFUSED, WAITING, DEAD_LETTER, UNKNOWN].index)


def facts(task: OrderTask, *, replayed: bool = False) -> dict[str, Any]:
    """Tell a program about a task."""
    return {
        "task": task.pk,
        "key": task.key,
        "replayed": replayed,
        "account": task.account.code,
        "kind": task.kind,
        "instrument": f"{task.exchange}:{task.symbol}",
        "state": task.state,
        "reason": task.message or task.reason,
        "waits_for": task.waits_for,
        "order_id": task.order_id,
        "attempts": task.attempts,
    }


def line(task: OrderTask) -> str:
    """Tell a person about a task."""
    parts = [
        task.code, task.account.code, task.kind, f"{task.exchange}:{task.symbol}", task.state,
        f"order {task.order_id}" if task.order_id else "",
        task.message or task.reason,
        f"waits for {task.waits_for}" if task.waits_for and not task.is_over else "",
    ]  # fmt: skip
    return "  ".join(part for part in parts if part)
