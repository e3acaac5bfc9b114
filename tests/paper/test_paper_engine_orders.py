"""An order's life: interim states, timing, kinds, changes and refusals."""

import pytest

from accounts.brokers.paper.engine import Refusal
from tests.paper.engine_cast import contract, make_trader

TAKEN_IN = ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN"]


def test_a_limit_order_away_from_the_market_is_open_within_300_ms():
    trader = make_trader()

    order_id = trader.place(price="1490")
    trader.wait(300)

    row = trader.order(order_id)
    assert row["status"] == "OPEN"
    assert trader.statuses(order_id) == TAKEN_IN
    assert row["exchange_order_id"].isdigit()
    assert len(row["exchange_order_id"]) == 16
    assert row["pending_quantity"] == 10


def test_a_market_order_in_a_liquid_share_is_filled_within_700_ms():
    trader = make_trader(prices="walk")

    order_id = trader.place(quantity=5)
    trader.wait(700)

    row = trader.order(order_id)
    assert row["status"] == "COMPLETE"
    assert row["filled_quantity"] == 5
    assert [t["quantity"] for t in trader.ask("order.trades", order_id=order_id)] == [5]


def test_interim_states_are_seen_while_they_last():
    trader = make_trader()

    order_id = trader.place(price="1490")
    seen = [trader.order(order_id)["status"]]
    trader.wait(50)
    seen.append(trader.order(order_id)["status"])
    trader.wait(50)
    seen.append(trader.order(order_id)["status"])

    assert seen == ["VALIDATION PENDING", "OPEN PENDING", "OPEN"]


def test_a_protected_market_order_shows_as_a_limit_order_with_tags():
    trader = make_trader()
    trader.set_price("NSE:INFY", "1500")

    row = trader.fill(tag="mine", market_protection="2")

    assert (row["order_type"], row["price"], row["market_protection"]) == ("LIMIT", 1530.0, 0)
    assert row["tags"] == ["mine", "mktp", "mktp:2.00"]
    assert row["average_price"] == 1500.0


def test_automatic_protection_follows_the_price():
    trader = make_trader()
    trader.set_price("NSE:INFY", "1500")

    row = trader.fill(market_protection="-1")

    assert row["price"] == 1507.5
    assert row["tags"] == ["mktp", "mktp:0.50"]


def test_a_large_order_is_filled_in_parts_as_the_book_refills():
    trader = make_trader("90000000", prices="walk")

    order_id = trader.place(quantity=6000, market_protection="5")
    trader.wait(300)
    early = trader.order(order_id)
    trader.wait(20_000)
    late = trader.order(order_id)

    assert early["status"] == "OPEN"
    assert 0 < early["filled_quantity"] < 6000
    assert late["status"] == "COMPLETE"
    fills = trader.ask("order.trades", order_id=order_id)
    assert sum(fill["quantity"] for fill in fills) == 6000
    assert len(fills) > 5


def test_a_resting_order_fills_at_its_own_price_when_the_market_comes():
    trader = make_trader()
    order_id = trader.place(price="1480")
    trader.wait()

    trader.set_price("NSE:INFY", "1470")
    row = trader.order(order_id)

    assert (row["status"], row["average_price"]) == ("COMPLETE", 1480.0)


def test_a_stop_order_waits_for_its_trigger_and_then_trades():
    trader = make_trader()
    order_id = trader.place(order_type="SL", price="1530", trigger_price="1520")
    trader.wait()
    waiting = trader.order(order_id)

    trader.set_price("NSE:INFY", "1521")
    trader.wait()
    done = trader.order(order_id)

    assert waiting["status"] == "TRIGGER PENDING"
    assert (done["status"], done["order_type"], done["trigger_price"]) == (
        "COMPLETE",
        "LIMIT",
        1520.0,
    )
    assert trader.statuses(order_id)[-3:] == ["TRIGGER PENDING", "OPEN", "COMPLETE"]


