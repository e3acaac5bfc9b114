"""Positions, holdings, funds, margins and charges."""

from decimal import Decimal

import pytest

from accounts.brokers.paper.charges import charges
from accounts.brokers.paper.engine import Refusal
from accounts.brokers.paper.portfolio import position_row
from accounts.brokers.paper.state import BUY, SELL, Position
from accounts.brokers.paper.units import RUPEE, moment, ordinal, units
from tests.paper.engine_cast import contract, make_trader


def buy(trader, quantity, price, **more):
    trader.set_price("NSE:INFY", price)
    return trader.fill(quantity=quantity, **more)


def test_net_and_day_positions_follow_the_reference_formulas():
    trader = make_trader()
    trader.do("holdings.seed", positions=[
        {"exchange": "NSE", "tradingsymbol": "SBIN", "product": "MIS", "quantity": 3, "average_price": "801.5"}
    ])  # fmt: skip
    trader.set_price("NSE:SBIN", "810")
    trader.fill("SBIN", "SELL", 4, product="MIS")
    trader.fill("SBIN", "BUY", 1, product="MIS")
    trader.set_price("NSE:SBIN", "820")

    both = trader.ask("positions")
    net, day = both["net"][0], both["day"][0]

    assert (net["quantity"], net["overnight_quantity"], day["quantity"]) == (0, 3, -3)
    assert net["average_price"] == 0
    assert net["buy_value"] == 3 * 801.5 + 810
    assert net["sell_value"] == 3240
    assert net["pnl"] == net["value"] == 25.5
    assert net["buy_m2m"] == 810 + 3 * net["close_price"]
    assert net["m2m"] == net["sell_m2m"] - net["buy_m2m"]
    assert day["pnl"] == 3240 - 810 - 3 * 820
    assert day["average_price"] == day["sell_price"] == 810.0


@pytest.mark.parametrize("clock", ["real", "open"])
def test_a_carried_position_is_marked_from_the_close_of_the_day_before(clock):
    trader = make_trader("90000000", clock=clock)
    future = contract(trader, "NIFTY", "FUT")
    symbol, lot = future["tradingsymbol"], future["lot_size"]
    row = trader.fill(symbol, quantity=2 * lot, exchange="NFO", product="NRML")
    bought = row["average_price"]
    today = trader.position(symbol, "NRML")

    trader.until("2026-11-21 05:59:59")
    close = trader.last(f"NFO:{symbol}")
    trader.until("2026-11-21 06:00:00")
    carried = trader.position(symbol, "NRML")
    days = trader.ask("positions")["day"]
    trader.until("2026-11-22 07:00:00")
    sunday = trader.position(symbol, "NRML")

    assert (today["overnight_quantity"], today["close_price"]) == (0, 0)
    assert today["m2m"] == today["pnl"]
    assert days == []
    assert (carried["quantity"], carried["overnight_quantity"]) == (2 * lot, 2 * lot)
    assert carried["close_price"] == close
    assert carried["average_price"] == bought
    assert carried["m2m"] == 0
    assert carried["pnl"] == pytest.approx(2 * lot * (close - bought))
    if clock == "real":
        assert sunday == carried


def test_a_carried_position_that_is_turned_round_shows_both_parts():
    trader = make_trader("90000000", clock="real")
    future = contract(trader, "NIFTY", "FUT")
    symbol, lot = future["tradingsymbol"], future["lot_size"]
    trader.fill(symbol, quantity=lot, exchange="NFO", product="NRML")
    trader.until("2026-11-23 10:00:00")
    sold = trader.fill(symbol, "SELL", 3 * lot, exchange="NFO", product="NRML")["average_price"]

    net = trader.position(symbol, "NRML")
    day = trader.ask("positions")["day"][0]

    assert (net["quantity"], net["overnight_quantity"]) == (-2 * lot, lot)
    assert (net["buy_quantity"], net["day_buy_quantity"]) == (lot, 0)
    assert (day["quantity"], day["overnight_quantity"]) == (-3 * lot, 0)
    assert net["average_price"] == day["average_price"] == sold
    last, close = net["last_price"], net["close_price"]
    assert net["m2m"] == pytest.approx(3 * lot * sold - lot * close - 2 * lot * last)
    assert day["m2m"] == day["pnl"] == pytest.approx(3 * lot * (sold - last))


