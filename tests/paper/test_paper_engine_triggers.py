"""Good-till-triggered orders and alerts."""

import json

import pytest

from accounts.brokers.paper.engine import Refusal
from accounts.brokers.paper.units import moment
from tests.paper.engine_cast import make_trader, open_trader


def gtt(trader, trigger="1450", price="1450", side="BUY", **more):
    row = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": side, "quantity": 10,
        "order_type": "LIMIT", "product": "CNC", "price": float(price),
    }  # fmt: skip
    condition = {"exchange": "NSE", "tradingsymbol": "INFY", "last_price": 1500.0}
    return trader.do(
        "gtt.place", type="single", api_key=trader.api_key,
        condition=json.dumps(condition | {"trigger_values": [float(trigger)]}),
        orders=json.dumps([row | more]),
    )["trigger_id"]  # fmt: skip


def oco(trader, stop="1450", target="1560"):
    row = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "SELL", "quantity": 10,
        "order_type": "LIMIT", "product": "CNC",
    }  # fmt: skip
    return trader.do(
        "gtt.place", type="two-leg",
        condition={"exchange": "NSE", "tradingsymbol": "INFY", "last_price": 1500.0,
                   "trigger_values": [stop, target]},
        orders=[row | {"price": stop}, row | {"price": target}],
    )["trigger_id"]  # fmt: skip


def test_a_trigger_fires_once_when_its_price_comes():
    trader = make_trader()
    trigger_id = gtt(trader, "1450", "1452")
    before = trader.ask("gtt", trigger_id=trigger_id)

    trader.set_price("NSE:INFY", "1449")
    trader.wait()
    after = trader.ask("gtt", trigger_id=str(trigger_id))
    trader.set_price("NSE:INFY", "1500")
    trader.set_price("NSE:INFY", "1440")
    trader.wait()

    assert (before["status"], before["orders"][0]["result"]) == ("active", None)
    assert before["expires_at"] == "2027-11-20 10:00:00"
    result = after["orders"][0]["result"]
    assert after["status"] == "triggered"
    assert result["order_result"]["status"] == "success"
    assert result["triggered_at"] == 1449.0
    app_id = trader.exchange.query("app", api_key=trader.api_key)["app_id"]
    assert app_id > 0
    assert json.loads(result["meta"]) == {"app_id": app_id, "gtt": trigger_id}
    assert trader.orders()[0]["meta"] == {"app_id": app_id, "gtt": trigger_id}
    assert {event.data["meta"]["gtt"] for event in trader.news() if event.kind == "order"} == {
        trigger_id
    }
    assert [row["order_id"] for row in trader.orders()] == [result["order_result"]["order_id"]]
    assert trader.orders()[0]["status"] == "COMPLETE"


def test_a_trigger_waits_while_the_market_takes_no_orders():
    trader = make_trader(clock="real", start=moment("2026-11-20 15:29:50"))
    trigger_id = gtt(trader, "1450", "1452")

    trader.until("2026-11-20 15:31:00")  # the closing auction is being matched
    trader.set_price("NSE:INFY", "1449")
    trader.until("2026-11-20 15:40:00")
    waiting = trader.ask("gtt", trigger_id=trigger_id)["status"]
    trader.until("2026-11-23 09:15:02")
    fired = trader.ask("gtt", trigger_id=trigger_id)

    assert waiting == "active"
    assert fired["status"] == "triggered"
    assert trader.orders()[0]["status"] == "COMPLETE"


def test_no_funds_are_held_until_it_fires():
    trader = make_trader()

    gtt(trader)

    assert trader.net() == 1_000_000


def test_triggered_does_not_mean_that_the_order_fared_well():
    trader = make_trader()
    trigger_id = gtt(trader, "1450", "1200")

    trader.set_price("NSE:INFY", "1450")

    row = trader.ask("gtt", trigger_id=trigger_id)
    outcome = row["orders"][0]["result"]["order_result"]
    assert row["status"] == "triggered"
    assert (outcome["status"], outcome["order_id"]) == ("failed", "")
    assert outcome["rejection_reason"].startswith(
        "Your order price is lower than the current lower"
    )