def test_a_stop_market_order_becomes_a_protected_one():
    trader = make_trader()
    trader.fill(quantity=10, product="MIS")
    order_id = trader.place(
        side="SELL", product="MIS", order_type="SL-M", trigger_price="1480", market_protection="1"
    )
    trader.wait()

    trader.set_price("NSE:INFY", "1479")
    trader.wait()

    row = trader.order(order_id)
    assert (row["status"], row["average_price"], row["tags"]) == (
        "COMPLETE",
        1479.0,
        ["mktp", "mktp:1.00"],
    )


def test_what_an_ioc_order_cannot_have_at_once_is_cancelled():
    trader = make_trader()

    row = trader.fill(price="1490", validity="IOC")

    assert row["status"] == "CANCELLED"
    assert row["cancelled_quantity"] == 10
    assert row["status_message_raw"] == "16388 : Unmatched orders cancelled by the system"


def test_a_ttl_order_is_cancelled_after_its_minutes():
    trader = make_trader()
    order_id = trader.place(price="1490", validity="TTL", validity_ttl="2")

    trader.wait(119_000)
    before = trader.order(order_id)["status"]
    trader.wait(2_000)

    assert (before, trader.order(order_id)["status"]) == ("OPEN", "CANCELLED")


def test_a_day_order_lives_to_the_roll_at_six():
    trader = make_trader()
    order_id = trader.place(price="1490")

    trader.until("2026-11-21 05:59:59")
    before = trader.order(order_id)["status"]
    trader.until("2026-11-21 06:00:00")

    assert before == "OPEN"
    assert trader.orders() == []
    ledger = trader.ask("ledger")
    assert [row["status"] for row in ledger["orders"]] == ["CANCELLED"]


def test_a_modification_shows_the_old_price_until_it_holds():
    trader = make_trader()
    order_id = trader.place(price="1490")
    trader.wait()

    trader.do("order.modify", order_id=order_id, price="1491", quantity="20")
    trader.wait()

    rows = trader.ask("order.history", order_id=order_id)[4:]
    assert [row["status"] for row in rows] == [
        "MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED", "OPEN",
    ]  # fmt: skip
    assert [row["price"] for row in rows] == [1490.0, 1490.0, 1490.0, 1491.0]
    row = trader.order(order_id)
    assert (row["modified"], row["quantity"], row["price"]) == (True, 20, 1491.0)


def test_the_26th_modification_is_refused():
    trader = make_trader()
    order_id = trader.place(price="1490")
    trader.wait()

    for nth in range(25):
        trader.do("order.modify", order_id=order_id, quantity=str(11 + nth))
        trader.wait()
    with pytest.raises(Refusal, match="Maximum allowed order modifications exceeded") as told:
        trader.do("order.modify", order_id=order_id, quantity="99")

    assert (told.value.status, told.value.error_type) == (429, "NetworkException")


def test_a_trigger_cannot_be_modified_to_the_wrong_side_under_any_rules():
    trader = make_trader(profile="compat2019")
    order_id = trader.place(order_type="SL", price="1520", trigger_price="1510")
    trader.wait()

    with pytest.raises(Refusal, match="should be higher than the last traded price"):
        trader.do("order.modify", order_id=order_id, trigger_price="1400")
    trader.wait()

    assert trader.order(order_id)["status"] == "TRIGGER PENDING"


def test_an_order_cannot_be_modified_above_the_freeze_quantity_under_any_rules():
    trader = make_trader("90000000", rules={"above_freeze": "async"})
    future = contract(trader, "NIFTY", "FUT")
    symbol, lot = future["tradingsymbol"], future["lot_size"]
    price = f"{trader.last(f'NFO:{symbol}') - 100:.0f}"
    order_id = trader.place(symbol, quantity=lot, exchange="NFO", product="NRML", price=price)
    trader.wait()

    with pytest.raises(Refusal, match="freeze"):
        trader.do("order.modify", order_id=order_id, quantity=str(lot * 100))

    assert trader.order(order_id)["quantity"] == lot


