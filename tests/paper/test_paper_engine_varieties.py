"""Cover, iceberg and after-market orders, and autoslice."""

import pytest

from tests.paper.engine_cast import contract, make_trader, open_trader


def test_a_cover_order_gets_its_stop_when_it_is_filled():
    trader = make_trader()
    trader.set_price("NSE:INFY", "1500")

    first = trader.fill(variety="co", product="MIS", price="1500", trigger_price="1480")
    second = next(row for row in trader.orders() if row["parent_order_id"] == first["order_id"])

    assert (first["status"], first["product"]) == ("COMPLETE", "CO")
    assert (second["status"], second["transaction_type"]) == ("TRIGGER PENDING", "SELL")
    assert second["trigger_price"] == 1480.0


def test_a_cover_order_is_exited_by_cancelling_its_second_leg():
    trader = make_trader()
    trader.set_price("NSE:INFY", "1500")
    first = trader.fill(variety="co", product="MIS", price="1500", trigger_price="1480")
    second = next(row for row in trader.orders() if row["parent_order_id"])

    trader.do("order.cancel", order_id=second["order_id"])
    trader.wait()

    assert trader.order(second["order_id"])["status"] == "COMPLETE"
    assert trader.position("INFY", "CO")["quantity"] == 0
    assert trader.net() == 1_000_000
    assert first["filled_quantity"] == 10


def test_the_stop_of_a_cover_order_limits_the_loss():
    trader = make_trader()
    trader.set_price("NSE:INFY", "1500")
    trader.fill(variety="co", product="MIS", price="1500", trigger_price="1480")

    trader.set_price("NSE:INFY", "1475")
    trader.wait()

    assert trader.position("INFY", "CO")["quantity"] == 0
    assert trader.position("INFY", "CO")["pnl"] == -250.0
    assert trader.net() == 1_000_000 - 250


def test_an_iceberg_shows_one_leg_at_a_time():
    trader = make_trader()
    trader.set_price("NSE:INFY", "1500")

    order_id = trader.place(
        variety="iceberg", quantity=100, iceberg_legs="4", iceberg_quantity="25", price="1490"
    )
    trader.wait()
    visible = trader.orders()
    trader.set_price("NSE:INFY", "1489")
    trader.wait(5_000)

    assert [row["quantity"] for row in visible] == [25]
    rows = trader.orders()
    assert [row["status"] for row in rows] == ["COMPLETE"] * 4
    assert [row["meta"]["iceberg"]["leg"] for row in rows] == [1, 2, 3, 4]
    assert [row["meta"]["iceberg"]["remaining_quantity"] for row in rows] == [75, 50, 25, 0]
    assert {row["parent_order_id"] for row in rows[1:]} == {order_id}
    assert trader.position("INFY", "CNC")["quantity"] == 100


def test_cancelling_a_leg_ends_the_iceberg():
    trader = make_trader()
    order_id = trader.place(variety="iceberg", quantity=100, iceberg_legs="4", price="1490")
    trader.wait()

    trader.do("order.cancel", order_id=order_id)
    trader.wait()
    trader.set_price("NSE:INFY", "1480")
    trader.wait()

    assert [row["status"] for row in trader.orders()] == ["CANCELLED"]


@pytest.mark.parametrize("legs", ["1", "51"])
def test_an_iceberg_has_two_to_fifty_legs(legs):
    trader = make_trader()

    refusal = trader.refused(variety="iceberg", quantity=100, iceberg_legs=legs, price="1490")

    assert refusal.message == "Iceberg legs should be between 2 and 50."


def test_autoslice_cuts_an_order_at_the_freeze_quantity():
    trader = make_trader("900000000")
    option = contract(trader, "NIFTY", "CE")["tradingsymbol"]

    answer = trader.do(
        "order.place", variety="regular", exchange="NFO", tradingsymbol=option, product="NRML",
        transaction_type="BUY", order_type="LIMIT", price="1", quantity="4550", autoslice="true",
        tag="big",
    )  # fmt: skip
    trader.wait()

    rows = [trader.order(child["order_id"]) for child in answer["children"]]
    assert [row["quantity"] for row in rows] == [1755, 1755, 1040]
    assert {row["status"] for row in rows} == {"OPEN"}
    assert rows[0]["tags"] == ["big", "autoslice", f"autoslice:{answer['order_id']}"]


