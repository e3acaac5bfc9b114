"""How fast the doors are: orders over HTTP and ticks over sockets, against a real process."""

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from websockets.asyncio.client import connect

from .trial import Running, trial

# Orders are limited to ten a second and account, so the load is spread over many.
ACCOUNTS: Final = 120
CONNECTIONS: Final = 8
HTTP_SECONDS: Final = 5.0
INSTRUMENTS: Final = 3_000
SOCKETS: Final = 10
TICK_SECONDS: Final = 10.0
ORDER: Final = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": "1",
    "product": "CNC",
    "validity": "DAY",
}


@dataclass(slots=True)
class Trader:
    """One account of the load."""

    api_key: str
    access_token: str


@dataclass(slots=True)
class Tally:
    """What the load saw."""

    waits: list[float] = field(default_factory=list)
    failures: int = 0


def open_traders(running: Running, count: int) -> list[Trader]:
    traders = []
    with httpx.Client(
        base_url=running.url, headers={"X-Paper-Token": running.token}, trust_env=False, timeout=30
    ) as web:
        for number in range(count):
            body = {"name": f"Bench {number}", "cash": 1_000_000}
            account = web.post("/paper/accounts", json=body).json()
            wanted = {"user_id": account["user_id"], "api_key": account["api_key"]}
            token = web.post("/paper/sessions", json=wanted).json()["access_token"]
            traders.append(Trader(account["api_key"], token))
    return traders


def order_bytes(trader: Trader, price: str) -> bytes:
    body = urlencode({**ORDER, "price": price})
    head = (
        "POST /orders/regular HTTP/1.1\r\nHost: localhost\r\nX-Kite-Version: 3\r\n"
        f"Authorization: token {trader.api_key}:{trader.access_token}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


async def read_answer(reader: asyncio.StreamReader) -> bool:
    """Read one answer; whether it was a success."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return head.startswith(b"HTTP/1.1 200")


async def load(address: tuple[str, int], orders: list[bytes], until: float, tally: Tally) -> None:
    """Send one order after the other over one connection."""
    reader, writer = await asyncio.open_connection(*address)
    number = 0
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(orders[number % len(orders)])
        tally.failures += not await read_answer(reader)
        tally.waits.append(time.perf_counter() - started)
        number += 1
    writer.close()


async def run_load(url: str, orders: list[bytes], seconds: float) -> Tally:
    parts = urlsplit(url)
    address = (str(parts.hostname), int(parts.port or 80))
    tally = Tally()
    until = time.perf_counter() + seconds
    shares = [orders[number::CONNECTIONS] for number in range(CONNECTIONS)]
    await asyncio.gather(*(load(address, share, until, tally) for share in shares))
    return tally


def measure_http() -> dict[str, Any]:
    """Orders a second over keep-alive connections, each recorded before its answer."""
    with trial("--rule", "rate_limits=off") as running:
        traders = open_traders(running, ACCOUNTS)
        running.control("POST", "prices", {"NSE:INFY": "1500"})
        orders = [order_bytes(trader, "1450") for trader in traders]
        tally = asyncio.run(run_load(running.url, orders, HTTP_SECONDS))
    waits = sorted(tally.waits)
    return {
        "orders_per_second": round(len(waits) / HTTP_SECONDS),
        "p50_ms": round(statistics.median(waits) * 1000, 2),
        "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 2),
        "failures": tally.failures,
        "connections": CONNECTIONS,
    }


async def listen(url: str, tokens: str, until: float, counts: list[int]) -> None:
    """Take in full ticks and count the packets."""
    async with connect(url, compression=None, max_size=None, proxy=None) as socket:
        await socket.send(f'{{"a":"mode","v":["full",[{tokens}]]}}')
        packets = 0
        while (left := until - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    message = await socket.recv()
            except TimeoutError:
                break
            if isinstance(message, bytes) and len(message) > 2:
                packets += int.from_bytes(message[:2])
        counts.append(packets)


async def run_listeners(running: Running, traders: list[Trader], tokens: str) -> list[int]:
    address = running.url.replace("http://", "ws://")
    counts: list[int] = []
    until = time.monotonic() + TICK_SECONDS
    chosen = [traders[number // 3] for number in range(SOCKETS)]
    urls = [f"{address}/?api_key={one.api_key}&access_token={one.access_token}" for one in chosen]
    await asyncio.gather(*(listen(url, tokens, until, counts) for url in urls))
    return counts


def measure_ticks() -> dict[str, Any]:
    """The processor time of full ticks of 3,000 instruments a second to each of ten sockets."""
    with trial() as running:
        traders = open_traders(running, SOCKETS // 3 + 1)
        with httpx.Client(trust_env=False, timeout=60) as web:
            rows = web.get(f"{running.url}/instruments").text.splitlines()[1 : INSTRUMENTS + 1]
        tokens = ",".join(row.partition(",")[0] for row in rows)
        before = running.control("GET", "state")["cpu_seconds"]
        started = time.monotonic()
        counts = asyncio.run(run_listeners(running, traders, tokens))
        seconds = time.monotonic() - started
        used = running.control("GET", "state")["cpu_seconds"] - before
    return {
        "cores": round(used / seconds, 2),
        "instruments": len(rows),
        "sockets": SOCKETS,
        "packets_per_socket_and_second": round(statistics.mean(counts) / seconds),
        "slowest_socket": round(min(counts) / seconds),
    }