def test_a_modification_that_crosses_the_market_trades():
    trader = make_trader()
    trader.set_price("NSE:INFY", "1500")
    order_id = trader.place(price="1490")
    trader.wait()

    trader.do("order.modify", order_id=order_id, price="1505")
    trader.wait()

    row = trader.order(order_id)
    assert (row["status"], row["average_price"]) == ("COMPLETE", 1500.0)


def test_a_limit_order_becomes_a_market_order_only_with_protection():
    trader = make_trader()
    order_id = trader.place(price="1490")
    trader.wait()

    with pytest.raises(Exception, match="without market protection"):
        trader.do("order.modify", order_id=order_id, order_type="MARKET")
    trader.do("order.modify", order_id=order_id, order_type="MARKET", market_protection="1")
    trader.wait()

    assert trader.order(order_id)["status"] == "COMPLETE"


def test_a_cancelled_order_gives_its_margin_back():
    trader = make_trader()
    order_id = trader.place(price="1490")
    trader.wait()
    held = trader.net()

    trader.do("order.cancel", order_id=order_id)
    trader.wait()

    assert held == 1_000_000 - 14_900
    assert trader.net() == 1_000_000
    assert trader.statuses(order_id)[-2:] == ["CANCEL PENDING", "CANCELLED"]
    assert trader.order(order_id)["cancelled_quantity"] == 10


def test_a_cancel_after_the_fill_is_refused_politely():
    trader = make_trader()
    row = trader.fill()

    with pytest.raises(Refusal, match="cannot be cancelled as it is being processed") as told:
        trader.do("order.cancel", order_id=row["order_id"])

    assert told.value.error_type == "OrderException"


def test_somebody_elses_order_does_not_exist():
    from tests.paper.engine_cast import open_trader

    trader = make_trader()
    stranger = open_trader(trader.exchange)
    order_id = trader.place(price="1490")
    trader.wait()

    for op in ("order.cancel", "order.modify"):
        with pytest.raises(Exception, match="Couldn't find that `order_id`"):
            stranger.do(op, order_id=order_id)
    with pytest.raises(Exception, match="Couldn't find that `order_id`"):
        stranger.ask("order.history", order_id=order_id)


REFUSED_AT_ONCE = [
    ({"market_protection": "0"}, "Market orders without market protection are not allowed via API. Please set market protection or use a Limit order."),
    ({"price": "1490.03"}, "Tick size for this script is 0.10. Kindly enter price in the multiple of tick size for this script"),
    ({"symbol": "NOSUCH"}, "The instrument you are placing an order for has either expired or does not exist."),
    ({"product": "NRML"}, "Trading in NSE is not allowed using NRML product type."),
    ({"order_type": "SL", "price": "1480", "trigger_price": "1470"}, "Trigger price for stoploss buy orders should be higher than the last traded price (1500.00)."),
    ({"side": "SELL", "product": "MIS", "order_type": "SL", "price": "1520", "trigger_price": "1530"}, "Trigger price for stoploss sell orders should be lower than the last traded price (1500.00)."),
    ({"quantity": 0}, "Invalid `quantity`."),
    ({"tag": "x" * 21}, "Invalid `tag`. It can have 20 characters at most."),
    ({"variety": "auction"}, "Auction orders are not accepted here: no auction is being held."),
    ({"variety": "bo"}, "Invalid `variety`."),
    ({"quantity": 1000}, "Insufficient funds. Required margin is 1530000.00 but available margin is 1000000.00."),
]  # fmt: skip


@pytest.mark.parametrize(("terms", "text"), REFUSED_AT_ONCE)
def test_bad_orders_are_refused_with_the_documented_words(terms, text):
    trader = make_trader()
    trader.set_price("NSE:INFY", "1500")

    refusal = trader.refused(**terms)

    assert refusal.message == text
    assert refusal.status == 400
    assert [row["message"] for row in trader.ask("ledger")["refused"]] == [text]