def test_slices_that_funds_do_not_reach_are_told_one_by_one():
    trader = make_trader("40000")
    option = contract(trader, "NIFTY", "CE")["tradingsymbol"]

    answer = trader.do(
        "order.place", variety="regular", exchange="NFO", tradingsymbol=option, product="NRML",
        transaction_type="BUY", order_type="LIMIT", price="20", quantity="3510", autoslice="true",
    )  # fmt: skip

    taken, refused = answer["children"]
    assert taken["order_id"]
    assert refused["error"]["code"] == 400
    assert refused["error"]["error_type"] == "MarginException"
    assert refused["error"]["message"].startswith("Insufficient funds. Required margin is 35100.00")


def test_autoslice_makes_ten_orders_at_most():
    trader = make_trader("900000000")
    option = contract(trader, "NIFTY", "CE")["tradingsymbol"]

    refusal = trader.refused(
        option, quantity=65 * 300, exchange="NFO", product="NRML", price="1", autoslice="true"
    )

    assert refusal.message == "Autoslice makes 10 orders at most."


def test_an_after_market_order_waits_for_the_session():
    trader = make_trader(clock="real")
    trader.until("2026-11-20 20:00:00")

    order_id = trader.place(variety="amo", price="1495")
    trader.until("2026-11-21 12:00:00")
    waiting = trader.order(order_id)["status"]
    trader.until("2026-11-23 09:16:00")

    assert waiting == "AMO REQ RECEIVED"
    assert trader.order(order_id)["status"] == "OPEN"
    assert trader.order(order_id)["variety"] == "amo"


def test_an_after_market_order_can_be_changed_and_cancelled_while_it_waits():
    trader = make_trader()
    order_id = trader.place(variety="amo", price="1495")
    trader.wait()

    trader.do("order.modify", order_id=order_id, price="1490")
    changed = trader.order(order_id)
    trader.do("order.cancel", order_id=order_id)

    assert (changed["status"], changed["price"]) == ("AMO REQ RECEIVED", 1490.0)
    assert trader.order(order_id)["status"] == "CANCELLED"
    assert trader.net() == 1_000_000


def test_with_real_hours_intraday_orders_are_refused_at_night():
    trader = make_trader(clock="real")
    trader.until("2026-11-20 20:00:00")

    refusal = trader.refused(product="MIS", price="1500")

    assert refusal.message == (
        "MIS (intraday) are blocked as the markets are not open for trading today."
        " Try placing an AMO order."
    )
    assert trader.fill(price="1500")["status"] == "REJECTED"


def test_with_real_hours_intraday_positions_are_closed_by_force():
    trader = make_trader(clock="real")
    trader.fill(product="MIS")
    trader.place(side="BUY", product="MIS", price="1480")

    trader.until("2026-11-20 15:12:00")

    assert trader.position("INFY", "MIS")["quantity"] == 0
    assert [row["status"] for row in trader.orders()] == ["COMPLETE", "CANCELLED", "COMPLETE"]
    assert trader.ask("ledger")["postings"][-1]["amount"] == -59.0


def test_with_the_open_clock_intraday_positions_are_left_alone():
    trader = make_trader()
    trader.until("2026-11-20 23:00:00")

    trader.fill(product="MIS")
    trader.until("2026-11-22 12:00:00")

    assert trader.position("INFY", "MIS")["quantity"] == 10


def test_two_traders_do_not_get_the_same_shares_of_one_second():
    trader = make_trader("90000000")
    other = open_trader(trader.exchange, "90000000")

    mine, theirs = trader.place(quantity=5000), other.place(quantity=5000)
    trader.wait(800)

    filled = trader.order(mine)["filled_quantity"] + other.order(theirs)["filled_quantity"]
    shown = trader.exchange.query("quote", i=["NSE:INFY"])["NSE:INFY"]["depth"]["sell"]
    assert filled == sum(level["quantity"] for level in shown)
