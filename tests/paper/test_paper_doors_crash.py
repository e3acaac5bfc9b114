"""Killed at random moments under load: no acknowledged order is lost, none is invented."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx

from accounts.brokers.paper.server.trial import start, stop

KILLS = 200 if os.environ.get("TRADEDESK_LONG") else 20
TRADERS = 4
ORDER = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": "1",
    "product": "CNC",
}


class Load:
    """One trader who keeps placing and cancelling, and writes down what it was told."""

    def __init__(self, number: int, chances: random.Random) -> None:
        self.number = number
        self.chances = chances
        self.sent: set[str] = set()
        self.told: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.count = 0

    def run(self, url: str, headers: dict[str, str], stopped: threading.Event) -> None:
        """Trade until the exchange is gone."""
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=5) as web:
            while not stopped.is_set():
                try:
                    self.place(web)
                    if self.told and self.chances.random() < 0.3:
                        self.cancel(web)
                except httpx.HTTPError:
                    return

    def place(self, web: httpx.Client) -> None:
        self.count += 1
        tag = f"t{self.number}n{self.count}"
        self.sent.add(tag)
        # Some fill at once, most rest in the book.
        price = "1500" if self.chances.random() < 0.2 else "1450"
        answer = web.post("/orders/regular", data={**ORDER, "price": price, "tag": tag})
        if answer.status_code == 200:
            self.told[tag] = answer.json()["data"]["order_id"]

    def cancel(self, web: httpx.Client) -> None:
        order_id = self.chances.choice(list(self.told.values()))
        answer = web.delete(f"/orders/regular/{order_id}")
        if answer.status_code == 200:
            self.cancelled.add(order_id)


def in_threads(work: list[Callable[[], None]]) -> list[threading.Thread]:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    return threads


def test_no_order_is_lost_or_invented_however_often_it_is_killed(tmp_path):
    chances = random.Random(20261121)
    home = tmp_path / "paper"
    options = ("--rule", "rate_limits=off")
    running = start(home, *options)
    accounts = [
        running.control("POST", "accounts", {"name": f"T{n}", "cash": "900000000"})
        for n in range(TRADERS)
    ]
    loads = [Load(number, chances) for number in range(TRADERS)]

    for _ in range(KILLS):
        running.control("POST", "prices", {"NSE:INFY": "1500"})
        stopped = threading.Event()
        threads = in_threads(
            [
                partial(load.run, running.url, headers(running, account), stopped)
                for load, account in zip(loads, accounts, strict=True)
            ]
        )
        time.sleep(chances.uniform(0.02, 0.6))
        seen = filled(running, accounts[0])
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
        stopped.set()
        for thread in threads:
            thread.join()
        assert running.process.stdout is not None
        running.process.stdout.close()
        running = start(home, *options)
        check(running, accounts, loads)
        assert seen.items() <= filled(running, accounts[0]).items()

    assert sum(len(load.told) for load in loads) > KILLS * TRADERS
    assert stop(running) == 0


def headers(running: Any, account: dict[str, str]) -> dict[str, str]:
    wanted = {"user_id": account["user_id"], "api_key": account["api_key"]}
    token = running.control("POST", "sessions", wanted)["access_token"]
    return {"Authorization": f"token {account['api_key']}:{token}"}


def filled(running: Any, account: dict[str, str]) -> dict[str, str]:
    """The orders the exchange has shown as filled, and at what price."""
    rows = running.control("GET", f"ledger/{account['user_id']}")["orders"]
    return {row["order_id"]: row["average_price"] for row in rows if row["status"] == "COMPLETE"}


def check(running: Any, accounts: list[dict[str, str]], loads: list[Load]) -> None:
    """Compare what traders were told with what the exchange remembers."""
    for account, load in zip(accounts, loads, strict=True):
        ledger = running.control("GET", f"ledger/{account['user_id']}")
        rows = ledger["orders"] + [row for row in ledger["refused"] if row.get("order_id")]
        kept = {row["tag"]: row["order_id"] for row in rows}
        lost = {tag for tag, order_id in load.told.items() if kept.get(tag) != order_id}
        assert not lost
        assert len(kept) == len(rows)
        assert set(kept) <= load.sent
        statuses = {row["order_id"]: row["status"] for row in rows}
        assert all(
            statuses[order_id] in {"CANCELLED", "CANCEL PENDING", "COMPLETE"}
            for order_id in load.cancelled
        )
