"""What the product counts, correct over all its processes."""

import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import REGISTRY, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

TECHNICAL = ("NOT_SENT", "UNKNOWN")

REQUESTS = Histogram(
    "tradedesk_http_seconds",
    "Time to answer a request, by route and status.",
    ["route", "status"],
    buckets=(0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2, 5),
)
ERRORS = Counter("tradedesk_unhandled_errors", "Unhandled errors, by process kind.", ["kind"])
SYNC_FAILURES = Counter(
    "tradedesk_sync_failures",
    "Answers of brokers that did not come or could not be kept.",
    ["part"],
)
ORDER_OUTCOMES = Counter(
    "tradedesk_order_outcomes",
    "What became of each sending to a broker; technical failures are NOT_SENT and UNKNOWN.",
    ["kind", "outcome"],
)
TO_BROKER = Histogram(
    "tradedesk_order_seconds_to_broker",
    "Time from taking an order until it leaves for the broker for the first time.",
    ["kind"],
    buckets=(0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60),
)
LOGINS = Counter("tradedesk_logins", "Log-ins, by outcome.", ["outcome"])


def exposition(*more: Collector) -> bytes:
    """Give the numbers of all processes, and these, in Prometheus' text form."""
    counted: Collector = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    whole = CollectorRegistry()
    for one in (Counted(counted), *more):
        whole.register(one)
    return generate_latest(whole)


class Counted(Collector):
    """What was counted, and the share of orders that the line to the broker let through."""

    def __init__(self, counted: Collector) -> None:
        self.counted = counted

    def collect(self) -> Iterator[Metric]:
        for family in self.counted.collect():
            yield family
            if family.name == "tradedesk_order_outcomes":
                yield success_of(family)


def success_of(outcomes: Metric) -> Metric:
    """Give accepted ÷ (accepted + technical failures); what a broker refuses on its merits is neither."""
    sums: dict[str, float] = {}
    for one in outcomes.samples:
        if one.name.endswith("_total"):
            outcome = one.labels["outcome"]
            sums[outcome] = sums.get(outcome, 0) + one.value
    accepted = sums.get("ACCEPTED", 0)
    tried = accepted + sum(sums.get(one, 0) for one in TECHNICAL)
    share = GaugeMetricFamily(
        "tradedesk_order_success_ratio", "Sendings accepted, of those not refused by the broker."
    )
    if tried:
        share.add_metric([], accepted / tried)
    return share
