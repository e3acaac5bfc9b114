"""What is left of a day's orders when a market closes, and what older journals make of it."""

import shutil
from hashlib import sha256
from json import dumps
from pathlib import Path

import pytest

from accounts.brokers.paper.engine import EDITION, Command, Exchange
from accounts.brokers.paper.journal import open_exchange
from accounts.brokers.paper.server.run import configure
from accounts.brokers.paper.units import moment, stamp
from tests.paper.engine_cast import FRIDAY_TEN, Trader, contract, make_trader

# Written by the exchange before it closed its markets: two days of real hours with orders of every
# variety, a trigger that fired, a forced exit, a carried future and a change of settings.
FIRST_EDITION = Path(__file__).with_name("first-edition.journal")
ITS_STATE = "25aced20eeec2c8c337d39ddfa0ff46cb5525d48cbeee91418996f70e544afcf"


def status(trader: Trader, order_id: str) -> str:
    return str(trader.order(order_id)["status"])


@pytest.mark.parametrize("clock", ["real", "manual"])
@pytest.mark.parametrize(
    ("day", "key", "closes"),
    [
        ("2026-07-31", "NSE:INFY", "15:30"),
        ("2026-11-20", "NSE:INFY", "15:35"),  # its derivatives put it into the closing auction
        ("2026-11-20", "NFO:NIFTY", "15:40"),
        ("2026-11-20", "CDS:USDINR", "17:00"),
        ("2026-11-20", "MCX:GOLD", "23:30"),
    ],
)
def test_a_day_order_is_cancelled_when_its_market_closes(clock, day, key, closes):
    trader = make_trader("90000000", clock=clock, start=moment(f"{day} 10:00:00"))
    exchange, name = key.split(":")
    symbol = name if exchange == "NSE" else contract(trader, name, "FUT")["tradingsymbol"]
    low = trader.last(f"{exchange}:{symbol}") * 0.98
    tick = trader.exchange.floor.market.by_key[f"{exchange}:{symbol}"].tick / 10_000
    lot = trader.exchange.floor.market.by_key[f"{exchange}:{symbol}"].lot
    order_id = trader.place(
        symbol, quantity=lot, exchange=exchange, price=f"{low // tick * tick:.4f}",
        product="CNC" if exchange == "NSE" else "NRML",
    )  # fmt: skip
    free = trader.net()

    trader.until(f"{day} {closes}:00")
    trader.exchange.advance(trader.exchange.now - 1)
    closed = trader.order(order_id)

    assert closed["status"] == "CANCELLED"
    assert closed["exchange_update_timestamp"] == f"{day} {closes}:00"
    assert closed["cancelled_quantity"] == lot
    assert trader.net() > free
    assert trader.news()[-1].data["status"] == "CANCELLED"


def test_a_day_order_lives_to_the_last_moment_of_its_market():
    trader = make_trader(clock="real")
    order_id = trader.place(price="1450")

    trader.exchange.advance(moment("2026-11-20 15:35:00") - 1)

    assert status(trader, order_id) == "OPEN"


def test_every_kind_of_order_that_reached_the_exchange_ends_with_the_day():
    trader = make_trader(clock="real")
    trader.set_price("NSE:INFY", "1500")
    stop = trader.place(order_type="SL", price="1530", trigger_price="1520")
    iceberg = trader.place(price="1450", variety="iceberg", iceberg_legs="2")
    trader.wait()
    trader.do("gtt.place", type="single", api_key=trader.api_key, condition={
        "exchange": "NSE", "tradingsymbol": "INFY", "trigger_values": [1480], "last_price": 1500,
    }, orders=[{
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 1,
        "order_type": "LIMIT", "product": "CNC", "price": 1400,
    }])  # fmt: skip
    trader.set_price("NSE:INFY", "1479")
    trader.wait()
    child = trader.orders()[-1]["order_id"]
    assert [status(trader, each) for each in (stop, iceberg, child)] == [
        "TRIGGER PENDING", "OPEN", "OPEN",
    ]  # fmt: skip

    trader.until("2026-11-20 16:00:00")

    assert [status(trader, each) for each in (stop, iceberg, child)] == ["CANCELLED"] * 3
    assert len(trader.orders()) == 3  # no further leg


def test_nothing_is_opened_for_the_day_after_the_forced_exit():
    trader = make_trader(clock="real", start=moment("2026-11-20 15:09:59"))
    trader.fill(quantity=10, product="MIS")
    cover = trader.place(product="MIS", variety="co", price="1450", trigger_price="1440")

    trader.until("2026-11-20 15:10:30")
    left = [row["quantity"] for row in trader.ask("positions")["net"]]
    refused = [
        trader.refused(product="MIS"),
        trader.refused(product="MIS", variety="co", price="1450", trigger_price="1440"),
    ]
    delivered = trader.fill(quantity=1)

    assert left == [0]
    assert status(trader, cover) == "CANCELLED"
    assert {refusal.message.partition(".")[0] for refusal in refused} == {
        "MIS (intraday) orders are blocked after the square-off time"
    }
    assert delivered["status"] == "COMPLETE"


