"""The rows of the order engine, measured inside a desk."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

from tradedesk.bench import REPETITIONS, Found, Stage
from tradedesk.bench.browser import SignedIn
from tradedesk.desk.throwaway import RunningDesk, throwaway_desk

CLICKS = 100
EVERY = 1 / 20  # seconds
BROWSERS = 4
STORM_SECONDS = 810


def ticket_stored(stage: Stage) -> Found:
    """Press Buy twenty times a second, in several browsers and accounts, whether or not it is answered yet."""
    codes = inside(stage.desk, "[one.code for one in accounts_of_a_trader(5)]")
    with ExitStack() as stack:
        browsers = [stack.enter_context(SignedIn(stage.desk)) for _ in range(BROWSERS)]
        runs = [clicks(browsers, codes, CLICKS * one) for one in range(REPETITIONS)]
    return Found([run["p99_ms"] for run in runs], {"runs": runs, "clicks": CLICKS})


def clicks(browsers: list[SignedIn], codes: list[str], first: int) -> dict[str, float]:
    """Open the tickets beforehand, then send them by the clock; give how long the answers took."""
    forms = []
    for index in range(CLICKS):
        path = f"/a/{codes[index % len(codes)]}/orders/new/"
        forms.append((path, ticket(browsers[index % BROWSERS].get(path), first + index)))
    with ThreadPoolExecutor(BROWSERS) as hands:
        began = time.perf_counter()
        each = [
            hands.submit(of_one, browsers[one], forms[one::BROWSERS], began + one * EVERY)
            for one in range(BROWSERS)
        ]
        took = sorted(ms for one in each for ms in one.result())
    return {
        "p50_ms": round(took[len(took) // 2], 1),
        "p99_ms": round(took[-2], 1),
        "slowest_ms": round(took[-1], 1),
    }


def of_one(browser: SignedIn, forms: list[tuple[str, str]], due: float) -> list[float]:
    """Send what falls to one browser; what is late by our fault counts as waiting too."""
    took = []
    for path, form in forms:
        time.sleep(max(0.0, due - time.perf_counter()))
        told = browser.ask("POST", path, form)
        assert told.status in {302, 303}, f"the ticket was answered {told.status}"
        took.append((time.perf_counter() - due) * 1000)
        due += BROWSERS * EVERY
    return took


def ticket(page: str, number: int) -> str:
    """Fill in a ticket: another order for each number, and none that `task_to_broker` gives."""
    hidden = {
        name: re.search(rf'name="{name}" value="([^"]+)"', page)
        for name in ("csrfmiddlewaretoken", "key")
    }
    told = {name: found[1] for name, found in hidden.items() if found}
    order = {
        "instrument": "NSE:ITC", "side": "BUY", "quantity": str(1 + number % 40), "product": "MIS",
        "order_type": "LIMIT", "price": f"{370 + 0.05 * (number // 40):.2f}", "variety": "regular",
        "validity": "DAY",
    }  # fmt: skip
    return urlencode(told | order)


def task_to_broker(stage: Stage) -> Found:
    """From the commit of a task to the exchange, with nothing else to do."""
    # Each repetition gives other orders: the same again would be a question.
    runs = [inside(stage.desk, f"measure_to_broker({100 * one})") for one in range(REPETITIONS)]
    slowest = min(run["p99_ms"] for run in runs)
    return Found(
        [run["p50_ms"] for run in runs], {"runs": runs, "p99_ms": slowest}, also=slowest < 60
    )


def order_storm(stage: Stage) -> Found:
    """Ten thousand orders of twenty accounts, faults, and senders that die."""
    with throwaway_desk(AUTOMATIC_STOPS="off") as desk:
        run = inside(desk, "measure_storm()", seconds=STORM_SECONDS)
    return Found([float(run["wrong"])], run)


def inside(desk: RunningDesk, measure: str, *, seconds: float = 90) -> Any:
    """Run a measurement as a command of the desk, with its settings and servers."""
    program = f"import json; from orders.engine.bench import *; print(json.dumps({measure}))"
    ended = desk.manage("shell", "-v", "0", "-c", program, seconds=seconds)
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().splitlines()[-1])
    return json.loads(ended.stdout.splitlines()[-1])
