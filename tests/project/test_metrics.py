"""What /metrics tells of orders: outcomes, the share that went well, how long it took, what waits."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from accounts import breaker
from orders.engine import store
from orders.engine.models import OrderTask
from tests.accounts.conftest import asha, hashed_password, make_person  # noqa: F401
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.engine.conftest import account, sender  # noqa: F401
from tests.engine.desk import faults, give, limit, work
from tradedesk import metrics

RATIO = "tradedesk_order_success_ratio"
COUNTED = """
from tradedesk import metrics
for outcome, number in {"ACCEPTED": 7, "REJECTED": 5, "NOT_SENT": 2, "UNKNOWN": 1}.items():
    metrics.ORDER_OUTCOMES.labels("place", outcome).inc(number)
print(metrics.exposition().decode())
"""


def numbers(text):
    """Every sample, by its name and its labels."""
    return {
        (one.name, *sorted(one.labels.values())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def measured(client):
    return numbers(client.get("/metrics").content.decode())


@pytest.mark.parametrize("processes", [1, 2])
def test_the_share_that_went_well_leaves_refusals_out_over_all_processes(tmp_path, processes):
    folder = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(processes):
        ran = subprocess.run(
            [sys.executable, "-c", COUNTED], env=os.environ | folder, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr

    found = numbers(ran.stdout)
    assert found[RATIO,] == 0.7
    assert found["tradedesk_order_outcomes_total", "REJECTED", "place"] == 5 * processes


def test_nothing_sent_is_no_share_of_anything():
    family = metrics.ORDER_OUTCOMES.collect()
    [empty] = [one for one in family if one.name == "tradedesk_order_outcomes"]
    empty.samples = []

    assert metrics.success_of(empty).samples == []


@pytest.mark.django_db
def test_an_order_is_counted_by_its_outcome_and_its_time(client, account, exchange, sender):  # noqa: F811
    before = measured(client)
    give(account)
    work(sender, account)
    faults(exchange, {"route": "order.place", "effect": "status_400_before_acceptance", "error_type": "InputException", "count": 1})  # fmt: skip
    give(account, limit(quantity=2))
    work(sender, account)

    after = measured(client)

    def grown(*name):
        return after[name] - before.get(name, 0)

    assert grown("tradedesk_order_outcomes_total", "ACCEPTED", "place") == 1
    assert grown("tradedesk_order_outcomes_total", "REJECTED", "place") == 1
    assert grown("tradedesk_order_seconds_to_broker_count", "place") == 2
    assert 0 < grown("tradedesk_order_seconds_to_broker_sum", "place") < 60
    assert 0 < after[RATIO,] <= 1


@pytest.mark.django_db
def test_what_waits_what_must_be_decided_and_a_broken_line_are_told(client, account):  # noqa: F811
    for number, standing in enumerate(
        [{}, {"state": "DEAD_LETTER"}, {"state": "FAILED", "reason": "not sent"}], start=1
    ):
        task = give(account, limit(quantity=number))
        old = {"created_at": store.now() - timedelta(minutes=number)}
        OrderTask.objects.filter(pk=task.pk).update(**old, **standing)
    whole = measured(client)
    for _ in range(breaker.FAILURES):
        breaker.record_failure(account, "no answer")

    broken = measured(client)

    assert whole["tradedesk_order_tasks", "PENDING"] == 1
    assert whole["tradedesk_order_tasks", "UNKNOWN"] == 0
    assert whole["tradedesk_dead_letters",] == 2
    assert whole["tradedesk_oldest_dead_letter_seconds",] == pytest.approx(180, abs=30)
    assert whole["tradedesk_breaker_open", account.code] == 0
    assert broken["tradedesk_breaker_open", account.code] == 1


@pytest.mark.django_db
def test_answers_are_timed_by_their_route(client):
    client.get("/healthz")

    assert measured(client)["tradedesk_http_seconds_count", "200", "healthz"] >= 1


@pytest.mark.django_db
def test_without_the_database_the_counted_numbers_are_told_all_the_same(client):
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT whole")
        cursor.execute("ALTER TABLE orders_ordertask RENAME TO away")

        found = measured(client)

        cursor.execute("ROLLBACK TO SAVEPOINT whole")
    assert ("tradedesk_dead_letters",) not in found
    assert any(name[0] == "tradedesk_http_seconds_count" for name in found)
