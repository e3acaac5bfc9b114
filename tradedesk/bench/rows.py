"""The rows of `manage.py bench`, in one list: a later row is one more line here."""

import time

from tradedesk.bench import REPETITIONS, Found, Row, Stage, engine, instruments, panels, paper
from tradedesk.desk.throwaway import start_desk, throwaway_place, wait_until


def desk_again(stage: Stage) -> Found:
    """Start a desk on a home that exists, until it is ready."""
    with throwaway_place() as place:
        took = []
        for _ in range(REPETITIONS + 1):
            began = time.perf_counter()
            desk = start_desk(place / "home")
            try:
                wait_until(desk.is_ready, seconds=120, every=0.02)
                took.append(time.perf_counter() - began)
            finally:
                desk.stop()
    return Found(took[1:], {"first_start_s": round(took[0], 3)})


ROWS = [
    Row("desk_again", "a desk on an existing home, until ready", "s", 10, desk_again),
    Row("home_page", "the dashboard of a full day, median", "ms", 60, panels.home_page),
    Row("panel_cold", "a panel of 20 to 50 rows, p99", "ms", 40, panels.panel_cold),
    Row("panel_unchanged", "the same answered 304, p99", "ms", 10, panels.panel_unchanged),
    Row(
        "paper_engine",
        "order commands of the exchange",
        "/s",
        20_000,
        paper.paper_engine,
        more_is_better=True,
    ),
    Row(
        "paper_http",
        "orders at the exchange by HTTP",
        "/s",
        400,
        paper.paper_http,
        more_is_better=True,
    ),
    Row("paper_ticks", "3,000 full ticks a second to 10 sockets", "cores", 1, paper.paper_ticks),
    Row(
        "ticket_stored",
        "Buy, 20 times a second: stored and answered, p99",
        "ms",
        50,
        engine.ticket_stored,
    ),
    Row(
        "task_to_broker",
        "a stored order reaches the exchange, p50",
        "ms",
        15,
        engine.task_to_broker,
    ),
    Row(
        "order_storm",
        "10,000 orders under faults and kills: wrong ones",
        "",
        1,
        engine.order_storm,
        seconds=830,
    ),
    Row(
        "instrument_load",
        "110,000 instruments into the table",
        "s",
        10,
        instruments.instrument_load,
    ),
    Row("instrument_search", "a search in them, p99", "ms", 15, instruments.instrument_search),
]
