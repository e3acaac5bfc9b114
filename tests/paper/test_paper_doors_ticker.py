"""The official ticker, unchanged, against a real exchange."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

INFY, SBIN, TCS, NIFTY = 408065, 779521, 2953217, 256265
SCRIPT = Path(__file__).with_name("paper_ticker_script.py")
ORDER = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": 1,
    "price": "1450",
    "product": "CNC",
}


@pytest.fixture
def start_ticker(paper, trader):
    """Start the ticker; calling what comes back waits for it and gives its events."""

    def begin(seconds: float, **other: Any) -> Any:
        settings = {
            "api_key": trader.api_key,
            "access_token": trader.access_token,
            "root": paper.url.replace("http://", "ws://"),
            "modes": {"full": [INFY, NIFTY], "quote": [SBIN], "ltp": [TCS]},
            "seconds": seconds,
            **other,
        }
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), json.dumps(settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"TZ": "Asia/Kolkata", "PATH": "/usr/bin:/bin"},
        )

        assert process.stdout
        first = process.stdout.readline()  # it is connected, or was refused

        def events() -> list[dict[str, Any]]:
            out, _ = process.communicate(timeout=seconds + 60)
            return [json.loads(line) for line in (first + out).splitlines()]

        return events

    return begin


def of_kind(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in events if one["kind"] == kind]


def test_ticks_come_in_every_mode_and_agree_with_the_quotes(paper, trader, start_ticker):
    paper.control("POST", "prices", {"NSE:INFY": "1500", "NSE:TCS": "3200"})

    events = start_ticker(4)()

    ticks = {one["instrument_token"]: one for e in of_kind(events, "ticks") for one in e["ticks"]}
    modes = {token: one["mode"] for token, one in ticks.items()}
    assert modes == {INFY: "full", NIFTY: "full", SBIN: "quote", TCS: "ltp"}
    assert ticks[INFY]["last_price"] == 1500
    assert ticks[TCS]["last_price"] == 3200
    assert ticks[NIFTY]["tradable"] is False
    assert "depth" not in ticks[NIFTY]
    quote = trader.kite().quote("NSE:INFY")["NSE:INFY"]
    assert ticks[INFY]["ohlc"]["close"] == quote["ohlc"]["close"]
    assert [len(ticks[INFY]["depth"][side]) for side in ("buy", "sell")] == [5, 5]
    best = ticks[INFY]["depth"]["buy"][0], ticks[INFY]["depth"]["sell"][0]
    assert best[0]["price"] <= ticks[INFY]["last_price"] <= best[1]["price"]
    assert ticks[INFY]["exchange_timestamp"][:13] == str(quote["timestamp"])[:13]
    assert len(of_kind(events, "connect")) == 1


def test_ticks_come_every_second_and_the_connection_holds(start_ticker):
    events = start_ticker(9)()

    assert len(of_kind(events, "connect")) == 1
    assert len(of_kind(events, "ticks")) >= 7
    # The only end is our own: the script stops its reactor.
    ended = [place for place, one in enumerate(events) if one["kind"] in {"error", "close"}]
    assert all(place >= len(events) - 2 for place in ended)


def test_an_idle_ticker_hears_heartbeats_of_one_byte(start_ticker):
    events = start_ticker(5, modes={})()

    sizes = [one["size"] for one in of_kind(events, "message") if one["binary"]]
    assert set(sizes) == {1}
    assert len(sizes) >= 2


def test_order_updates_arrive(paper, trader, start_ticker):
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    events = start_ticker(5)
    time.sleep(2)

    order_id = trader.kite().place_order("regular", **ORDER, tag="ticker")
    time.sleep(0.6)
    trader.kite().cancel_order("regular", order_id)

    orders = [one["order"] for one in of_kind(events(), "order")]
    assert {one["order_id"] for one in orders} == {order_id}
    assert orders[-1]["status"] == "CANCELLED"
    assert orders[-1]["tag"] == "ticker"


def test_a_dead_token_is_refused_with_403(start_ticker):
    events = start_ticker(2, access_token="dead")()

    assert "403" in of_kind(events, "error")[0]["reason"]
    assert not of_kind(events, "connect")


def test_the_ticker_comes_back_after_its_socket_was_cut(paper, trader, start_ticker):
    events = start_ticker(9)
    time.sleep(3)

    paper.fault("cut_sockets", user_id=trader.user_id)

    heard = events()
    assert len(of_kind(heard, "connect")) == 2
    last_connect = max(place for place, one in enumerate(heard) if one["kind"] == "connect")
    assert of_kind(heard[last_connect:], "ticks")


def test_a_corrupt_frame_is_not_taken_for_a_price(paper, trader, start_ticker):
    events = start_ticker(6)
    time.sleep(2)

    paper.fault("corrupt_frame", user_id=trader.user_id, count=1)

    prices = [t["last_price"] for e in of_kind(events(), "ticks") for t in e["ticks"]]
    assert prices
    assert all(price > 1 for price in prices)
