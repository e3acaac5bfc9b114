"""The rows of the paper exchange. Each has a second figure that must hold beside its value."""

from typing import Any

from accounts.brokers.paper.bench import measure_engine
from accounts.brokers.paper.server.bench import measure_http, measure_ticks
from tradedesk.bench import REPETITIONS, Found, Stage

JOURNALLED_A_SECOND = 3_000
HTTP_P99_MS = 50
TICKS_SHARE = 0.98  # of 3,000 packets a second, for the slowest socket


def paper_engine(stage: Stage) -> Found:
    """Order commands in memory; with a journal they must still be 3,000 a second."""
    runs = [measure_engine() for _ in range(REPETITIONS)]
    journalled = [run["journalled_per_second"] for run in runs]
    return Found(
        [run["commands_per_second"] for run in runs],
        {"journalled_per_second": journalled, "journalled_goal": f">= {JOURNALLED_A_SECOND}"},
        also=max(journalled) >= JOURNALLED_A_SECOND,
    )


def paper_http(stage: Stage) -> Found:
    """Orders over HTTP, each on disk before its answer; the slow ones must still be quick."""
    runs = [measure_http() for _ in range(REPETITIONS)]
    best = min(run["p99_ms"] for run in runs)
    failures = sum(run["failures"] for run in runs)
    return Found(
        [run["orders_per_second"] for run in runs],
        {"runs": runs, "p99_goal": f"< {HTTP_P99_MS} ms"},
        also=best < HTTP_P99_MS and not failures,
    )


def paper_ticks(stage: Stage) -> Found:
    """Processor time of 3,000 full ticks a second to each of ten sockets; none may be left out."""
    runs: list[dict[str, Any]] = [measure_ticks() for _ in range(REPETITIONS)]
    arrived = max(run["slowest_socket"] / run["instruments"] for run in runs)
    return Found([run["cores"] for run in runs], {"runs": runs}, also=arrived >= TICKS_SHARE)