@pytest.mark.parametrize(("price", "leg"), [("1449", 0), ("1561", 1)])
def test_of_two_legs_the_one_that_is_reached_fires(price, leg):
    trader = make_trader()
    trader.hold("INFY", 10, "1400")
    trigger_id = oco(trader)

    trader.set_price("NSE:INFY", price)
    trader.wait()

    results = [order["result"] for order in trader.ask("gtt", trigger_id=trigger_id)["orders"]]
    assert [result is not None for result in results] == [nth == leg for nth in (0, 1)]
    assert len(trader.orders()) == 1


def test_a_trigger_is_changed_and_deleted():
    trader = make_trader()
    trigger_id = gtt(trader)
    row = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 5,
           "order_type": "LIMIT", "product": "CNC", "price": 1400}  # fmt: skip

    trader.do(
        "gtt.modify", trigger_id=str(trigger_id), type="single", orders=[row],
        condition={"exchange": "NSE", "tradingsymbol": "INFY", "trigger_values": [1400],
                   "last_price": 1500},
    )  # fmt: skip
    changed = trader.ask("gtt", trigger_id=trigger_id)
    trader.do("gtt.delete", trigger_id=str(trigger_id))

    assert changed["condition"]["trigger_values"] == [1400.0]
    assert changed["orders"][0]["quantity"] == 5
    assert trader.ask("gtt", trigger_id=trigger_id)["status"] == "deleted"
    with pytest.raises(Exception, match="already deleted"):
        trader.do("gtt.delete", trigger_id=str(trigger_id))


BAD = [
    ({"trigger": "1500"}, "Trigger already met."),
    ({"trigger": "1501"}, "Trigger price should be at least 0.25% away from the last price."),
    ({"trigger": "1450.03"}, "Tick size for this script is 0.10."),
    ({"order_type": "MARKET"}, "Only LIMIT orders are allowed in a GTT."),
    ({"product": "MIS"}, "Invalid `product`."),
    ({"quantity": 0}, "Quantity must be in multiples of lot size 1"),
    ({"price": "0"}, "Invalid `price`."),
]


@pytest.mark.parametrize(("terms", "text"), BAD)
def test_senseless_triggers_are_refused(terms, text):
    trader = make_trader()
    trader.set_price("NSE:INFY", "1500")

    with pytest.raises(Refusal) as told:
        gtt(trader, **terms)

    assert told.value.message.startswith(text)
    assert trader.ask("gtts") == []


def test_somebody_elses_trigger_does_not_exist():
    trader = make_trader()
    stranger = open_trader(trader.exchange)
    trigger_id = gtt(trader)

    with pytest.raises(Exception, match="Couldn't find that `trigger_id`"):
        stranger.ask("gtt", trigger_id=trigger_id)
    assert stranger.ask("gtts") == []


def test_old_outcomes_leave_the_list_after_a_week_but_can_be_asked_for():
    trader = make_trader()
    trigger_id = gtt(trader)
    trader.do("gtt.delete", trigger_id=str(trigger_id))

    trader.until("2026-11-27 09:59:00")
    within = trader.ask("gtts")
    trader.until("2026-11-27 10:01:00")

    assert [row["id"] for row in within] == [trigger_id]
    assert trader.ask("gtts") == []
    assert trader.ask("gtt", trigger_id=trigger_id)["status"] == "deleted"


def test_a_trigger_ends_after_its_year():
    trader = make_trader()
    trigger_id = gtt(trader)
    trader.exchange.floor.state.gtts[trigger_id].expires_at = trader.exchange.now + 3_600_000

    trader.until("2026-11-21 06:00:01")

    assert trader.ask("gtt", trigger_id=trigger_id)["status"] == "expired"