def test_lot_and_freeze_quantities_are_checked():
    from tests.paper.engine_cast import contract

    trader = make_trader("90000000")
    option = contract(trader, "NIFTY", "CE")["tradingsymbol"]
    terms = {"exchange": "NFO", "product": "NRML", "price": "100"}

    assert (
        trader.refused(option, quantity=66, **terms).message
        == "Quantity must be in multiples of lot size 65"
    )
    assert trader.refused(option, quantity=1820, **terms).message == (
        "Quantity exceeds the freeze limit of 1800. Use autoslice or iceberg."
    )


def test_a_price_outside_the_band_is_rejected_after_it_was_taken_in():
    trader = make_trader()

    row = trader.fill(price="1200")

    assert row["status"] == "REJECTED"
    assert row["status_message"] == (
        "Your order price is lower than the current lower circuit limit of 1350.00."
        " Place an order within the daily range."
    )
    assert row["status_message_raw"].startswith("RMS:Rule: Check circuit limit")
    assert (row["filled_quantity"], row["pending_quantity"], row["cancelled_quantity"]) == (0, 0, 0)
    assert row["exchange_order_id"] is None
    assert trader.net() == 1_000_000


def test_selling_what_is_not_held_is_rejected_after_it_was_taken_in():
    trader = make_trader()

    row = trader.fill(side="SELL")

    assert row["status"] == "REJECTED"
    assert row["status_message"].startswith(
        "Insufficient stock holding or there are pending sell orders for this stock."
    )


def test_the_compat_profile_takes_unprotected_market_orders_and_wrong_side_triggers():
    trader = make_trader(profile="compat2019")
    trader.set_price("NSE:INFY", "1500")

    market = trader.fill(market_protection="")
    wrong = trader.fill(order_type="SL", price="1480", trigger_price="1470")

    assert (market["status"], market["order_type"]) == ("COMPLETE", "MARKET")
    assert wrong["status"] == "REJECTED"


def test_an_unprotected_market_order_waits_for_the_book_to_refill():
    trader = make_trader("90000000", profile="compat2019")
    trader.set_price("NSE:INFY", "1500")
    order_id = trader.place(quantity=9000, market_protection="")
    trader.wait(300)
    early = trader.order(order_id)

    trader.wait(30_000)

    assert early["status"] == "OPEN"
    assert trader.order(order_id)["status"] == "COMPLETE"
    prices = {fill["average_price"] for fill in trader.ask("order.trades", order_id=order_id)}
    assert min(prices) == 1500.0
    assert max(prices) < 1501.0


def test_a_rule_can_be_set_otherwise():
    trader = make_trader(rules={"no_funds": "async", "exchange_ms": 200})

    row = trader.fill(quantity=1000)

    assert row["status"] == "REJECTED"
    assert row["status_message"].endswith("Check the orderbook for open orders.")
    assert row["status_message_raw"].startswith("RMS:Margin Exceeds,Required:")


def test_the_sandbox_profile_takes_limit_orders_only():
    trader = make_trader(profile="kite-sandbox")

    assert trader.refused().message == "Only LIMIT orders are allowed in the sandbox."
    assert trader.fill(price="1500")["status"] == "COMPLETE"


def test_news_tells_every_change_that_is_not_interim():
    trader = make_trader()
    order_id = trader.place(price="1490", tag="abc")
    trader.wait()
    trader.do("order.modify", order_id=order_id, price="1491")
    trader.wait()
    trader.do("order.cancel", order_id=order_id)
    trader.wait()

    news = [event for event in trader.news() if event.kind == "order"]

    assert [event.data["status"] for event in news] == ["OPEN", "UPDATE", "CANCELLED"]
    assert {event.api_key for event in news} == {trader.api_key}
    assert news[0].data["unfilled_quantity"] == 10
    assert news[-1].data["user_id"] == trader.user_id
