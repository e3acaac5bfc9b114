"""How the engine stands, in numbers, at the moment somebody asks: what waits, what a person must decide."""

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.breaker import Breaker
from accounts.brokerage import BrokerAccount
from orders.engine import store
from orders.engine.core import State
from orders.engine.models import OrderAttempt, OrderTask
from tradedesk import metrics

OPEN = (State.PENDING, State.RUNNING, State.UNKNOWN)


class Standing(Collector):
    """Read from the database; without it the counted numbers are told all the same."""

    def collect(self) -> Iterator[Metric]:
        try:
            yield from [tasks(), *dead_letters(), breakers()]
        except DatabaseError:
            return


def note_leaving(task: OrderTask, attempt: OrderAttempt) -> None:
    """Count how long a task was on its way here, when it leaves for the first time."""
    if attempt.number == 1:
        waited = (attempt.began_at - task.created_at).total_seconds()
        metrics.TO_BROKER.labels(task.kind).observe(waited)


def tasks() -> Metric:
    told = GaugeMetricFamily(
        "tradedesk_order_tasks", "Tasks that have not ended, by state.", labels=["state"]
    )
    for state in OPEN:  # one by one: each has an index of its own
        told.add_metric([state], OrderTask.objects.filter(state=state).count())
    return told


def dead_letters() -> list[Metric]:
    found = OrderTask.objects.dead_letters().aggregate(number=Count("pk"), oldest=Min("created_at"))
    age = (store.now() - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    return [
        GaugeMetricFamily(
            "tradedesk_dead_letters", "Tasks that a person must decide.", value=found["number"]
        ),
        GaugeMetricFamily(
            "tradedesk_oldest_dead_letter_seconds", "Age of the oldest of them.", value=age
        ),
    ]


def breakers() -> Metric:
    told = GaugeMetricFamily(
        "tradedesk_breaker_open",
        "1 where the line to an account is not trusted and new orders wait.",
        labels=["account"],
    )
    open_ones = set(
        Breaker.objects.filter(opened_at__isnull=False).values_list("account_id", flat=True)
    )
    for account_id, code in BrokerAccount.objects.linked().values_list("pk", "code"):
        told.add_metric([code], account_id in open_ones)
    return told
