"""What the broker said is kept for ever, raw, once; also what nobody could make sense of."""

import logging
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts import linking
from accounts.brokers.errors import BrokerUnavailable
from accounts.brokers.kite.client import rows_of
from accounts.brokers.kite.rows import order_from
from accounts.brokers.types import Fill, Gtt, OrderStatus, Side
from orders import book, inbox
from orders.datasets import refresh
from orders.engine import partitions
from orders.engine.sending import Sender
from orders.inbox import Heard, Subject
from orders.models import Order, Trade
from orders.syncing import SOURCES
from tests.accounts.conftest import asha, hashed_password, make_person  # noqa: F401
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.engine.desk import give, list_shares, work
from tests.orders.test_book import NOW, account, told  # noqa: F401

pytestmark = pytest.mark.django_db


def raw(**facts):
    return told(raw={"order_id": "1", "status": "OPEN", "filled_quantity": 0} | facts)


def absorb(account, *updates, heard_from="sync", seconds=0):  # noqa: F811
    book.absorb(account, updates, heard_from=heard_from, at=NOW + timedelta(seconds=seconds))


def kept():
    return list(Heard.objects.values_list("name", "heard_from", "payload"))


def test_each_new_telling_is_kept_as_it_came_and_the_same_book_writes_nothing(account):  # noqa: F811
    absorb(account, raw())
    absorb(account, raw(), seconds=1)
    absorb(account, raw(filled_quantity=4), heard_from="stream", seconds=2)
    absorb(account, raw(filled_quantity=4), seconds=3)

    assert kept() == [
        ("1", "sync", {"order_id": "1", "status": "OPEN", "filled_quantity": 0}),
        ("1", "stream", {"order_id": "1", "status": "OPEN", "filled_quantity": 4}),
    ]


def test_a_whole_history_at_once_is_kept_in_its_order(account):  # noqa: F811
    absorb(account, raw(), raw(filled_quantity=4), raw(filled_quantity=9))
    absorb(account, raw(filled_quantity=9), seconds=1)

    assert [payload["filled_quantity"] for _, _, payload in kept()] == [0, 4, 9]


def test_what_does_not_move_the_order_is_kept_all_the_same(account):  # noqa: F811
    done = told(OrderStatus.COMPLETE, filled=10, second=9, raw={"status": "COMPLETE"})
    absorb(account, done)
    absorb(account, raw(), seconds=1)
    absorb(account, raw(), seconds=2)

    assert [payload["status"] for _, _, payload in kept()] == ["COMPLETE", "OPEN"]
    assert Order.objects.get().status == "COMPLETE"


def test_it_costs_one_statement_where_there_is_news_and_none_where_there_is_none(
    account,  # noqa: F811
):  # fmt: skip
    many = [told(order_id=str(number), raw={"order_id": number, "n": 1}) for number in range(200)]
    absorb(account, *many)
    before = Heard.objects.count()
    with connection.execute_wrapper(counting := Counting()):
        absorb(account, *many, seconds=1)
    assert (Heard.objects.count(), counting.of_inbox) == (before, 0)

    newer = [replace(one, raw={**one.raw, "n": 2}) for one in many]
    with connection.execute_wrapper(counting := Counting()):
        absorb(account, *newer, seconds=2)
    assert (Heard.objects.count(), counting.of_inbox) == (before + 200, 1)


class Counting:
    def __init__(self):
        self.of_inbox = 0

    def __call__(self, execute, sql, params, many, context):
        self.of_inbox += "orders_heard" in sql
        return execute(sql, params, many, context)


def test_no_secret_goes_in(account):  # noqa: F811
    absorb(account, raw(instrument_token=408065, checksum="c", meta={"access_token": "t", "a": 1}))

    [(_, _, payload)] = kept()
    assert payload["instrument_token"] == 408065
    assert "checksum" not in payload
    assert payload["meta"] == {"a": 1}


def test_what_the_book_cannot_hold_is_kept_with_the_reason_and_spoils_nothing(account, caplog):  # noqa: F811
    long = replace(raw(), order_id="2", symbol="X" * 61)
    huge = replace(raw(), order_id="3", quantity=2**63)
    with caplog.at_level(logging.WARNING):
        absorb(account, long, huge, raw())
        absorb(account, long, huge, raw(), seconds=1)

    assert list(Order.objects.values_list("order_id", flat=True)) == ["1"]
    troubles = dict(Heard.objects.exclude(trouble="").values_list("name", "trouble"))
    assert troubles == {
        "2": "symbol is longer than 60 signs", "3": "a number is larger than any order",
    }  # fmt: skip
    assert Heard.objects.count() == 3
    assert "symbol is longer" in caplog.text