def test_the_reference_row_of_a_carried_gold_contract_is_reproduced():
    # Three lots carried from 23232, one more bought at 23388, all four sold for 93360.
    position = Position(
        token=0, key="MCX:GOLDGUINEA", product="NRML", multiplier=1, delivers=False, overnight=3,
        carried_buy=units(3 * 23_232), day_buy_quantity=1, day_buy_value=units(23_388),
        day_sell_quantity=4, day_sell_value=units(93_360),
    )  # fmt: skip
    trader = make_trader()
    gold = contract(trader, "GOLD", "FUT")
    position.token = gold["instrument_token"]
    position.key = f"MCX:{gold['tradingsymbol']}"
    floor = trader.exchange.floor
    floor.market._closes[position.token] = (
        floor.calendar.previous_close("commodity", floor.now),
        units(23_232),
    )

    row = position_row(floor, position, day_only=False)

    assert row is not None
    assert row["buy_m2m"] == 93_084
    assert row["m2m"] == 276
    assert row["pnl"] == 276


def test_a_profit_comes_into_cash_when_an_intraday_position_is_closed():
    trader = make_trader()
    buy(trader, 100, "1500", product="MIS")
    held = trader.net()
    trader.set_price("NSE:INFY", "1510")
    trader.fill(side="SELL", quantity=100, product="MIS")

    assert held == 1_000_000 - 30_000
    assert trader.net() == 1_001_000
    assert trader.ask("margins", segment="equity")["utilised"]["m2m_realised"] == -1000.0


def test_an_exit_needs_no_margin_and_a_reversal_only_its_own():
    trader = make_trader("31000")
    buy(trader, 100, "1500", product="MIS", market_protection="1")

    exit_id = trader.place(side="SELL", quantity=100, product="MIS", price="1520")
    trader.wait()

    assert trader.order(exit_id)["status"] == "OPEN"
    refusal = trader.refused(side="SELL", quantity=100, product="MIS", price="1520")
    assert refusal.error_type == "MarginException"


def test_bought_shares_are_t1_the_next_day_and_settled_after():
    trader = make_trader()
    buy(trader, 10, "1500")

    trader.until("2026-11-21 06:00:01")
    first = trader.ask("holdings")[0]
    trader.until("2026-11-22 06:00:01")
    second = trader.ask("holdings")[0]

    assert (first["quantity"], first["t1_quantity"]) == (0, 10)
    assert (second["quantity"], second["t1_quantity"]) == (10, 0)
    assert first["average_price"] == second["average_price"] == 1500.0
    assert trader.ask("positions") == {"net": [], "day": []}


def test_with_real_hours_shares_settle_on_trading_days_only():
    trader = make_trader(clock="real")
    trader.fill(price="1500")
    assert trader.position("INFY", "CNC")["quantity"] == 10

    trader.until("2026-11-23 12:00:00")
    monday = trader.ask("holdings")[0]
    trader.until("2026-11-24 06:00:01")
    tuesday = trader.ask("holdings")[0]

    assert (monday["quantity"], monday["t1_quantity"]) == (0, 10)
    assert (tuesday["quantity"], tuesday["t1_quantity"]) == (10, 0)


def test_sold_holdings_are_used_at_once_and_gone_the_next_day():
    trader = make_trader()
    trader.hold("INFY", 50, "1400")
    trader.set_price("NSE:INFY", "1500")

    trader.fill(side="SELL", quantity=20)
    today = trader.ask("holdings")[0]
    funds = trader.ask("margins", segment="equity")
    trader.until("2026-11-21 06:00:01")
    tomorrow = trader.ask("holdings")[0]

    assert (today["quantity"], today["used_quantity"]) == (50, 20)
    assert funds["net"] == 1_000_000 + 30_000 * 0.8
    assert funds["utilised"]["delivery"] == 6_000.0
    assert (tomorrow["quantity"], tomorrow["used_quantity"]) == (30, 0)
    assert tomorrow["average_price"] == 1400.0