def test_an_intraday_position_that_is_still_there_can_be_closed():
    trader = make_trader(clock="real", start=moment("2026-11-20 15:12:00"))
    row = {"exchange": "NSE", "tradingsymbol": "SBIN", "product": "MIS", "quantity": 5}
    trader.do("holdings.seed", positions=[row])

    closed = trader.fill("SBIN", "SELL", 5, product="MIS")

    assert closed["status"] == "COMPLETE"
    assert trader.refused("SBIN", "SELL", 5, product="MIS").error_type == "InputException"


def test_what_waits_for_a_session_or_has_its_own_time_is_left_alone():
    trader = make_trader(clock="real", start=moment("2026-11-20 15:10:00"))
    after = trader.place(price="1450", variety="amo")
    timed = trader.place(price="1450", validity="TTL", validity_ttl="60")
    trader.wait()

    trader.until("2026-11-20 15:36:00")
    at_close = [status(trader, after), status(trader, timed)]
    trader.until("2026-11-20 16:11:00")
    later = status(trader, timed)
    trader.until("2026-11-23 09:01:00")
    released = status(trader, after)
    trader.until("2026-11-23 15:36:00")

    assert at_close == ["AMO REQ RECEIVED", "OPEN"]
    assert later == "CANCELLED"
    assert released == "OPEN"
    assert status(trader, after) == "CANCELLED"


def test_an_order_on_its_way_when_the_market_closes_is_turned_down():
    trader = make_trader(clock="real")
    trader.exchange.advance(moment("2026-11-20 15:30:00") - 20)
    order_id = trader.place(price="1450")

    trader.until("2026-11-20 15:31:00")

    assert trader.order(order_id)["status_message"].startswith("The markets are closed")


def test_where_markets_never_close_a_day_order_lives_to_the_roll():
    trader = make_trader(clock="open")
    order_id = trader.place(price="1450")

    trader.until("2026-11-21 05:59:59")
    assert status(trader, order_id) == "OPEN"
    trader.until("2026-11-21 06:00:00")

    rows = trader.exchange.query("ledger", trader.user_id)["orders"]
    assert [row["status"] for row in rows] == ["CANCELLED"]


def test_another_clock_brings_its_own_hours_on_the_same_day():
    trader = make_trader(clock="open")
    settings = {"profile": "kite", "prices": "external", "rules": {}}
    position = trader.fill("SBIN", product="MIS", quantity=5)

    trader.do("configure", clock="real", **settings)
    hourly = trader.place(price="1450")
    trader.until("2026-11-20 16:00:00")
    assert status(trader, hourly) == "CANCELLED"
    assert trader.position(position["tradingsymbol"], "MIS")["quantity"] == 0

    trader.until("2026-11-23 10:00:00")
    trader.fill("SBIN", product="MIS", quantity=5)
    trader.do("configure", clock="open", **settings)
    kept = trader.place(price="1450")
    trader.until("2026-11-23 23:59:00")

    assert status(trader, kept) == "OPEN"
    assert trader.position("SBIN", "MIS")["quantity"] == 5


def first_edition(folder: Path) -> Path:
    path = folder / "journal"
    shutil.copyfile(FIRST_EDITION, path)
    return path


def test_a_journal_from_before_leads_to_the_state_it_led_to_then(tmp_path):
    exchange, journal = open_exchange(first_edition(tmp_path))
    journal.close()

    snapshot = exchange.snapshot()
    edition = snapshot["state"].pop()  # did not exist

    assert edition == 1
    assert sha256(dumps(snapshot, separators=(",", ":")).encode()).hexdigest() == ITS_STATE
    again = Exchange.restore(snapshot)
    assert again.digest() == exchange.digest()


def test_an_older_home_moves_on_when_it_is_started_again(tmp_path):
    path = first_edition(tmp_path)
    exchange, journal = open_exchange(path)
    wanted = {
        "clock": "real", "prices": "external", "profile": "kite", "rules": {}, "edition": EDITION,
    }  # fmt: skip
    configure(exchange, journal, wanted)
    trader = Trader(exchange, "PA0001", "k1")
    placing = Command(
        "order.place",
        {
            "variety": "regular", "exchange": "NSE", "tradingsymbol": "INFY", "quantity": "1",
            "transaction_type": "BUY", "order_type": "LIMIT", "product": "CNC", "price": "1400",
        },
        moment("2026-11-25 10:00:00"),
        "PA0001",
    )  # fmt: skip
    closed = Command("tick", {}, moment("2026-11-25 16:00:00"))
    for command in (placing, closed):
        journal.append(command)
        exchange.execute(command)
    journal.close()

    again, journal = open_exchange(path)
    journal.close()

    assert [row["status"] for row in trader.orders()] == ["CANCELLED"]
    assert again.digest() == exchange.digest()
    assert again.floor.state.edition == EDITION


def test_a_snapshot_of_a_later_version_is_refused():
    snapshot = make_trader().exchange.snapshot()
    snapshot["state"].append("something new")

    with pytest.raises(ValueError, match="knows more"):
        Exchange.restore(snapshot)


def test_a_new_journal_says_which_edition_it_follows(tmp_path):
    exchange, journal = open_exchange(tmp_path / "journal", seed=1, start=FRIDAY_TEN)
    journal.close()
    again, journal = open_exchange(tmp_path / "journal")
    journal.close()

    assert stamp(again.now) == stamp(exchange.now)
    assert again.floor.state.edition == exchange.floor.state.edition == EDITION
