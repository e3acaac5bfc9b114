"""A slip of the fingers still finds what was meant, and what is right is never corrected."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from orders.instruments import search
from orders.instruments.specimen import rows
from orders.instruments.spelling import away, slips
from tests.orders.listing import FRIDAY, MASTER, brought_in, contract, listed, market

pytestmark = pytest.mark.django_db


@pytest.fixture
def there():
    more = [
        listed("RELIANCE", name="RELIANCE INDUSTRIES"),
        listed("HDFCBANK", name="HDFC BANK"),
        contract("BANKNIFTY26DECFUT", "FUT", "2026-12-29", name="BANKNIFTY"),
        contract("BANKNIFTY26DEC55000CE", "CE", "2026-12-29", 55000, name="BANKNIFTY"),
        contract("NIFTY26DEC26000PE", "PE", "2026-12-29", 26000),
        contract("NIFTY26D0126000PE", "PE", "2026-12-01", 26000),
        contract("NIFTY26DEC26000CE", "CE", "2026-12-29", 26000),
    ]
    assert brought_in([*market(), *more]).is_done


def found(text, **options):
    return [row.key for row in search(text, master=MASTER, **options)]


def test_what_a_trader_types_for_an_option_finds_it_the_nearest_first(there):
    puts = ["NFO:NIFTY26D0126000PE", "NFO:NIFTY26DEC26000PE"]

    assert found("nifty 26000 pe dec") == puts
    assert found("26000 PE nifty december") == puts
    assert found("nifty 29 dec 26000 put") == puts[1:]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("relaince", "NSE:RELIANCE"), ("relianse", "NSE:RELIANCE"), ("reliannce", "NSE:RELIANCE"), ("rliance", "NSE:RELIANCE"),
        ("inyf", "NSE:INFY"), ("infosis", "NSE:INFY"), ("inofsys", "NSE:INFY"),
        ("tata motrs", "NSE:TATAMOTORS"), ("mahendra", "NSE:M&M"), ("hdfcbnak", "NSE:HDFCBANK"),
        ("bankniffty 55000 ce", "NFO:BANKNIFTY26DEC55000CE"), ("nfity 26000 pe", "NFO:NIFTY26D0126000PE"),
        ("nifty 26000 pe decmber", "NFO:NIFTY26D0126000PE"), ("sensx fut", "BFO:SENSEX26NOVFUT"),
        ("glod fut", "MCX:GOLD26DECFUT"), ("tata stele", "NSE:TATASTEEL"), ("relain", "NSE:RELIANCE"), ("bse infyy", "BSE:INFY"),
    ],
)  # fmt: skip
def test_a_slip_finds_what_was_meant(there, text, first):
    assert found(text)[:1] == [first]


@pytest.mark.parametrize(
    "text", ["qwxz", "zzzzzzzz", "larsenandsonsinc", "xy", "99999 ce", "'%_\\", "x" * 500]
)
def test_what_resembles_nothing_finds_nothing(there, text):
    assert found(text) == []


def test_what_finds_something_is_not_corrected(there):
    with CaptureQueriesContext(connection) as asked:
        assert found("infi") == ["NSE:INFIBEAM"]

    assert not any("similarity" in query["sql"] for query in asked)


@pytest.mark.parametrize(("text", "first"), [("relaince", "NSE:RELIANCE"), ("inyf", "NSE:INFY")])
def test_the_nearest_word_is_found_by_an_index(text, first):
    brought_in(rows(FRIDAY.date(), size=60_000))

    with CaptureQueriesContext(connection) as asked:
        assert found(text)[0] == first
    searches = [query["sql"] for query in asked if "orders_instrument" in query["sql"]]
    assert any("similarity" in sql for sql in searches)
    with connection.cursor() as cursor:
        for sql in searches:
            cursor.execute("EXPLAIN " + sql)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan on orders_instrument" not in plan


WORDS = st.text("ABCDEFXYZ", max_size=12)


@given(WORDS, WORDS)
def test_slips_are_counted_the_same_from_either_side(one, other):
    assert slips(one, other) == slips(other, one)
    assert (slips(one, other) == 0) == (one == other)
    assert slips(one, other) <= 99


@given(WORDS.filter(lambda word: len(word) > 3), st.data())
def test_one_slip_of_each_kind_is_one(word, data):
    at = data.draw(st.integers(0, len(word) - 2))
    left_out = word[:at] + word[at + 1 :]
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]

    assert slips(left_out, word) == slips(word, left_out) == 1
    assert slips(swapped, word) <= 1
    assert away(swapped, word) is not None
