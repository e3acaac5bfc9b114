"""Tasks of the house itself."""

import time

from celery import shared_task

from tradedesk import pulse


@shared_task(ignore_result=True)
def record_pulse_task() -> None:
    """Prove that beat, Redis and a worker's pool work together."""
    with pulse.connection() as client:
        client.set("pulse:round-trip", repr(time.time()), ex=3600)
