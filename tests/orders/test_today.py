"""Which orders belong to today: told to Django and spelled in SQL, and the same."""

import itertools
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderStatus, Variety
from orders.ledger import OF_TODAY, WORKS, Order, today
from tradedesk.database import answers
from tradedesk.times import IST

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=IST)


def test_the_sql_says_what_the_queryset_says():
    account = BrokerAccount.objects.create(
        code="rao", name="Rao", tag="RA", broker="kite", environment="paper", broker_user_id="PA1"
    )
    days_ago = [0, 1, 4, 5, 6, -1]
    moved = [None, NOON, NOON.replace(hour=0), NOON.replace(hour=0) - timedelta(seconds=1)]
    kinds = itertools.product(OrderStatus, [Variety.REGULAR, Variety.AMO], days_ago, moved)
    Order.objects.bulk_create(
        Order(
            account=account, order_id=str(number), day=NOON.date() - timedelta(days=days),
            status=status, variety=variety, updated_at=at, quantity=1, synced_at=timezone.now(),
        )
        for number, (status, variety, days, at) in enumerate(kinds)
    )  # fmt: skip

    def by_sql(condition):
        question = f"SELECT id FROM orders_order WHERE {condition}"  # noqa: S608
        return {pk for (pk,) in answers(question, today(NOON))}

    def by_django(found):
        return set(found.values_list("pk", flat=True))

    of_today = Order.objects.all().of_today(NOON)
    assert by_sql(OF_TODAY) == by_django(of_today)
    assert by_sql(f"{WORKS} AND {OF_TODAY}") == by_django(of_today.working())
    assert 0 < of_today.working().count() < of_today.count() < Order.objects.count()