def test_pending_sales_count_against_the_holding_on_both_exchanges():
    trader = make_trader()
    trader.hold("INFY", 10, "1400")
    trader.place(side="SELL", quantity=8, price="1520", exchange="BSE")
    trader.wait()

    row = trader.fill(side="SELL", quantity=5, price="1520")

    assert row["status"] == "REJECTED"


def test_summary_and_compact_agree_with_the_holdings():
    trader = make_trader()
    trader.hold("INFY", 10, "1400")
    trader.set_price("NSE:INFY", "1470")

    summary = trader.ask("holdings.summary")

    assert summary["invested_amount"] == 14_000
    assert summary["current_value"] == 14_700
    assert (summary["total_pnl"], summary["total_pnl_percent"]) == (700, 5.0)
    assert trader.ask("holdings.compact") == [
        {"exchange": "NSE", "tradingsymbol": "INFY", "instrument_token": 408065, "t1_quantity": 0, "quantity": 10}
    ]  # fmt: skip


def test_without_a_power_of_attorney_a_sale_needs_authorisation():
    trader = make_trader()
    trader.exchange.floor.account(trader.user_id).poa = False
    trader.hold("INFY", 50, "1400")
    trader.set_price("NSE:INFY", "1500")

    refusal = trader.refused(side="SELL", quantity=10, price="1500")
    request = trader.do("holdings.authorise", isin=["INE009A01021"], quantity=["10"])
    trader.do("holdings.authorised", request_id=request["request_id"], status="success")
    row = trader.fill(side="SELL", quantity=10, price="1500")

    assert (refusal.status, refusal.message) == (
        428,
        "10 quantity needs authorisation at depository.",
    )
    assert row["status"] == "COMPLETE"
    assert trader.refused(side="SELL", quantity=1, price="1500").status == 428


def test_a_position_is_converted_and_its_money_moves_with_it():
    trader = make_trader()
    buy(trader, 10, "1500", product="MIS")

    trader.do(
        "position.convert", exchange="NSE", tradingsymbol="INFY", transaction_type="BUY",
        position_type="day", quantity="4", old_product="MIS", new_product="CNC",
    )  # fmt: skip

    assert trader.position("INFY", "MIS")["quantity"] == 6
    assert trader.position("INFY", "CNC")["quantity"] == 4
    assert trader.net() == 1_000_000 - 4 * 1500 - 6 * 300


def test_a_conversion_that_cannot_be_paid_changes_nothing():
    trader = make_trader("4000")
    buy(trader, 10, "1500", product="MIS")
    before = trader.exchange.digest()

    with pytest.raises(Refusal, match="Insufficient funds") as told:
        trader.do(
            "position.convert", exchange="NSE", tradingsymbol="INFY", transaction_type="BUY",
            position_type="day", quantity="10", old_product="MIS", new_product="CNC",
        )  # fmt: skip

    assert told.value.error_type == "MarginException"
    assert trader.exchange.digest() == before


def test_futures_settle_in_cash_every_day_and_keep_their_original_price():
    trader = make_trader("9000000")
    future = contract(trader, "NIFTY", "FUT", 1)["tradingsymbol"]
    key = f"NFO:{future}"
    trader.set_price(key, "23800")
    trader.fill(future, quantity=65, exchange="NFO", product="NRML")
    trader.set_price(key, "23900")

    trader.until("2026-11-21 06:00:01")

    row = trader.position(future, "NRML")
    assert (row["overnight_quantity"], row["average_price"], row["buy_quantity"]) == (
        65,
        23800.0,
        65,
    )
    assert row["pnl"] == 6500.0
    posted = {
        text: amount for _, amount, text in trader.exchange.floor.account(trader.user_id).postings
    }
    assert posted[f"Mark to market {key}"] == units(6500)


