"""The rows of the pages: an account with an ordinary day, looked at as a browser does."""

import statistics
import time
from typing import Any

from tradedesk.bench import REPETITIONS, Found, Stage
from tradedesk.bench.browser import SignedIn
from tradedesk.bench.day import CODE, HOLDINGS, ORDERS, POSITIONS

REQUESTS = 60
LOOKS = 200  # of each panel in each repetition: the p99 is the second slowest
PANELS = {"positions": POSITIONS, "holdings": HOLDINGS, "orders": ORDERS}
PARTIAL = {"HX_Request": "true", "HX_Request_Type": "partial"}


def home_page(stage: Stage) -> Found:
    """Fetch the dashboard as somebody who is logged in, before there is much on it and after."""
    with SignedIn(stage.desk) as browser:
        before = None if stage.is_full else statistics.median(times(browser, "/"))
    with SignedIn(stage.full_desk) as browser:
        runs = [times(browser, "/") for _ in range(REPETITIONS)]
    return Found(
        [statistics.median(run) for run in runs],
        {
            "requests": REQUESTS * REPETITIONS,
            "slowest_ms": round(max(map(max, runs)), 1),
            "first_day_ms": before and round(before, 1),
        },
    )


def times(browser: SignedIn, path: str) -> list[float]:
    browser.get(path)
    return [browser.timed(path) * 1000 for _ in range(REQUESTS)]


def panel_cold(stage: Stage) -> Found:
    """Fetch each panel as one who has not seen it: the slowest of a hundred, of the slowest panel."""
    return looks(stage, is_known=False)


def panel_unchanged(stage: Stage) -> Found:
    """Fetch each panel as one who has just seen it."""
    return looks(stage, is_known=True)


def looks(stage: Stage, *, is_known: bool) -> Found:
    with SignedIn(stage.full_desk) as browser:
        runs = [
            {name: look(browser, name, rows, is_known=is_known) for name, rows in PANELS.items()}
            for _ in range(REPETITIONS)
        ]
    return Found([max(one["p99_ms"] for one in run.values()) for run in runs], {"runs": runs})


def look(browser: SignedIn, name: str, rows: int, *, is_known: bool) -> dict[str, Any]:
    path = f"/a/{CODE}/{name}/"
    wanted = 304 if is_known else 200
    first = browser.ask("GET", path, **PARTIAL)
    assert first.text.count(" data-row") >= rows, f"{name} has fewer than {rows} rows"
    tag = first.headers["ETag"] if is_known else ""
    took: list[float] = []
    while len(took) < LOOKS:
        began = time.perf_counter()
        told = browser.ask("GET", path, **PARTIAL, **({"If_None_Match": tag} if tag else {}))
        took.append((time.perf_counter() - began) * 1000)
        if told.status != wanted:  # a price moved meanwhile: that answer is of the other kind
            assert is_known, f"{name} answered {told.status}"
            took.pop()
            tag = told.headers["ETag"]
    took.sort()
    return {
        "p50_ms": round(statistics.median(took), 2),
        "p99_ms": round(took[int(len(took) * 0.99) - 1], 2),
        "slowest_ms": round(took[-1], 2),
        "bytes": 0 if is_known else len(told.text.encode()),
    }