def row(**facts):
    return {
        "order_id": "7", "status": "OPEN", "exchange": "NSE", "tradingsymbol": "INFY",
        "transaction_type": "BUY", "order_type": "LIMIT", "product": "CNC", "quantity": 1,
    } | facts  # fmt: skip


def test_an_unknown_status_is_read_as_well_as_can_be_and_told_of(account):  # noqa: F811
    absorb(account, order_from(row(status="PONDERING")), order_from(row(order_id="8")))

    assert Order.objects.get(order_id="7").status == OrderStatus.RECEIVED
    found = dict(Heard.objects.values_list("name", "trouble"))
    assert found == {"7": "the status 'PONDERING' is new to us", "8": ""}


def test_a_row_that_spoils_an_answer_is_kept_once(account):  # noqa: F811
    for _ in range(2):
        with pytest.raises(BrokerUnavailable) as caught:
            rows_of("read the order book", order_from, [row(), row(order_id="9", quantity="many")])
        inbox.keep_unread(account, Subject.ORDER, caught.value, heard_from="sync", at=NOW)

    one = Heard.objects.get()
    assert (one.name, one.payload["quantity"]) == ("9", "many")
    assert "not an amount" in one.trouble


def test_a_nul_in_a_payload_does_not_lose_it(account):  # noqa: F811
    absorb(account, raw(note="a\0b"), told(order_id="2"))

    assert Order.objects.get().order_id == "2"

    assert Heard.objects.get(name="1").payload["note"] == "a\\0b"


def fill(**facts):
    terms: dict[str, Any] = {
        "trade_id": "t1", "order_id": "1", "exchange": "NSE", "symbol": "INFY", "side": Side.BUY,
        "product": "CNC", "quantity": 1, "price": Decimal(1500), "filled_at": NOW,
        "raw": {"trade_id": "t1", "average_price": 1500},
    }  # fmt: skip
    return Fill(**terms | facts)


def test_a_trade_told_otherwise_stays_and_the_new_telling_is_kept(account):  # noqa: F811
    book.record_trades(account, [fill()], at=NOW)
    book.record_trades(account, [fill()], at=NOW)
    corrected = fill(price=Decimal(1501), raw={"trade_id": "t1", "average_price": 1501})
    assert book.record_trades(account, [corrected], at=NOW) == 0
    book.record_trades(account, [corrected], at=NOW)

    assert [payload["average_price"] for _, _, payload in kept()] == [1500, 1501]
    assert Trade.objects.get().price == 1500


def test_triggers_are_kept_when_they_are_told_differently(account):  # noqa: F811
    one = Gtt(
        gtt_id="5", kind="single", status="active", exchange="NSE", symbol="INFY", triggers=(),
        last_price=Decimal(1), legs=(), raw={"id": 5, "status": "active"},
    )  # fmt: skip
    book.record_gtts(account, [one], at=NOW)
    book.record_gtts(account, [one], at=NOW)
    book.record_gtts(account, [replace(one, raw={"id": 5, "status": "triggered"})], at=NOW)

    assert [payload["status"] for _, _, payload in kept()] == ["active", "triggered"]
    assert set(Heard.objects.values_list("subject", flat=True)) == {"gtt"}


def test_nobody_changes_or_deletes_what_was_heard(account):  # noqa: F811
    absorb(account, raw())
    for act in (
        lambda: Heard.objects.update(trouble="no"),
        lambda: Heard.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError, match="what was heard is final"), transaction.atomic():
            act()

    assert Heard.objects.get().trouble == ""


def test_its_months_are_made_and_missed_like_those_of_events(account):  # noqa: F811
    now = timezone.now()
    assert partitions.lacking(now) == []
    year, month = partitions.month_after(now.year, now.month)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE orders_heard_{year}_{month:02}")

    assert partitions.lacking(now) == [f"orders_heard_{year}_{month:02}"]
    assert partitions.ensure(now) == [f"orders_heard_{year}_{month:02}"]


@pytest.mark.django_db(transaction=True)
def test_what_an_exchange_says_comes_in_by_the_same_door(exchange, asha):  # noqa: F811
    exchange.control("POST", "prices", {"NSE:INFY": "1500"})
    list_shares()
    mine = linking.link_paper(owner=asha)
    task = give(mine)
    work(Sender(), mine)
    task.refresh_from_db()

    refresh(mine, SOURCES[0])
    answer, book_row = Heard.objects.filter(account_id=mine.pk, name=task.order_id)
    assert (answer.heard_from, book_row.heard_from) == ("answer", "sync")
    assert book_row.payload["tag"] == task.tag