def test_an_option_that_expires_worthless_is_worth_nothing():
    trader = make_trader("9000000")
    rows = trader.exchange.query("instruments", exchange="NFO")
    first = min(row["expiry"] for row in rows if row["name"] == "NIFTY")
    far = max(
        (r for r in rows if r["name"] == "NIFTY" and r["expiry"] == first and r["instrument_type"] == "CE"),
        key=lambda row: row["strike"],
    )  # fmt: skip
    trader.place(far["tradingsymbol"], "BUY", 65, exchange="NFO", product="NRML")
    trader.wait(3_000)
    assert trader.position(far["tradingsymbol"], "NRML")["quantity"] == 65
    paid = trader.net()

    trader.until("2026-11-25 06:00:01")

    assert trader.ask("positions")["net"] == []
    postings = trader.ask("ledger")["postings"]
    assert not [row for row in postings if row["text"].startswith("Expiry")]
    assert trader.net() <= paid
    with pytest.raises(Exception, match="expired or does not exist"):
        trader.place(far["tradingsymbol"], "BUY", 65, exchange="NFO", product="NRML")


RATES = [
    # exchange, product, side, value, what it costs on 21 Nov 2026
    ("INFY", "NSE", "CNC", BUY, 100_000, {"brokerage": "0", "tax": "100", "exchange": "3.0700", "sebi": "0.1", "stamp": "15"}),
    ("INFY", "NSE", "CNC", SELL, 100_000, {"brokerage": "0", "tax": "100", "exchange": "3.0700", "sebi": "0.1", "stamp": "0"}),
    ("INFY", "NSE", "MIS", SELL, 100_000, {"brokerage": "20", "tax": "25", "exchange": "3.0700", "sebi": "0.1", "stamp": "0"}),
    ("INFY", "NSE", "MIS", BUY, 10_000, {"brokerage": "3", "tax": "0", "exchange": "0.30700", "sebi": "0.01", "stamp": "0.3"}),
    ("INFY", "BSE", "CNC", BUY, 100_000, {"brokerage": "0", "tax": "100", "exchange": "3.75", "sebi": "0.1", "stamp": "15"}),
    ("NIFTY FUT", "NFO", "NRML", SELL, 1_000_000, {"brokerage": "20", "tax": "500", "exchange": "18.301", "sebi": "1", "stamp": "0"}),
    ("NIFTY CE", "NFO", "NRML", SELL, 10_000, {"brokerage": "20", "tax": "15", "exchange": "3.55301", "sebi": "0.01", "stamp": "0"}),
    ("SENSEX CE", "BFO", "NRML", BUY, 10_000, {"brokerage": "20", "tax": "0", "exchange": "3.25", "sebi": "0.01", "stamp": "0.3"}),
    ("USDINR FUT", "CDS", "NRML", BUY, 1_000_000, {"brokerage": "20", "tax": "0", "exchange": "3.5", "sebi": "1", "stamp": "1"}),
    ("CRUDEOIL FUT", "MCX", "NRML", SELL, 100_000, {"brokerage": "20", "tax": "10", "exchange": "2.1", "sebi": "0.1", "stamp": "0"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "exchange", "product", "side", "value", "parts"), RATES)
def test_charges_follow_the_schedule(what, exchange, product, side, value, parts):
    trader = make_trader()
    symbol = contract(trader, *what.split())["tradingsymbol"] if " " in what else what
    instrument = trader.exchange.floor.market.by_key[f"{exchange}:{symbol}"]

    cost = charges(instrument, product, side, value * RUPEE, ordinal(moment("2026-11-21")))

    protection = Decimal(value) / 10**9 if exchange in ("NSE", "NFO") else 0
    for name, amount in parts.items():
        found = getattr(cost, name)
        if name == "exchange" and protection:
            rate = {"INFY": "0.000030699", "NIFTY FUT": "0.0000183", "NIFTY CE": "0.0003553"}[what]
            assert found == value * Decimal(rate) + protection
        else:
            assert found == Decimal(amount)
    assert cost.gst == (cost.brokerage + cost.exchange + cost.sebi) * Decimal("0.18")
    assert (
        cost.total == cost.tax + cost.exchange + cost.sebi + cost.brokerage + cost.stamp + cost.gst
    )


def test_older_days_have_older_rates():
    trader = make_trader()
    future = trader.exchange.floor.market.by_key[
        f"NFO:{contract(trader, 'NIFTY', 'FUT')['tradingsymbol']}"
    ]
    value = 1_000_000 * RUPEE

    old = charges(future, "NRML", SELL, value, ordinal(moment("2026-03-31")))
    new = charges(future, "NRML", SELL, value, ordinal(moment("2026-04-01")))

    assert [old.tax, new.tax] == [200, 500]


def test_charges_are_posted_to_the_paisa_at_the_roll():
    trader = make_trader()
    buy(trader, 10, "1500")
    instrument = trader.exchange.floor.market.by_key["NSE:INFY"]
    owed = charges(instrument, "CNC", BUY, units(15_000), ordinal(trader.exchange.now)).total

    trader.until("2026-11-21 06:00:01")

    assert trader.net() == float(985_000 - owed.quantize(Decimal("0.01")))


def test_a_short_option_needs_span_and_exposure_and_a_hedge_less():
    trader = make_trader("9000000")
    sold = contract(trader, "NIFTY", "CE")["tradingsymbol"]
    bought = contract(trader, "NIFTY", "CE", 8)["tradingsymbol"]
    row = {
        "exchange": "NFO", "variety": "regular", "product": "NRML", "order_type": "MARKET",
        "quantity": 65, "price": 0, "trigger_price": 0,
    }  # fmt: skip
    short = row | {"tradingsymbol": sold, "transaction_type": "SELL"}
    long = row | {"tradingsymbol": bought, "transaction_type": "BUY"}

    alone = trader.ask("order.margins", orders=[short, long])
    basket = trader.ask("basket.margins", orders=[long, short])

    assert alone[0]["span"] > 0
    assert alone[0]["exposure"] > 0
    assert alone[0]["option_premium"] == 0
    assert alone[1]["span"] == 0
    assert alone[1]["option_premium"] > 0
    assert basket["initial"]["total"] == pytest.approx(
        sum(each["total"] for each in alone), abs=0.02
    )
    assert basket["final"]["total"] < basket["initial"]["total"]


def test_a_calendar_spread_needs_less_than_its_legs():
    trader = make_trader("9000000")
    near, far = (contract(trader, "NIFTY", "FUT", nth)["tradingsymbol"] for nth in (0, 1))
    row = {"exchange": "NFO", "product": "NRML", "order_type": "MARKET", "quantity": 65}

    basket = trader.ask("basket.margins", orders=[
        row | {"tradingsymbol": near, "transaction_type": "SELL"},
        row | {"tradingsymbol": far, "transaction_type": "BUY"},
    ])  # fmt: skip

    assert basket["final"]["span"] == 0
    assert basket["final"]["exposure"] == basket["initial"]["exposure"] > 0


def test_the_margin_held_for_a_future_is_what_the_calculator_says():
    trader = make_trader("9000000")
    future = contract(trader, "NIFTY", "FUT")["tradingsymbol"]
    row = {"exchange": "NFO", "product": "NRML", "order_type": "LIMIT", "quantity": 65,
           "tradingsymbol": future, "transaction_type": "BUY", "price": 23000}  # fmt: skip
    told = trader.ask("order.margins", orders=[row])[0]["total"]

    trader.place(future, quantity=65, exchange="NFO", product="NRML", price="23000")

    assert trader.net() == pytest.approx(9_000_000 - told, abs=0.005)


def test_the_contract_note_lists_the_charges_of_each_order():
    trader = make_trader()
    row = {"order_id": "1", "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY",
           "variety": "regular", "product": "CNC", "order_type": "MARKET", "quantity": 1,
           "average_price": 1500}  # fmt: skip

    note = trader.ask("contract_note", orders=[row])[0]

    assert (note["price"], note["quantity"]) == (1500.0, 1)
    assert note["charges"]["transaction_tax"] == 1.5
    assert note["charges"]["stamp_duty"] == 0.225
    assert note["charges"]["total"] == pytest.approx(
        1.5 + 0.225 + note["charges"]["exchange_turnover_charge"] + 0.0015
        + note["charges"]["gst"]["total"]
    )  # fmt: skip


def test_one_position_cannot_be_seeded_twice():
    trader = make_trader()
    row = {"exchange": "NSE", "tradingsymbol": "SBIN", "product": "MIS", "quantity": 3}

    with pytest.raises(Refusal, match="such a position already"):
        trader.do("holdings.seed", positions=[row, row | {"quantity": 5}])

    assert trader.ask("positions")["net"] == []
