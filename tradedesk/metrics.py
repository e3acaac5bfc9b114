"""What the product counts, correct over all its processes."""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import REGISTRY

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
LOGINS = Counter("tradedesk_logins", "Log-ins, by outcome.", ["outcome"])


def exposition() -> bytes:
    """Give the numbers of all processes in Prometheus' text form."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
