"""Figures of one row: the reference's rows, and the same by a slower way."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.brokers.kite.portfolio_rows import position_from
from accounts.brokers.paper.portfolio import position_row
from accounts.brokers.paper.state import Position as PaperPosition
from accounts.brokers.types import Funds, SegmentFunds
from portfolio.valuation import value_funds
from tests.paper.engine_cast import make_trader
from tests.portfolio.rows import Bought, D, holding, position, position_of, slow_pnl, valued

KITE_FIGURES = ("value", "pnl", "m2m", "realised", "unrealised")

# The rows of Kite's own samples, net and day.
LEAD = {
    "exchange": "MCX", "symbol": "LEADMINI17DECFUT", "product": "NRML", "quantity": 1,
    "multiplier": D(1000), "average_price": D("161.05"), "last_price": D("161.05"),
    "buy_quantity": 1, "buy_price": D("161.05"), "buy_value": D(161050),
    "day_buy_quantity": 1, "day_buy_price": D("161.05"), "day_buy_value": D(161050),
}  # fmt: skip
GOLD = {
    "exchange": "MCX", "symbol": "GOLDGUINEA17DECFUT", "product": "NRML", "last_price": D(23355),
    "sell_quantity": 4, "sell_value": D(93360), "day_buy_quantity": 1, "day_buy_value": D(23388),
    "day_sell_quantity": 4, "day_sell_value": D(93360),
}  # fmt: skip
GOLD_NET = GOLD | {
    "overnight_quantity": 3, "close_price": D(23232), "buy_quantity": 4, "buy_value": D(92559),
}  # fmt: skip
GOLD_DAY = GOLD | {"quantity": -3, "buy_quantity": 1, "buy_value": D(23388)}
SBIN = {
    "symbol": "SBIN", "product": "CO", "last_price": D("308.4"), "buy_quantity": 1,
    "buy_value": D(311), "sell_quantity": 1, "sell_value": D(309), "day_buy_quantity": 1,
    "day_buy_value": D(311), "day_sell_quantity": 1, "day_sell_value": D(309),
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "value", "pnl", "m2m"),
    [
        (LEAD, "-161050", "0", "0"),
        (GOLD_NET, "801", "801", "276"),
        (GOLD_DAY, "69972", "-93", "-93"),
        (SBIN, "-2", "-2", "-2"),
    ],
)
def test_kites_sample_positions_come_out(row, value, pnl, m2m):
    found = valued(position(**row))

    assert (found.value, found.pnl, found.m2m) == (D(value), D(pnl), D(m2m))
    assert (found.realised, found.unrealised) == (0, D(pnl))
    assert set(found.reasons) <= {"breakeven", "average_price", "change_percent"}


def test_the_acceptance_sample_has_prices_and_no_values():
    found = valued(
        position(quantity=75, last_price=D("24550.00"), buy_quantity=75, buy_price=D("24500.50"),
                 day_buy_quantity=75, day_buy_price=D("24500.50"))
    )  # fmt: skip

    assert (found.pnl, found.m2m) == (D("3712.50"), D("3712.50"))
    assert found.current_value == D("1841250.00")
    assert found.breakeven == D("24500.50")


def test_a_newer_price_comes_before_the_brokers():
    found = valued(position(**LEAD), last_price=D("161.55"))

    assert (found.last_price, found.pnl, found.current_value) == (D("161.55"), 500, 161550)


def test_what_is_closed_and_what_is_open_are_told_apart():
    fills = [Bought(10, D(100)), Bought(10, D(110)), Bought(-5, D(120))]

    found = valued(position_of(fills, last=D(115)))

    assert (found.booked, found.open_pnl, found.pnl) == (75, 150, 225)
    assert found.breakeven == D(100)


prices = st.decimals("0.0025", "99999", places=4)
quantities = st.integers(-9999, 9999).filter(bool)
fills = st.lists(st.builds(Bought, quantities, prices), max_size=8)
multipliers = st.sampled_from([D(1), D(10), D(1000)])


@given(fills, fills, prices, prices, multipliers)
def test_figures_of_sums_are_the_figures_of_the_fills(today, carried, last, close, multiplier):
    row = position_of(today, carried=carried, last=last, close=close, multiplier=multiplier)
    at_close = [Bought(fill.quantity, close) for fill in carried]

    found = valued(row)

    assert found.pnl == found.unrealised == slow_pnl([*carried, *today], last, multiplier)
    assert found.m2m == slow_pnl([*at_close, *today], last, multiplier)
    assert found.current_value == row.quantity * last * multiplier
    assert abs(found.booked + found.open_pnl - found.pnl) < D("1e-20")
    assert abs(found.day_booked + found.day_open - found.m2m) < D("1e-20")


@given(fills, prices, multipliers)
def test_at_the_breakeven_price_nothing_is_won_or_lost(today, last, multiplier):
    row = position_of(today, last=last, multiplier=multiplier)
    found = valued(row)

    if row.quantity:
        pnl = valued(row, last_price=found.breakeven).pnl if found.breakeven else D(0)
        assert abs(pnl) < D("1e-20")
    else:
        assert (found.breakeven, found.reasons["breakeven"]) == (None, "the position is closed")


@given(st.lists(st.builds(Bought, st.integers(1, 999), prices), min_size=1, max_size=6), prices)
def test_a_long_that_sells_a_part_books_it_at_the_average(buys, price):
    held = sum(fill.quantity for fill in buys)
    sold = held // 2 + 1
    average = sum(fill.quantity * fill.price for fill in buys) / D(held)

    found = valued(position_of([*buys, Bought(-sold, price)], last=price))

    assert abs(found.booked - sold * (price - average)) < D("1e-12")


@pytest.fixture(scope="module")
def trader():
    return make_trader()


counts = st.integers(0, 500)
amounts = st.integers(1, 10**12)


@given(st.integers(-500, 500), counts, counts, amounts, amounts, amounts)
@pytest.mark.parametrize("key", ["NSE:INFY", "USDINR", "CRUDEOIL"])
def test_the_paper_exchange_says_the_same(trader, key, carried, buys, sells, cost, paid, received):
    listed = next(
        each
        for each in trader.exchange.floor.market.by_token.values()
        if each.key == key or (each.symbol.startswith(key) and each.kind == "FUT")
    )
    at_paper = PaperPosition(
        token=listed.token, key=listed.key, product="NRML", multiplier=listed.multiplier,
        delivers=False, overnight=carried, carried_buy=cost if carried > 0 else 0,
        carried_sell=cost if carried < 0 else 0, day_buy_quantity=buys,
        day_buy_value=paid if buys else 0, day_sell_quantity=sells,
        day_sell_value=received if sells else 0,
    )  # fmt: skip
    for day_only in (False, True):
        row = position_row(trader.exchange.floor, at_paper, day_only=day_only)
        if row is None:
            continue
        row = json.loads(json.dumps(row), parse_float=Decimal)

        found = valued(position_from(row))

        assert {name: getattr(found, name) for name in KITE_FIGURES} == {
            name: row[name] for name in KITE_FIGURES
        }


# What is missing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "missing", "reason"),
    [
        ({"last_price": D(0)}, {"last_price", "change_percent", "current_value", "pnl", "m2m", "unrealised", "open_pnl", "day_open"}, "no last price"),
        ({"close_price": D(0)}, {"change_percent", "m2m", "day_booked", "day_open"}, "no close of the day before"),
        ({"buy_value": D(0)}, {"value", "pnl", "unrealised", "booked", "open_pnl", "breakeven"}, "the broker does not tell what was paid"),
        ({"multiplier": D(0)}, {"current_value", "pnl", "m2m", "unrealised", "open_pnl", "day_booked", "day_open", "breakeven"}, "the multiplier of the contract is not known"),
    ],
)  # fmt: skip
def test_a_missing_input_is_no_nought(facts, missing, reason):
    whole = {
        "quantity": 3, "average_price": D(9), "overnight_quantity": 4, "last_price": D(10), "close_price": D(9),
        "buy_quantity": 4, "buy_value": D(36), "sell_quantity": 1, "sell_value": D(11),
        "day_sell_quantity": 1, "day_sell_value": D(11),
    }  # fmt: skip
    assert not valued(position(**whole)).reasons
    assert round(valued(position(**whole)).change_percent, 2) == D("11.11")

    found = valued(position(**whole | facts))

    assert found.reasons == dict.fromkeys(missing, reason)
    assert all(getattr(found, name) is None for name in missing)


def test_a_closed_position_needs_no_price():
    found = valued(position(**SBIN | {"last_price": D(0)}))

    assert (found.pnl, found.m2m, found.booked, found.open_pnl) == (-2, -2, -2, 0)
    assert set(found.reasons) == {"last_price", "average_price", "change_percent", "breakeven"}
    assert found.reasons["average_price"] == "the position is closed"


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-Infinity", "0"])
def test_a_price_that_is_no_price_is_missing(price):
    assert valued(position(**LEAD | {"last_price": D(price)})).pnl is None


def test_a_price_below_nought_is_a_price():
    oil = position(quantity=1, buy_quantity=1, buy_value=D(100), last_price=D(-2884))

    assert valued(oil).pnl == -2984


def test_the_largest_figures_stay_exact():
    size = 10**15
    row = position_of(
        [Bought(size, D(99999999)), Bought(-(size - 1), D(1))],
        last=D("99999999.9975"),
        multiplier=D(10**6),
    )

    found = valued(row)

    # One unit is left: the others were sold for one each.
    assert int(found.pnl) == (size - 1) * 10**6 - size * 99999999 * 10**6 + 99999999997500
    assert int(found.m2m) == int(found.pnl)


# Holdings and funds ---------------------------------------------------------------------------


# Kite's sample holdings: settled, T1 alone, both; a close of many digits.
HOLDINGS = [
    ("AXTEL", 1, 0, "261.5", "313", "308.8", "51.5", "4.2", "1.3601"),
    ("RELIANCE", 0, 2, "2206.5", "2214", "2227.4", "15", "-13.4", "-0.6016"),
    ("SBIN", 11, 7, "429", "426.9", "432.4", "-37.8", "-5.5", "-1.2720"),
    ("JPPOWER", 6, 0, "3.216667", "3.9", "3.9", "4.099998", "0", "0"),
    ("RCOM", 10, 0, "0.811", "3.24", "3.09", "24.29", "0.15", "4.8544"),
]


@pytest.mark.parametrize(
    ("symbol", "settled", "t1", "average", "last", "close", "pnl", "change", "percent"), HOLDINGS
)
def test_kites_sample_holdings_come_out(
    symbol, settled, t1, average, last, close, pnl, change, percent
):
    found = valued(
        holding(symbol=symbol, quantity=settled, t1_quantity=t1, average_price=D(average),
                last_price=D(last), close_price=D(close))
    )  # fmt: skip

    assert (found.pnl, found.day_change) == (D(pnl), D(change))
    assert round(found.day_change_percent, 4) == D(percent)
    assert found.day_pnl == D(change) * (settled + t1)
    assert found.current_value - found.invested == found.pnl
    assert not found.reasons


def test_sold_and_unauthorised_shares_are_told():
    found = valued(
        holding(quantity=10, t1_quantity=5, used_quantity=4, authorised_quantity=3,
                collateral_quantity=2, mtf_quantity=1000, average_price=D(100), last_price=D(110),
                close_price=D(105))
    )  # fmt: skip

    assert (found.quantity, found.sellable, found.unauthorised, found.free) == (15, 11, 8, 9)
    assert (found.invested, found.current_value, found.pnl) == (1500, 1650, 150)


def test_shares_without_an_average_have_a_value_and_no_pnl():
    found = valued(holding(quantity=10, last_price=D(110), close_price=D(105)))

    assert (found.current_value, found.day_pnl) == (1100, 50)
    assert found.reasons == dict.fromkeys(
        ("average_price", "invested", "pnl", "pnl_percent"), "the average price is not known"
    )


def test_a_new_listing_has_no_day_change():
    found = valued(holding(quantity=10, average_price=D(100), last_price=D(110)))

    assert found.pnl == 100
    assert set(found.reasons) == {"day_change", "day_change_percent", "day_pnl"}


def test_a_holding_of_nothing_is_worth_nothing():
    found = valued(holding(mtf_quantity=1000))

    assert (found.invested, found.current_value, found.pnl, found.day_pnl) == (0, 0, 0, 0)
    assert found.reasons["pnl_percent"] == "nothing is held"


def test_the_acceptance_samples_holding_and_funds_come_out():
    held = valued(holding(quantity=10, average_price=D("3500.00"), last_price=D("3625.50")))
    equity = SegmentFunds(
        is_enabled=True, net=D("150000.50"), cash=D("150000.50"), used=D("50000.00"),
        adhoc_margin=D("7"), collateral=D("8"),
    )  # fmt: skip

    found, commodity = value_funds(
        Funds(equity=equity, commodity=None), account="FAM", environment="live"
    )

    assert held.pnl == D("1255.00")
    assert (found.available_cash, found.available_margin) == (D("150000.50"), D("150000.50"))
    assert (found.used_margin, found.adhoc_margin, found.total_collateral) == (D(50000), D(7), D(8))
    assert found.used_percent is not None
    assert round(found.used_percent, 2) == D("25.00")
    assert commodity.available_cash is None
    assert set(commodity.reasons.values()) == {"the broker does not offer this segment"}


@pytest.mark.parametrize(
    ("net", "used", "percent"), [("-10", "110", "110"), ("100", "-20", "0"), ("0", "0", None)]
)
def test_how_much_of_the_margin_is_used(net, used, percent):
    equity = SegmentFunds(is_enabled=True, net=D(net), used=D(used))

    found, _ = value_funds(Funds(equity=equity, commodity=None), account="F", environment="live")

    assert found.used_percent == (None if percent is None else D(percent))


def test_the_formulas_know_no_django_and_no_float():
    for name in ("formulas", "valuation", "totals"):
        source = Path(f"portfolio/{name}.py").read_text()
        assert "django" not in source
        assert "float" not in source
