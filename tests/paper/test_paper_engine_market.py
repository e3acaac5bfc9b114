"""The universe, the walk, quotes and candles."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.brokers.paper.calendar import Calendar, is_trading_day
from accounts.brokers.paper.instruments import SEGMENT_CODES
from accounts.brokers.paper.ranges import span
from accounts.brokers.paper.units import SECOND, moment
from accounts.brokers.paper.universe import contract_symbol, expiries
from accounts.brokers.paper.walk import GRID, Walk
from tests.paper.engine_cast import FRIDAY_TEN, contract, examples, make_exchange, make_trader

KNOWN = {"NSE:INFY": 408065, "NSE:NIFTY 50": 256265, "BSE:SENSEX": 265, "BSE:SBIN": 128028676}


def day(text):
    return date.fromisoformat(text).toordinal()


def test_well_known_instruments_have_their_real_tokens():
    market = make_exchange().floor.market

    assert {key: market.by_key[key].token for key in KNOWN} == KNOWN
    for symbol in ("TCS", "INFY", "SBIN", "ITC", "RELIANCE", "HDFCBANK"):
        assert market.by_key[f"NSE:{symbol}"].isin == market.by_key[f"BSE:{symbol}"].isin
    for index in ("NIFTY 50", "NIFTY BANK", "NIFTY MID SELECT"):
        assert market.by_key[f"NSE:{index}"].is_index


def test_tokens_are_unique_carry_their_segment_and_fit_a_signed_number():
    rows = make_exchange().query("instruments")

    tokens = [row["instrument_token"] for row in rows]
    assert len(set(tokens)) == len(tokens) >= 3_000
    assert max(tokens) < 2**31
    for row in rows:
        code = 9 if row["segment"] == "INDICES" else SEGMENT_CODES[row["exchange"]]
        assert row["instrument_token"] == row["exchange_token"] * 256 + code
        assert isinstance(row["lot_size"], int)
    assert {row["exchange"] for row in rows} == {"NSE", "BSE", "NFO", "BFO", "CDS", "MCX"}


def test_contracts_bear_the_names_the_exchange_gives_them():
    weekly, monthly = day("2026-09-22"), day("2026-11-30")

    assert (
        contract_symbol("NIFTY", weekly, monthly=False, strike=232_500_000, kind="PE")
        == "NIFTY2692223250PE"
    )
    assert (
        contract_symbol("NIFTY", day("2025-08-07"), monthly=False, strike=244_000_000, kind="CE")
        == "NIFTY2580724400CE"
    )
    assert (
        contract_symbol("NIFTY", monthly, monthly=True, strike=206_000_000, kind="CE")
        == "NIFTY26NOV20600CE"
    )
    assert contract_symbol("NIFTY", monthly, monthly=True, strike=0, kind="FUT") == "NIFTY26NOVFUT"


def test_an_expiry_on_a_holiday_moves_to_the_day_before():
    assert not is_trading_day(day("2026-11-24"))

    found = expiries(1, day("2026-11-20"), 2, 1)

    assert found[0] == (day("2026-11-23"), True)
    assert found[1] == (day("2026-12-01"), False)


def test_contracts_roll_with_the_calendar_and_keep_their_tokens():
    trader = make_trader()
    before = {
        r["tradingsymbol"]: r["instrument_token"] for r in trader.exchange.query("instruments")
    }

    trader.until("2026-11-25 12:00:00")
    after = {
        r["tradingsymbol"]: r["instrument_token"] for r in trader.exchange.query("instruments")
    }

    assert "NIFTY26NOVFUT" in before
    assert "NIFTY26NOVFUT" not in after
    assert "NIFTY27FEBFUT" in after
    both = before.keys() & after.keys()
    assert len(both) > 1_000
    assert all(before[symbol] == after[symbol] for symbol in both)


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(0, 10**6), st.integers(1_500_000_000, 2_000_000_000), st.integers(0, 10**5))
def test_the_walk_moves_a_share_less_than_half_a_percent_a_minute(seed, second, token):
    walk = Walk(seed)

    values = [
        walk.share_at(token, 700, each, with_market=True) for each in range(second, second + 61, 5)
    ]

    assert (max(values) - min(values)) / (10**9 + min(values)) < 0.005


@settings(max_examples=examples(20), deadline=None)
@given(st.integers(0, 10**6), st.integers(1_500_000_000, 2_000_000_000), st.integers(1, 4_000))
def test_the_extremes_of_a_stretch_are_those_of_its_seconds(seed, begins, length):
    walk = Walk(seed)

    found = walk.extremes(3, 700, begins, begins + length, with_market=True)

    every = [walk.share_at(3, 700, at, with_market=True) for at in range(begins, begins + length)]
    assert found == (min(every), max(every))


def test_the_walk_does_not_depend_on_who_asked_before():
    one, two = Walk(4), Walk(4)
    for second in range(10**9, 10**9 + 10**6, 997):
        two.at(7, second)

    assert [one.at(7, 10**9 + nth) for nth in range(0, 900, GRID)] == [
        two.at(7, 10**9 + nth) for nth in range(0, 900, GRID)
    ]


def test_a_book_has_five_levels_in_order_inside_the_band():
    exchange = make_exchange(prices="walk")
    keys = [key for key in exchange.floor.market.by_key if not key.endswith("VIX")]

    for key, quote in exchange.query("quote", i=keys[::37]).items():
        buys, sells = quote["depth"]["buy"], quote["depth"]["sell"]
        assert len(buys) == len(sells) == 5, key
        bids = [level["price"] for level in buys if level["quantity"]]
        offers = [level["price"] for level in sells if level["quantity"]]
        assert bids == sorted(bids, reverse=True)
        assert offers == sorted(offers)
        if bids and offers:
            assert bids[0] <= quote["last_price"] <= offers[0]
            assert quote["lower_circuit_limit"] <= bids[-1]
            assert offers[-1] <= quote["upper_circuit_limit"]
        sides = quote["ohlc"]
        assert sides["low"] <= min(sides["open"], quote["last_price"])
        assert sides["high"] >= max(sides["open"], quote["last_price"])


def test_unknown_keys_are_left_out_of_quotes():
    exchange = make_exchange()

    assert exchange.query("ltp", i=["NSE:NOPE", "NSE:INFY"]).keys() == {"NSE:INFY"}
    assert exchange.query("quote", i=["408065"]).keys() == {"408065"}


def test_a_tick_says_the_same_as_the_quote():
    exchange = make_exchange(prices="walk")
    quote = exchange.query("quote", i=["NSE:INFY"])["NSE:INFY"]

    tick = exchange.tick(408065)

    assert tick is not None
    assert tick.last_price == round(quote["last_price"] * 100)
    assert (tick.high, tick.low) == (
        round(quote["ohlc"]["high"] * 100),
        round(quote["ohlc"]["low"] * 100),
    )
    assert tick.volume == quote["volume"]
    assert tick.bids[0][:2] == (
        quote["depth"]["buy"][0]["quantity"],
        round(quote["depth"]["buy"][0]["price"] * 100),
    )


def test_a_currency_tick_has_seven_decimals():
    trader = make_trader()
    row = contract(trader, "USDINR", "FUT")
    trader.set_price(f"CDS:{row['tradingsymbol']}", "89.1025")

    tick = trader.exchange.tick(row["instrument_token"])
    assert tick is not None
    assert tick.last_price == 891_025_000


def test_options_are_priced_consistently_with_their_underlying():
    trader = make_trader(prices="walk")
    rows = [r for r in trader.exchange.query("instruments", exchange="NFO") if r["name"] == "NIFTY"]
    first = min(row["expiry"] for row in rows)
    spot = trader.last("NSE:NIFTY 50")
    prices = {}
    for row in rows:
        if row["expiry"] == first and row["instrument_type"] != "FUT":
            key = f"NFO:{row['tradingsymbol']}"
            prices[row["strike"], row["instrument_type"]] = trader.last(key)

    calls = [prices[strike, kind] for strike, kind in sorted(prices) if kind == "CE"]
    puts = [prices[strike, kind] for strike, kind in sorted(prices) if kind == "PE"]
    assert calls == sorted(calls, reverse=True)
    assert puts == sorted(puts)
    for (strike, kind), price in prices.items():
        if kind == "CE":
            parity = price - prices[strike, "PE"] - (spot - strike)
            assert abs(parity) < spot * 0.002


def test_a_price_set_by_hand_stands_for_a_minute_and_the_walk_goes_on_from_there():
    trader = make_trader(prices="walk")
    trader.set_price("NSE:INFY", "1500.05")

    seen = []
    for _ in range(10):
        seen.append(trader.last())
        trader.wait(6_000)
    trader.wait(60_000)

    assert set(seen) == {1500.05}
    assert trader.last() != 1500.05
    assert abs(trader.last() - 1500.05) < 1500 * 0.01


def test_with_external_prices_nothing_moves_by_itself():
    trader = make_trader()
    before = trader.exchange.query("ltp", i=list(trader.exchange.floor.market.by_key))

    trader.wait(4 * 3_600_000)
    after = trader.exchange.query("ltp", i=list(trader.exchange.floor.market.by_key))

    moved = {key for key in before if before[key] != after[key]}
    spots = {each.key for each in trader.exchange.floor.market.by_token.values() if not each.expiry}
    assert not moved & spots  # contracts lose time value even when nothing trades


def test_what_follows_a_share_follows_a_price_set_by_hand():
    trader = make_trader()
    put = contract(trader, "RELIANCE", "PE")["tradingsymbol"]
    before = trader.last(f"NFO:{put}")

    trader.set_price("NSE:RELIANCE", "1300")

    assert trader.last("BSE:RELIANCE") == 1300.0
    assert trader.last(f"NFO:{put}") > before


def test_a_price_set_outside_the_band_widens_it_for_the_day():
    trader = make_trader()
    trader.set_price("NSE:INFY", "1000")

    row = trader.fill(price="1000")
    far = trader.fill(price="800")

    assert (row["status"], row["average_price"]) == ("COMPLETE", 1000.0)
    assert far["status"] == "REJECTED"


INTERVALS = ("minute", "3minute", "5minute", "15minute", "30minute", "60minute")


def candles(exchange, interval, begins, ends, key="NSE:INFY"):
    token = exchange.floor.market.by_key[key].token
    return exchange.query("historical", token=token, interval=interval, begins=begins, ends=ends)["candles"]  # fmt: skip


def test_candles_agree_with_each_other_and_with_the_live_price():
    exchange = make_exchange(prices="walk")
    exchange.advance(moment("2026-11-20 14:07:30"))
    minutes = candles(exchange, "minute", "2026-11-20 10:00:00", "2026-11-20 14:07:59")

    assert minutes[-1][4] == exchange.query("ltp", i=["NSE:INFY"])["NSE:INFY"]["last_price"]
    for interval in INTERVALS[1:]:
        for candle in candles(exchange, interval, "2026-11-20 10:00:00", "2026-11-20 13:59:59"):
            length = int(interval.removesuffix("minute"))
            place = next(n for n, each in enumerate(minutes) if each[0] == candle[0])
            inner = minutes[place : place + length]
            assert candle[1] == inner[0][1]
            assert candle[2] == max(each[2] for each in inner)
            assert candle[3] == min(each[3] for each in inner)
            assert candle[4] == inner[-1][4]


def test_the_candle_of_today_is_the_range_of_the_quote():
    exchange = make_exchange(prices="walk", start=moment("2026-11-18 11:00:00"))
    exchange.advance(moment("2026-11-20 14:07:30"))
    quote = exchange.query("quote", i=["NSE:INFY"])["NSE:INFY"]["ohlc"]
    begins, ends = moment("2026-11-20 06:00:00") // SECOND, exchange.now // SECOND + 1

    low, high = span(exchange.floor.market, exchange.floor.market.by_key["NSE:INFY"], begins, ends)

    assert (low / 10_000, high / 10_000) == (quote["low"], quote["high"])


def test_candles_before_the_exchange_opened_keep_ordinary_hours():
    exchange = make_exchange(prices="walk")

    rows = candles(exchange, "minute", "2026-11-18", "2026-11-19")

    assert len(rows) == 2 * 360  # a share with derivatives stops at 15:15 since August 2026
    assert rows[0][0] == "2026-11-18T09:15:00+0530"
    assert [row[0][:10] for row in candles(exchange, "day", "2026-11-13", "2026-11-20")] == [
        "2026-11-13", "2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20",
    ]  # fmt: skip
    assert all(row[5] > 0 for row in rows)


def test_a_price_set_by_hand_shows_in_the_candle():
    trader = make_trader()
    trader.set_price("NSE:INFY", "1510")
    trader.wait(10_000)
    trader.set_price("NSE:INFY", "1480")
    trader.wait(10_000)
    trader.set_price("NSE:INFY", "1495")
    trader.wait(60_000)

    row = candles(trader.exchange, "minute", "2026-11-20 10:00:00", "2026-11-20 10:00:59")[0]

    assert row[1:5] == [1510.0, 1510.0, 1480.0, 1495.0]


@pytest.mark.parametrize(("interval", "days"), [("minute", 60), ("5minute", 100), ("day", 2000)])
def test_too_long_a_span_is_refused(interval, days):
    exchange = make_exchange()
    begins = date.fromordinal(day("2026-11-20") - days - 1).isoformat()

    with pytest.raises(Exception, match=f"interval exceeds max limit: {days} days"):
        candles(exchange, interval, begins, "2026-11-20")


def test_candles_of_the_future_do_not_exist():
    exchange = make_exchange(prices="walk")

    assert candles(exchange, "minute", "2026-11-21", "2026-11-22") == []
    assert candles(exchange, "day", "2026-12-01", "2026-12-05") == []


@pytest.mark.parametrize(
    ("market", "at", "name"),
    [
        ("equity", "2026-11-20 09:05:00", "pre-open"),
        ("equity", "2026-11-20 15:29:59", "normal"),
        ("equity", "2026-11-20 15:30:00", "closed"),
        ("equity-cas", "2026-11-20 15:22:00", "closing auction"),
        ("equity-cas", "2026-07-31 15:22:00", "normal"),
        ("derivatives", "2026-11-20 15:39:59", "normal"),
        ("derivatives", "2026-07-31 15:35:00", "closed"),
        ("commodity", "2026-11-20 23:00:00", "normal"),
        ("equity", "2026-11-21 11:00:00", "closed"),
        ("equity", "2026-11-24 11:00:00", "closed"),
    ],
)
def test_real_hours_follow_the_dated_calendar(market, at, name):
    assert Calendar("real", 0).session(market, moment(at)).name == name


def test_with_real_hours_a_closed_market_stands_still():
    exchange = make_exchange(prices="walk", clock="real", start=FRIDAY_TEN)
    exchange.advance(moment("2026-11-20 15:34:59"))
    close = exchange.query("ltp", i=["NSE:INFY"])

    exchange.advance(moment("2026-11-22 12:00:00"))

    assert exchange.query("ltp", i=["NSE:INFY"]) == close
    assert (
        exchange.query("ohlc", i=["NSE:INFY"])["NSE:INFY"]["ohlc"]["close"]
        != close["NSE:INFY"]["last_price"]
    )
