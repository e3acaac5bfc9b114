"""News of orders may come twice, late and out of order: the book ends the same."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import Fill, OrderStatus, OrderUpdate, Side
from orders import book
from orders.models import Order, OrderStep, Trade

pytestmark = pytest.mark.django_db
BEGAN = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.fixture
def account():
    return BrokerAccount.objects.create(
        code="rao", name="Rao", tag="RA", broker="kite", environment="paper", broker_user_id="PA1"
    )


def told(status=OrderStatus.OPEN, filled=0, second=0, order_id="1", **changed):
    facts = {
        "order_id": order_id,
        "status": status,
        "status_text": str(status),
        "exchange": "NSE",
        "symbol": "INFY",
        "side": Side.BUY,
        "order_type": "LIMIT",
        "product": "CNC",
        "variety": "regular",
        "validity": "DAY",
        "quantity": 10,
        "filled_quantity": filled,
        "price": Decimal("1500.05"),
        "average_price": Decimal("1500.05") if filled else Decimal(0),
        "ordered_at": BEGAN,
        "updated_at": BEGAN + timedelta(seconds=second),
    } | changed
    raw = {name: str(value) for name, value in facts.items()}  # as brokers spell it
    return OrderUpdate(**{"raw": raw} | facts)


LIFE = [
    told(OrderStatus.RECEIVED, second=0),
    told(OrderStatus.OPEN, second=1),
    told(OrderStatus.OPEN, filled=4, second=2),
    told(OrderStatus.MODIFYING, filled=4, second=3),
    told(OrderStatus.OPEN, filled=4, second=3, price=Decimal("1501.00")),
    told(OrderStatus.COMPLETE, filled=10, second=4, price=Decimal("1501.00")),
]


def state(account):
    skipped = {
        "id",
        "synced_at",
        "first_seen_at",
        "content",
    }  # what was heard last, not what stands
    rows = Order.objects.filter(account=account).order_by("order_id").values()
    return [{name: value for name, value in row.items() if name not in skipped} for row in rows]


def absorbed(account, updates):
    OrderStep.objects.all().delete()
    Order.objects.all().delete()
    for update in updates:
        book.absorb(account, [update], heard_from="test", at=NOW)
    return state(account), OrderStep.objects.count()


def test_all_ways_in_which_six_pieces_of_news_can_come_end_the_same(account):
    expected = absorbed(account, LIFE)
    assert expected[0][0]["status"] == "COMPLETE"
    ways = list(itertools.permutations(LIFE))
    for way in random.Random(1).sample(ways, 60):
        assert absorbed(account, way) == expected


def test_the_same_news_again_changes_nothing(account):
    book.absorb(account, LIFE, heard_from="sync", at=NOW)
    before = (state(account), OrderStep.objects.count())

    changed = book.absorb(account, LIFE, heard_from="stream", at=NOW + timedelta(seconds=5))

    assert changed == 0
    assert (state(account), OrderStep.objects.count()) == before
    assert before[1] == len(LIFE)


def test_a_book_in_which_nothing_changed_is_compared_in_one_question(
    account, django_assert_max_num_queries
):
    whole = [told(order_id=str(number)) for number in range(100)]
    book.absorb(account, whole, heard_from="sync", at=NOW)

    with django_assert_max_num_queries(3):  # two of them begin and end the transaction
        assert book.absorb(account, whole, heard_from="sync", at=NOW) == 0
    moved = [*whole[:-1], told(OrderStatus.CANCELLED, order_id="99", second=1)]
    assert book.absorb(account, moved, heard_from="sync", at=NOW) == 1


def test_a_word_that_was_learnt_since_is_read_anew(account):
    """The broker says what it said before, and the desk reads it otherwise now."""
    book.absorb(account, [told(OrderStatus.OPEN)], heard_from="sync", at=NOW)
    Order.objects.update(status=OrderStatus.RECEIVED)

    later = NOW + timedelta(seconds=5)
    assert book.absorb(account, [told(OrderStatus.OPEN)], heard_from="sync", at=later) == 1
    assert Order.objects.get().status == OrderStatus.OPEN


def test_a_final_state_stands_whatever_comes_late(account):
    book.absorb(account, [told(OrderStatus.CANCELLED, second=2)], heard_from="sync", at=NOW)
    book.absorb(account, [told(OrderStatus.OPEN, second=9)], heard_from="stream", at=NOW)

    assert Order.objects.get().status == "CANCELLED"


updates = st.lists(
    st.builds(
        told,
        status=st.sampled_from(list(OrderStatus)),
        filled=st.integers(0, 10),
        second=st.integers(0, 3),
        order_id=st.sampled_from(["1", "2"]),
        price=st.sampled_from([Decimal("1.5"), Decimal("1.50"), Decimal("2")]),
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(updates, st.randoms())
def test_any_news_in_any_order_and_any_batches_end_the_same(account, news, dice):
    expected = absorbed(account, news)
    shuffled = news * 2
    dice.shuffle(shuffled)
    OrderStep.objects.all().delete()
    Order.objects.all().delete()
    cut = dice.randint(0, len(shuffled))
    for some in (shuffled[:cut], shuffled[cut:]):
        book.absorb(account, some, heard_from="test", at=NOW)
    found = (state(account), OrderStep.objects.count())

    plain = [{**row, "price": row["price"].normalize()} for row in found[0]]
    wanted = [{**row, "price": row["price"].normalize()} for row in expected[0]]
    assert (plain, found[1]) == (wanted, expected[1])


def fill(trade_id="9", second=0, **changed):
    facts = {
        "trade_id": trade_id, "order_id": "1", "exchange": "NSE", "symbol": "INFY",
        "side": Side.BUY, "product": "CNC", "quantity": 4, "price": Decimal("1500.05"),
        "filled_at": BEGAN + timedelta(seconds=second),
    }  # fmt: skip
    return Fill(**facts | changed)


def test_every_trade_is_kept_once_even_within_one_second(account):
    fills = [fill("9"), fill("10"), fill("11"), fill("9", exchange="BSE")]

    assert book.record_trades(account, fills, at=NOW) == 4
    assert book.record_trades(account, fills, at=NOW) == 0
    assert Trade.objects.count() == 4
    # The same number on another day is another trade.
    later = fill("9", filled_at=BEGAN + timedelta(days=1))
    assert book.record_trades(account, [later], at=NOW) == 1


def test_a_trade_without_a_time_is_kept_too(account):
    book.record_trades(account, [fill(filled_at=None)], at=NOW)

    assert Trade.objects.get().filled_at is None


def test_the_day_of_an_order_is_the_indian_one(account):
    late = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)  # half past midnight in India
    book.absorb(account, [told(ordered_at=late)], heard_from="sync", at=NOW)

    assert Order.objects.get().day.isoformat() == "2026-11-21"
