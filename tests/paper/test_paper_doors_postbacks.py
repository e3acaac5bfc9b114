"""Postbacks: signed, repeated until heard, and never in an order's way."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.patience import PATIENT

ORDER = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": 1,
    "price": "1450",
    "product": "CNC",
}


class Address:
    """A web address that keeps what it is told, and refuses as often as asked."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.refusals = 0
        self.pause = 0.0
        self.tries = 0
        self.url = ""

    def take(self, body: bytes) -> int:
        self.tries += 1
        time.sleep(self.pause)
        if self.refusals:
            self.refusals -= 1
            return 503
        self.heard.append(json.loads(body))
        return 200

    def wait(self, status: str) -> dict[str, Any]:
        until = time.monotonic() + PATIENT
        while time.monotonic() < until:
            for body in self.heard:
                if body["status"] == status:
                    return body
            time.sleep(0.05)
        raise AssertionError(f"no postback with {status}, only {self.heard}")


@pytest.fixture
def address() -> Iterator[Any]:
    place = Address()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(place.take(body))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    place.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield place
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def member(paper, address):
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    return paper.trader(postback_url=address.url)


def cancelled_order(trader: Any) -> str:
    kite = trader.kite()
    order_id: str = kite.place_order("regular", **ORDER)
    time.sleep(0.5)
    kite.cancel_order("regular", order_id)
    return order_id


def test_an_order_that_ends_is_told_with_a_checksum(address, member, kite_fields):
    order_id = cancelled_order(member)

    body = address.wait("CANCELLED")

    text = f"{order_id}{body['order_timestamp']}{member.api_secret}"
    assert body["checksum"] == hashlib.sha256(text.encode()).hexdigest()
    assert body["user_id"] == member.user_id
    assert set(kite_fields["postback"]) <= set(body)
    assert {one["status"] for one in address.heard} <= {
        "COMPLETE",
        "CANCELLED",
        "REJECTED",
        "UPDATE",
    }


def test_a_postback_is_repeated_until_it_is_heard(address, member):
    address.refusals = 2

    cancelled_order(member)

    address.wait("CANCELLED")
    assert address.tries >= 3


def test_a_slow_address_does_not_hold_up_orders(address, member):
    address.pause = 10
    started = time.monotonic()

    for _ in range(3):
        cancelled_order(member)

    assert time.monotonic() - started < 10


def test_an_address_that_is_not_there_harms_nobody(paper):
    trader = paper.trader(postback_url="http://127.0.0.1:9/nobody")

    cancelled_order(trader)

    assert trader.kite().profile()["user_id"] == trader.user_id


def test_faults_reach_postbacks_too(paper, address, member):
    paper.fault("duplicate_updates", user_id=member.user_id)

    cancelled_order(member)
    address.wait("CANCELLED")
    time.sleep(0.5)

    ends = [one for one in address.heard if one["status"] == "CANCELLED"]
    assert len(ends) == 2
    assert ends[0] == ends[1]
