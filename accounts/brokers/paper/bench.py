"""How many order commands a second the exchange takes."""

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from .engine import Command, Exchange, Refusal
from .journal import Journal
from .units import moment, rupees

START = moment("2026-11-20 10:00:00")
COMMANDS = 20_000
JOURNALLED = 6_000
BATCH = 200  # commands made ahead of the clock
GROUP = 64  # commands that share one fsync
PACE = 40  # commands in two simulated milliseconds: 20,000 a second


def measure_engine() -> dict[str, float]:
    """Order commands a second: in memory, and with every group safely on disk."""
    return {
        "commands_per_second": round(_in_memory(COMMANDS)),
        "journalled_per_second": round(_on_disk(JOURNALLED)),
    }


def _in_memory(count: int) -> float:
    exchange, commands = _prepared()
    taken = 0.0
    for _ in range(count // BATCH):
        batch = [next(commands) for _ in range(BATCH)]
        begun = time.perf_counter()
        for command in batch:
            _run(exchange, command)
        taken += time.perf_counter() - begun
    return count / taken


def _on_disk(count: int) -> float:
    exchange, commands = _prepared()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal")
        begun = time.perf_counter()
        for nth in range(count):
            command = next(commands)
            _run(exchange, command)
            journal.append(command)
            if nth % GROUP == GROUP - 1:
                journal.sync()
        journal.sync()
        taken = time.perf_counter() - begun
        journal.close()
    return count / taken


def _run(exchange: Exchange, command: Command) -> None:
    try:
        exchange.execute(command)
    except Refusal:
        return  # a cancel that came too late is a command like any other


class _Commands:
    """A stream of orders, changes and cancellations over many instruments."""

    def __init__(self, exchange: Exchange, users: list[str]) -> None:
        self.exchange, self.users = exchange, users
        self.random = random.Random(7)  # noqa: S311  the same stream every time
        shares = [each for each in exchange.floor.market.by_token.values() if each.is_share]
        self.prices = {
            each.key: (exchange.floor.market.price(each, START), each.tick) for each in shares
        }
        self.keys = list(self.prices)
        self.sent = 0
        self.live: list[tuple[str, str]] = []

    def __next__(self) -> Command:
        self.sent += 1
        at = START + self.sent // PACE * 2
        if self.sent % 400 == 0:
            self._collect()
        if self.live and self.random.random() < 0.4:
            user, order_id = self.live.pop(self.random.randrange(len(self.live)))
            if self.random.random() < 0.5:
                return Command("order.cancel", {"order_id": order_id}, at, user)
            return Command("order.modify", {"order_id": order_id, "quantity": "3"}, at, user)
        return self._order(at)

    def _order(self, at: int) -> Command:
        key = self.random.choice(self.keys)
        price, tick = self.prices[key]
        away = self.random.randrange(-60, 8) * price // 1_000 // tick * tick
        exchange, _, symbol = key.partition(":")
        args: dict[str, Any] = {
            "variety": "regular",
            "exchange": exchange,
            "tradingsymbol": symbol,
            "transaction_type": "BUY",
            "order_type": "LIMIT",
            "product": "MIS",
            "quantity": str(self.random.randrange(1, 5)),
            "price": f"{rupees(price + away):.2f}",
            "tag": "bench",
        }
        return Command("order.place", args, at, self.random.choice(self.users))

    def _collect(self) -> None:
        self.live += [
            (event.user, event.data["order_id"])
            for event in self.exchange.drain()
            if event.kind == "order" and event.data["status"] == "OPEN"
        ]


def _prepared() -> tuple[Exchange, _Commands]:
    exchange = Exchange(seed=3, start=START)
    users = [
        exchange.execute(
            Command("account.open", {"name": f"Trader {nth}", "cash": "90000000000"}, START)
        )["user_id"]
        for nth in range(20)
    ]
    return exchange, _Commands(exchange, users)
