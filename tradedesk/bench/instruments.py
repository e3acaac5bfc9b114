"""The rows of the instrument master, measured inside a desk: its database is the yardstick's too."""

import json
from typing import Any

from tradedesk.bench import REPETITIONS, Found, Stage


def instrument_load(stage: Stage) -> Found:
    """110,000 rows into an empty table, with every index."""
    runs = [inside(stage, "measure_load()") for _ in range(REPETITIONS)]
    return Found([run["first"] for run in runs], {"again_s": [run["again"] for run in runs]})


def instrument_search(stage: Stage) -> Found:
    """The slowest in a hundred of what traders type."""
    runs = [inside(stage, f"measure_search({seed})") for seed in range(REPETITIONS)]
    return Found([run["p99_ms"] for run in runs], {"runs": runs})


def inside(stage: Stage, measure: str) -> dict[str, Any]:
    """Run a measurement as a command of the desk, with its settings and servers."""
    program = (
        "import json; from orders.instruments.bench import measure_load, measure_search; "
        f"print(json.dumps({measure}))"
    )
    ended = stage.desk.manage("shell", "-v", "0", "-c", program)
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().splitlines()[-1])
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found
