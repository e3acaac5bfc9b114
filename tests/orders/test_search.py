"""What a trader types finds what the trader means, in the order it is wanted."""

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.instruments import NoMaster, search
from orders.instruments.specimen import rows
from tests.orders.listing import FRIDAY, MASTER, brought_in, contract, listed, market

pytestmark = pytest.mark.django_db


@pytest.fixture
def there():
    assert brought_in().is_done


def found(text, **options):
    return [row.key for row in search(text, master=MASTER, **options)]


def test_the_exact_symbol_comes_first_and_shares_before_contracts(there):
    assert found("infy") == ["NSE:INFY", "BSE:INFY", "NFO:INFY26NOVFUT"]
    assert found("lt")[0] == "NSE:LT"
    assert found("NIFTY26DECFUT") == ["NFO:NIFTY26DECFUT"]


def test_a_beginning_of_a_symbol_finds_those_with_contracts_first(there):
    assert found("inf") == ["NSE:INFY", "BSE:INFY", "NSE:INFIBEAM", "NFO:INFY26NOVFUT"]
    assert found("tata")[:3] == ["NSE:TATASTEEL", "NSE:TATAINVEST", "NSE:TATAMOTORS"]


def test_words_of_a_name_find_it_in_any_order(there):
    assert found("motors tata") == ["NSE:TATAMOTORS"]
    assert found("tata mot") == ["NSE:TATAMOTORS"]
    assert found("infosys") == ["NSE:INFY", "BSE:INFY"]
    assert found("exchange steel") == ["NSE:STEELXIND"]
    assert found("tata motors limited") == ["NSE:TATAMOTORS"]
    assert found("limited") == []  # in too many names to find one


@pytest.mark.parametrize("text", ["m&m", "M & M", "mm"])
def test_signs_in_a_symbol_may_be_left_out(there, text):
    assert found(text)[0] == "NSE:M&M"


@pytest.mark.parametrize("text", ["bajaj-auto", "bajaj auto", "BAJAJAUTO", "auto baj"])
def test_a_hyphen_is_a_blank_or_nothing(there, text):
    assert found(text) == ["NSE:BAJAJ-AUTO"]


def test_an_option_is_found_by_underlying_strike_and_kind_the_nearest_first(there):
    calls = ["NFO:NIFTY26NOV24500CE", "NFO:NIFTY26D0124500CE", "NFO:NIFTY27JAN24500CE"]

    assert found("NIFTY 24500 CE") == calls
    assert found("24500 call nifty") == calls
    assert found("nifty 245 put") == ["NFO:NIFTY26NOV24500PE"]
    assert found("24500 ce") == calls
    assert found("usdinr 84.25") == ["CDS:USDINR26NOV84.25CE"]


def test_a_future_is_found_by_its_month(there):
    assert found("nifty jan fut") == ["NFO:NIFTY27JANFUT"]
    assert found("nifty january future") == ["NFO:NIFTY27JANFUT"]
    assert found("nifty fut") == [
        "NFO:NIFTY26NOVFUT", "NFO:NIFTY26DECFUT", "NFO:NIFTY27JANFUT", "NFO:NIFTYNXT5026NOVFUT",
    ]  # fmt: skip


def test_a_day_is_a_day_before_it_is_the_beginning_of_a_strike(there):
    brought_in([*market(), contract("NIFTY26N0324000CE", "CE", "2026-11-03", 24000)])

    assert found("nifty 24 nov ce")[:2] == ["NFO:NIFTY26NOV24000CE", "NFO:NIFTY26NOV24500CE"]


def test_an_exchange_among_the_words_keeps_to_it(there):
    assert found("infy bse") == ["BSE:INFY"]
    assert found("nfo infy") == ["NFO:INFY26NOVFUT"]


def test_indices_do_not_crowd_out_the_futures(there):
    assert found("nifty", limit=3) == ["NSE:NIFTY 50", "NSE:NIFTY BANK", "NFO:NIFTY26NOVFUT"]


def test_the_beginning_of_a_contracts_symbol_finds_it(there):
    assert found("NIFTY26NOV245") == ["NFO:NIFTY26NOV24500CE", "NFO:NIFTY26NOV24500PE"]


@pytest.mark.parametrize(
    "text",
    ["", "   ", "%", "_", "'", '"', "\\", "';--", "%%%", "()&|!:*", "\x00", "इन्फी", "<script>", "& : *", "-", "."],
)  # fmt: skip
def test_what_is_no_word_finds_nothing(there, text):
    assert found(text) == []


@pytest.mark.parametrize("text", ["infy%", "'infy'", "in%fy", "infy\x00", "infy:*", "infy & !x"])
def test_signs_have_no_meaning(there, text):
    search(text, master=MASTER)


@pytest.mark.parametrize("text", ["x" * 500, "nifty " * 100, "9" * 500, "n" * 10_000, "1.5" * 100])
def test_a_long_question_is_answered(there, text):
    search(text, master=MASTER)


@pytest.mark.parametrize(("limit", "most"), [(0, 0), (-5, 0), (1, 1), (10_000, 100)])
def test_the_limit_holds(there, limit, most):
    assert len(found("n", limit=limit)) <= most


def test_other_masters_and_what_is_gone_are_not_found(there):
    brought_in([listed("INFY")], master="kite-paper")
    brought_in([row for row in market() if row.symbol != "LT"])

    assert [row.key for row in search("infy", master="kite-paper")] == ["NSE:INFY"]
    assert found("larsen") == []


def test_without_any_list_the_trader_is_told_so():
    with pytest.raises(NoMaster, match=r"no attempt was made yet.*sync_instruments"):
        found("infy")
    with time_machine.travel(FRIDAY):
        brought_in([])
        with pytest.raises(NoMaster, match="the list is empty"):
            found("infy")


def test_every_search_goes_by_an_index():
    brought_in(rows(FRIDAY.date(), size=60_000))
    questions = ["in", "shr", "industries", "nifty 24500 ce", "ba", "nifty26nov", "24500 ce"]

    with CaptureQueriesContext(connection) as asked:
        assert all(found(text) for text in questions)

    searches = [query["sql"] for query in asked if "orders_instrument" in query["sql"]]
    assert len(searches) >= 2 * len(questions)
    with connection.cursor() as cursor:
        for sql in searches:
            cursor.execute("EXPLAIN " + sql)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan on orders_instrument" not in plan