def alert(trader, **more):
    return trader.do("alert.create", **({
        "name": "Nifty low", "type": "simple", "lhs_exchange": "INDICES",
        "lhs_tradingsymbol": "NIFTY 50", "lhs_attribute": "LastTradedPrice", "operator": "<=",
        "rhs_type": "constant", "rhs_constant": "23290.35",
    } | more))  # fmt: skip


def test_an_alert_is_told_each_time_its_condition_becomes_true():
    trader = make_trader()
    uuid = alert(trader)["uuid"]

    for price in ("23000", "22900", "23500", "23100"):
        trader.set_price("NSE:NIFTY 50", price)
        trader.wait()

    assert trader.ask("alert", uuid=uuid)["alert_count"] == 2
    history = trader.ask("alert.history", uuid=uuid)
    assert [row["meta"][0]["last_price"] for row in history] == [23100.0, 23000.0]
    assert history[0]["condition"] == 'LastTradedPrice("INDICES:NIFTY 50") <= 23290.35'
    assert [event.data["uuid"] for event in trader.news() if event.kind == "alert"] == [uuid] * 2


def test_an_alert_compares_two_instruments():
    trader = make_trader()
    uuid = alert(
        trader, lhs_exchange="NSE", lhs_tradingsymbol="INFY", operator=">", rhs_type="instrument",
        rhs_exchange="NSE", rhs_tradingsymbol="TCS", rhs_attribute="LastTradedPrice",
    )["uuid"]  # fmt: skip

    trader.set_price("NSE:TCS", "1400")
    trader.set_price("NSE:INFY", "1500")

    assert trader.ask("alert", uuid=uuid)["alert_count"] == 1


def test_an_alert_with_a_basket_sends_its_orders_once():
    trader = make_trader()
    params = {"transaction_type": "BUY", "product": "CNC", "order_type": "LIMIT", "quantity": 3,
              "price": 1490.0, "variety": "regular", "validity": "DAY"}  # fmt: skip
    basket = {
        "items": [{"exchange": "NSE", "tradingsymbol": "INFY", "weight": 1, "params": params}]
    }
    uuid = alert(trader, type="ato", basket=json.dumps(basket))["uuid"]

    trader.set_price("NSE:NIFTY 50", "23000")
    trader.wait()

    assert [row["quantity"] for row in trader.orders()] == [3]
    assert trader.ask("alert", uuid=uuid)["status"] == "disabled"
    assert trader.ask("alert", uuid=uuid)["basket"]["items"][0]["instrument_token"] == 408065


def test_alerts_are_listed_changed_and_deleted():
    trader = make_trader()
    first, second = alert(trader, name="one")["uuid"], alert(trader, name="two")["uuid"]

    trader.do(
        "alert.modify", uuid=first, name="one", type="simple", lhs_exchange="NSE",
        lhs_tradingsymbol="INFY", lhs_attribute="LastTradedPrice", operator=">=",
        rhs_type="constant", rhs_constant="1600",
    )  # fmt: skip
    listed = trader.ask("alerts")
    trader.do("alert.delete", uuid=[first, second])

    assert [row["name"] for row in listed] == ["two", "one"]
    assert listed[1]["rhs_constant"] == 1600.0
    assert trader.ask("alerts", status="enabled", page="1", page_size="1") == []
    assert trader.ask("alerts") == []


def test_deleting_is_all_or_nothing():
    trader = make_trader()
    uuid = alert(trader)["uuid"]

    with pytest.raises(Exception, match="Alert not found"):
        trader.do("alert.delete", uuid=[uuid, "no-such"])

    assert [row["uuid"] for row in trader.ask("alerts")] == [uuid]


def test_five_hundred_alerts_are_enough():
    trader = make_trader()
    for _ in range(500):
        alert(trader)

    with pytest.raises(Exception, match="Only 500 active alerts"):
        alert(trader)
