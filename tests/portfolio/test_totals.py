"""Sums: what is left out is said, and real money is never added to paper."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.brokers.types import Funds, SegmentFunds
from portfolio.totals import (
    MixedMoney,
    apart,
    by_account,
    by_underlying,
    grouped,
    total,
    total_funds,
    total_holdings,
    total_positions,
)
from portfolio.valuation import value_funds
from tests.portfolio.rows import D, holding, position, valued


def long(price, **more):
    bought = {"buy_quantity": 1, "buy_value": D(100), "day_buy_quantity": 1}
    row = position(quantity=1, last_price=D(price), day_buy_value=D(100), **bought)
    return valued(row, **more)


CLOSED = position(
    buy_quantity=1, buy_value=D(90), sell_quantity=1, sell_value=D(100), day_buy_quantity=1,
    day_buy_value=D(90), day_sell_quantity=1, day_sell_value=D(100),
)  # fmt: skip


def test_a_row_without_a_price_is_left_out_and_named():
    found = total_positions([long(110), long(0), valued(CLOSED)])

    assert (found.pnl.amount, found.pnl.rows) == (D(20), 2)
    assert [(row.name, row.reason) for row in found.pnl.left_out] == [("NSE:INFY", "no last price")]
    assert found.pnl.note == "excludes 1 row: no last price"
    assert (found.booked.amount, found.booked.note) == (D(10), "")
    assert (found.rows, found.closed_rows) == (3, 1)


def test_a_sum_of_nothing_is_nought_and_a_sum_of_unknowns_is_unknown():
    assert total_positions([]).pnl.amount == 0
    assert total_positions([long(0), long(0)]).pnl.amount is None
    assert total_positions([long(0), long(0)]).pnl.note == "excludes 2 rows: no last price"


@pytest.mark.parametrize("other", ["paper", "sandbox"])
@pytest.mark.parametrize("add", [total_positions, lambda rows: total(rows, "pnl")])
def test_real_and_practice_money_are_never_added(add, other):
    with pytest.raises(MixedMoney, match="never added together"):
        add([long(110), long(110, environment=other)])


def test_grouping_keeps_kinds_of_money_apart():
    rows = [
        long(110, account="A", underlying="NIFTY"),
        long(120, account="B", underlying="NIFTY"),
        long(130, account="P", underlying="NIFTY", environment="paper"),
        long(140, account="B", underlying="GOLD"),
    ]

    def sums(groups):
        return {key: total(found, "pnl").amount for key, found in groups.items()}

    assert sums(apart(rows)) == {"live": 70, "paper": 30}
    assert sums(grouped(rows, by_account)) == {
        ("live", "A"): 10, ("live", "B"): 60, ("paper", "P"): 30,
    }  # fmt: skip
    assert sums(grouped(rows, by_underlying)) == {
        ("live", "NIFTY"): 30, ("paper", "NIFTY"): 30, ("live", "GOLD"): 40,
    }  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from("ABC")), max_size=12))
def test_groups_add_up_to_the_whole(facts):
    rows = [long(price, account=account) for price, account in facts]

    parts = [total(group, "pnl") for group in grouped(rows, by_account).values()]

    whole = total(rows, "pnl")
    assert sum(part.amount or 0 for part in parts) == (whole.amount or 0)
    assert sum(part.rows for part in parts) == whole.rows
    assert sum(len(part.left_out) for part in parts) == len(whole.left_out)


def rounded(found):
    return round(found.amount, 4)


def share(symbol, settled, t1, average, last, close):
    return holding(
        symbol=symbol, quantity=settled, t1_quantity=t1, average_price=D(average),
        last_price=D(last), close_price=D(close),
    )  # fmt: skip


def test_holdings_in_six_numbers_as_kite_sums_them():
    rows = [
        share("BHEL", 11, 1, "56.35", "75.85", "77"),
        share("SBIN", 11, 7, "429", "426.9", "432.4"),
    ]

    found = total_holdings([valued(row) for row in rows])

    assert (found.invested.amount, found.current_value.amount) == (D("8398.20"), D("8594.40"))
    assert (found.pnl.amount, found.day_pnl.amount) == (D("196.20"), D("-112.80"))
    assert rounded(found.pnl_percent) == D("2.3362")
    assert rounded(found.day_percent) == D("-1.2955")


def test_percentages_leave_out_the_same_rows_as_their_sums():
    known, unknown = share("A", 1, 0, 100, 110, 100), share("B", 1, 0, 0, 500, 0)

    found = total_holdings([valued(known), valued(unknown)])

    assert found.current_value.amount == 610
    assert (found.pnl_percent.amount, found.day_percent.amount) == (D(10), D(10))
    assert found.pnl_percent.note == "excludes 1 row: the average price is not known"
    assert total_holdings([]).pnl_percent.amount is None


def test_a_segment_that_is_not_there_is_no_gap():
    equity = SegmentFunds(is_enabled=True, net=D(70), cash=D(50))
    off = SegmentFunds(is_enabled=False, net=D(0))

    rows = value_funds(Funds(equity=equity, commodity=off), account="A", environment="live")

    found = total_funds(rows)
    assert (found.rows, found.available_margin.amount, found.available_cash.note) == (1, D(70), "")
    assert rows[1].reasons["available_cash"] == "this segment is not enabled"
