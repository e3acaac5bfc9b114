"""Measuring the master: how long a real-sized list takes to come in, and a search in it."""

import random
import time
from typing import Any

from django.db import connection
from django.utils import timezone

from orders.instruments.importing import import_master
from orders.instruments.models import Instrument, MasterImport
from orders.instruments.searching import search
from orders.instruments.specimen import rows

MASTER = "bench"
QUESTIONS = 400


def measure_load() -> dict[str, Any]:
    """Bring the list in, without a row of it there, and then the same once more."""
    empty()
    now = timezone.now()
    first = import_master(MASTER, rows(now.date()), at=now)
    again = import_master(MASTER, rows(now.date()), at=now)
    assert (first.added, again.rows, again.changed) == (110_000, 110_000, 0), again.error
    return {"first": float(first.seconds), "again": float(again.seconds)}


def empty() -> None:
    """Take away what measurements brought, and nothing else, should this ever run on a real desk."""
    MasterImport.objects.filter(master=MASTER).delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM orders_instrument WHERE master = %s", [MASTER])
        cursor.execute("VACUUM ANALYZE orders_instrument")


def measure_search(seed: int) -> dict[str, Any]:
    """Ask as traders type, one question after the other, each as the first of its kind."""
    now = timezone.now()
    if not Instrument.objects.of(MASTER).active().exists():
        import_master(MASTER, rows(now.date()), at=now)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE orders_instrument")
    return measured(questions(seed))


def measured(texts: list[str]) -> dict[str, Any]:
    took = {}
    unanswered = 0
    for text in texts:
        began = time.perf_counter()
        unanswered += not search(text, master=MASTER)
        took[text] = (time.perf_counter() - began) * 1000
    times = sorted(took.values())
    slowest = sorted(took, key=lambda text: took[text])[-5:]
    return {
        "p50_ms": round(times[len(times) // 2], 2),
        "p99_ms": round(times[int(len(times) * 0.99)], 2),
        "slowest": {text: round(took[text], 1) for text in slowest},
        "questions": len(texts),
        "without_answer": unanswered,
    }


def questions(seed: int) -> list[str]:
    """Make questions: every stage of typing a symbol, a name, a contract."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    listed = list(Instrument.objects.of(MASTER).active().order_by("pk")[::37])
    made: set[str] = set()
    while len(made) < QUESTIONS:
        row = chance.choice(listed)
        if row.is_contract:
            strike = f" {row.strike.normalize():f}" if row.strike else ""
            whole = f"{row.underlying}{strike} {row.kind} {row.expiry:%b}"
        else:
            whole = row.name
        text = chance.choice([row.symbol, whole, whole])
        made.add(text[: chance.randint(1, len(text))].lower().strip())
    return sorted(made)
