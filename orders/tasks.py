"""Tasks about instruments and orders."""

from celery import shared_task
from django.utils import timezone


# A list may take a broker 90 s, and a busy machine half a minute to store.
@shared_task(ignore_result=True, acks_late=True, soft_time_limit=200, time_limit=220)
def sync_instruments_task() -> None:
    """Bring in the lists of instruments that are due."""
    from orders.instruments.syncing import sync_due

    sync_due(at=timezone.now())


@shared_task(ignore_result=True, acks_late=True)
def make_months_task() -> None:
    """Make the tables of the coming months where one is cut by month."""
    from orders.engine import partitions

    partitions.ensure(timezone.now())


@shared_task(ignore_result=True)
def note_stops_task() -> None:
    """Put stops on record whose process died before it could."""
    from orders.engine import switch

    switch.note_forgotten()
