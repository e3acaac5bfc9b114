"""Measurements: each row in one run on one machine, against the goal."""

import signal
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tradedesk.bench import day
from tradedesk.desk.throwaway import RunningDesk, throwaway_desk

REPETITIONS = 3
CALL_SECONDS = 14 * 60  # no row begins that could end later


@dataclass
class Found:
    """What one row measured: a value for each repetition, and whatever explains it."""

    values: Sequence[float]
    detail: dict[str, Any] = field(default_factory=dict)
    also: bool = True  # whether what must hold beside the value does


class Stage:
    """What rows share: one throw-away desk, started when the first row asks for it."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.running: RunningDesk | None = None
        self.is_full = False

    @property
    def desk(self) -> RunningDesk:
        if self.running is None:
            self.running = self.stack.enter_context(throwaway_desk())
        return self.running

    @property
    def full_desk(self) -> RunningDesk:
        """The same desk, its first account with positions, holdings and orders."""
        desk = self.desk
        if not self.is_full:
            day.fill(desk)
            self.is_full = True
        return desk


@dataclass(frozen=True)
class Row:
    """One measurement: how it is taken and what it must reach."""

    name: str
    what: str
    unit: str
    goal: float
    measure: Callable[[Stage], Found]
    more_is_better: bool = False
    seconds: int = 240  # at most

    def best(self, values: Sequence[float]) -> float:
        return max(values) if self.more_is_better else min(values)

    def reaches(self, value: float) -> bool:
        return value >= self.goal if self.more_is_better else value < self.goal


def run(rows: Sequence[Row], *, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure the rows one after another; a row that fails is a result too."""
    began = time.monotonic()
    results = []
    with ExitStack() as stack:
        stage = Stage(stack)
        for row in rows:
            say(f"{row.name}: {row.what}")
            late = time.monotonic() - began + row.seconds > CALL_SECONDS
            results.append(
                failed(row, "no time was left: measure it in a call of its own")
                if late
                else take(row, stage)
            )
            say(f"  {results[-1]['value']} {row.unit}, goal {results[-1]['goal']}")
    return results


def take(row: Row, stage: Stage) -> dict[str, Any]:
    try:
        with time_limit(row.seconds):
            found = row.measure(stage)
    except Exception as error:  # noqa: BLE001 - one row's failure must not lose the others
        return failed(row, f"{type(error).__name__}: {error}", trace=traceback.format_exc())
    best = row.best(found.values)
    spread = {
        "repetitions": [round(value, 3) for value in found.values],
        "median": round(statistics.median(found.values), 3),
    }
    return facts(
        row, round(best, 3), ok=row.reaches(best) and found.also, detail={**spread, **found.detail}
    )


def failed(row: Row, why: str, **more: Any) -> dict[str, Any]:
    return facts(row, None, ok=False, detail={"error": why, **more})


def facts(row: Row, value: float | None, *, ok: bool, detail: dict[str, Any]) -> dict[str, Any]:
    goal = f"{'>=' if row.more_is_better else '<'} {row.goal:g} {row.unit}"
    return {
        "name": row.name,
        "value": value,
        "unit": row.unit,
        "goal": goal,
        "ok": ok,
        "detail": detail,
    }


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """End what takes too long."""

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
