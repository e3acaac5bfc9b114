"""Sockets: layout, modes, limits, heartbeats, order news, and what faults do to them."""

import base64
import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from accounts.brokers.paper.server.packets import packet
from accounts.brokers.paper.terms import Tick
from tests.patience import PATIENT

INFY, NIFTY = 408065, 256265
ORDER = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": 1,
    "price": "1450",
    "product": "CNC",
}


@contextmanager
def listening(trader: Any) -> Iterator[ClientConnection]:
    with connect(
        trader.socket, compression=None, max_size=None, proxy=None, close_timeout=0.5
    ) as ws:
        yield ws


def ask(ws: ClientConnection, action: str, value: Any) -> None:
    ws.send(json.dumps({"a": action, "v": value}))


def packets(ws: ClientConnection) -> list[bytes]:
    """The packets of the next frame that is not a heartbeat."""
    until = time.monotonic() + PATIENT
    while (left := until - time.monotonic()) > 0:
        message = ws.recv(timeout=left)
        if isinstance(message, bytes) and len(message) > 1:
            return split(message)
    raise AssertionError("no ticks came")


def split(message: bytes) -> list[bytes]:
    (count,) = struct.unpack_from(">H", message)
    found, place = [], 2
    for _ in range(count):
        (length,) = struct.unpack_from(">H", message, place)
        found.append(message[place + 2 : place + 2 + length])
        place += 2 + length
    assert place == len(message)
    return found


def hear_out(ws: ClientConnection) -> None:
    """Listen until the connection ends."""
    while True:
        ws.recv(timeout=PATIENT)


def hear_ticks(ws: ClientConnection, frames: int) -> None:
    for _ in range(frames):
        packets(ws)


def texts(ws: ClientConnection, kind: str, count: int = 1, seconds: float = PATIENT) -> list[Any]:
    """The data of the next text messages of one kind."""
    found: list[Any] = []
    until = time.monotonic() + seconds
    while len(found) < count:
        left = until - time.monotonic()
        if left <= 0:
            raise AssertionError(f"only {len(found)} of {count} messages came")
        try:
            message = ws.recv(timeout=left)
        except TimeoutError:
            continue
        if isinstance(message, str) and (body := json.loads(message))["type"] == kind:
            found.append(body["data"])
    return found


def tick(**changes: Any) -> Tick:
    levels = tuple((10 + n, 150_000 + n, 1 + n) for n in range(5))
    values = {
        "token": INFY,
        "tradable": True,
        "last_price": 150_005,
        "last_quantity": 3,
        "average_price": 150_001,
        "volume": 99,
        "buy_quantity": 7,
        "sell_quantity": 8,
        "open": 1,
        "high": 4,
        "low": 2,
        "close": 3,
        "change": -5,
        "last_trade_time": 1_700_000_000,
        "oi": 11,
        "oi_day_high": 12,
        "oi_day_low": 13,
        "exchange_time": 1_700_000_001,
        "bids": levels,
        "offers": levels,
    }
    return Tick(**{**values, **changes})


def test_a_full_packet_has_every_field_at_its_documented_place(kite_fields):
    raw = packet(tick(), "full")[2:]
    binary = kite_fields["websocket"]["binary"]

    read = {
        name: int.from_bytes(raw[start:end])
        for name, start, end in binary["packet_tradable"]
        if end - start == 4
    }

    assert len(raw) == binary["lengths"]["full"]
    assert read["instrument_token"] == INFY
    assert (read["last_price"], read["average_traded_price"]) == (150_005, 150_001)
    assert (read["last_traded_quantity"], read["volume_traded"]) == (3, 99)
    assert (read["total_buy_quantity"], read["total_sell_quantity"]) == (7, 8)
    assert [read[name] for name in ("open", "high", "low", "close")] == [1, 4, 2, 3]
    assert [read[name] for name in ("oi", "oi_day_high", "oi_day_low")] == [11, 12, 13]
    assert read["exchange_timestamp"] - read["last_trade_time"] == 1
    assert struct.unpack_from(">IIH2x", raw, 64 + 2 * 12) == (12, 150_002, 3)
    assert struct.unpack_from(">IIH2x", raw, 124 + 4 * 12) == (14, 150_004, 5)


def test_an_index_packet_has_its_own_order_of_prices(kite_fields):
    raw = packet(tick(tradable=False, token=NIFTY), "full")[2:]
    binary = kite_fields["websocket"]["binary"]

    read = {n: int.from_bytes(raw[start:end]) for n, start, end in binary["packet_index"]}

    assert len(raw) == binary["lengths"]["full_index"]
    assert [read[name] for name in ("high", "low", "open", "close")] == [4, 2, 1, 3]
    assert read["price_change"] == 2**32 - 5
    assert len(packet(tick(tradable=False), "quote")[2:]) == binary["lengths"]["quote_index"]


@pytest.mark.parametrize("changes", [{"volume": 2**40}, {"last_price": -1}, {"bids": ()}])
def test_numbers_that_do_not_fit_never_break_a_packet(changes):
    assert len(packet(tick(**changes), "full")) == 186


@pytest.mark.parametrize(
    ("mode", "length", "index"), [("ltp", 8, 8), ("quote", 44, 28), ("full", 184, 32)]
)
def test_a_mode_gets_a_snapshot_at_once_and_ticks_afterwards(trader, mode, length, index):
    with listening(trader) as ws:
        ask(ws, "mode", [mode, [INFY, NIFTY]])

        snapshot = packets(ws)
        later = packets(ws)

    assert {len(one) for one in snapshot} == {length, index}
    assert {int.from_bytes(one[:4]) for one in snapshot} == {INFY, NIFTY}
    assert {len(one) for one in later} <= {length, index}


def test_subscribing_means_quotes_and_does_not_lower_a_mode(trader):
    with listening(trader) as ws:
        ask(ws, "subscribe", [str(INFY)])
        assert [len(one) for one in packets(ws)] == [44]
        ask(ws, "mode", ["full", [INFY]])
        assert [len(one) for one in packets(ws)] == [184]
        ask(ws, "subscribe", [INFY])
        assert [len(one) for one in packets(ws)] == [184]


def test_nothing_comes_after_unsubscribing_but_heartbeats(trader):
    with listening(trader) as ws:
        ask(ws, "subscribe", [INFY])
        packets(ws)
        ask(ws, "unsubscribe", [INFY])
        time.sleep(0.2)
        arrived = []
        until = time.monotonic() + 3
        while (left := until - time.monotonic()) > 0:
            try:
                arrived.append(ws.recv(timeout=left))
            except TimeoutError:
                break

    assert b"\x00" in arrived
    assert all(len(one) == 1 for one in arrived[1:])


def test_an_idle_socket_hears_one_byte_heartbeats(trader):
    with listening(trader) as ws:
        for _ in range(3):
            assert ws.recv(timeout=PATIENT) == b"\x00"


def test_an_instrument_nobody_knows_is_passed_over(trader):
    with listening(trader) as ws:
        ask(ws, "mode", ["ltp", [12345, INFY]])

        assert [int.from_bytes(one[:4]) for one in packets(ws)] == [INFY]


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "[]",
        "7",
        "{}",
        '{"a":"dance","v":[1]}',
        '{"a":"subscribe","v":"all"}',
        '{"a":"subscribe","v":[true]}',
        '{"a":"subscribe","v":[1.5]}',
        '{"a":"subscribe","v":[-1]}',
        '{"a":"mode","v":["loud",[1]]}',
        '{"a":"mode","v":["full"]}',
        b"\xff\xfe",
        "[" * 100_000,
    ],
)
def test_a_message_that_makes_no_sense_is_answered_with_words(trader, message):
    with listening(trader) as ws:
        ws.send(message)

        (complaint,) = texts(ws, "error")
        assert isinstance(complaint, str)
        ask(ws, "mode", ["ltp", [INFY]])
        assert packets(ws)


def test_a_connection_takes_three_thousand_instruments_and_no_more(trader):
    with listening(trader) as ws:
        ask(ws, "subscribe", list(range(1, 3001)))
        ask(ws, "subscribe", [INFY])

        assert texts(ws, "error") == ["A connection takes at most 3000 instruments."]


def test_a_fourth_socket_is_refused(trader, paper):
    with listening(trader), listening(trader), listening(trader) as third:
        with pytest.raises(InvalidStatus) as refusal, listening(trader):
            pass
        assert refusal.value.response.status_code == 429
        third.close()
        time.sleep(0.2)
        with listening(trader) as again:
            assert again.recv(timeout=PATIENT)
        with listening(paper.trader()) as another:
            assert another.recv(timeout=PATIENT)


def test_the_fourth_socket_can_push_out_the_first(start_paper):
    trader = start_paper("--rule", "fourth_socket=evict").trader()
    with (
        listening(trader) as first,
        listening(trader),
        listening(trader),
        listening(trader) as last,
    ):
        assert last.recv(timeout=PATIENT)
        with pytest.raises(ConnectionClosed):
            hear_out(first)


@pytest.mark.parametrize("change", ["access_token=x", "api_key=x", ""])
def test_a_bad_token_is_refused_at_the_handshake(trader, change):
    address = trader.socket.partition("?")[0]
    whole = dict(part.split("=") for part in trader.socket.partition("?")[2].split("&"))
    whole.update([change.split("=")] if change else [])
    query = "&".join(f"{name}={value}" for name, value in whole.items()) if change else ""

    with pytest.raises(InvalidStatus) as refusal:
        connect(f"{address}?{query}", proxy=None)

    assert refusal.value.response.status_code == 403
    assert json.loads(refusal.value.response.body or b"")["message"] == "Authentication failed."


def test_the_sandbox_wants_the_user_at_the_handshake(start_paper):
    trader = start_paper("--profile", "kite-sandbox").trader()

    with pytest.raises(InvalidStatus):
        connect(trader.socket, proxy=None)
    with connect(f"{trader.socket}&user_id={trader.user_id}", proxy=None) as ws:
        assert ws.recv(timeout=PATIENT) == b"\x00"


def test_a_handshake_that_is_none_gets_an_envelope(paper, trader):
    raw = raw_socket(paper, trader, key="short")
    with raw:
        answer = raw.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"status":"error"' in answer


def raw_socket(paper: Any, trader: Any, key: str = "") -> socket.socket:
    """A handshake by hand, for what a well-behaved library will not do."""
    parts = urlsplit(paper.url)
    key = key or base64.b64encode(b"0123456789abcdef").decode()
    line = socket.create_connection((parts.hostname, parts.port), timeout=10)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    line.sendall(
        f"GET /?{trader.socket.partition('?')[2]} HTTP/1.1\r\nHost: x\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return line


@pytest.mark.parametrize("garbage", [b"\xff" * 64, b"\x81\x05hello", b"\x8f\x80\x00\x00\x00\x00"])
def test_garbage_frames_end_the_connection_and_nothing_else(paper, trader, garbage):
    with raw_socket(paper, trader) as line, listening(trader) as other:
        assert line.recv(4096).startswith(b"HTTP/1.1 101")
        line.sendall(garbage)
        while line.recv(4096):
            pass
        assert other.recv(timeout=PATIENT)


def test_a_reader_that_does_not_read_never_makes_the_server_grow(start_paper):
    paper = start_paper("--rule", "rate_limits=off")
    trader = paper.trader()
    tokens = [row.split(",")[0] for row in paper.web.get("/instruments").text.splitlines()[1:3001]]
    message = json.dumps({"a": "mode", "v": ["full", [int(token) for token in tokens]]}).encode()
    frame = b"\x81\xfe" + struct.pack(">H", len(message)) + bytes(4) + message
    with raw_socket(paper, trader) as line:
        line.recv(200)
        line.sendall(frame)
        time.sleep(2)
        before = memory(paper)
        time.sleep(6)
        grown = memory(paper) - before

    assert grown < 4 * 1024 * 1024
    assert paper.web.get("/user/profile", headers=trader.headers).status_code == 200


def memory(paper: Any) -> int:
    """Bytes of memory the process holds."""
    statm = Path(f"/proc/{paper.running.process.pid}/statm").read_text()
    return int(statm.split()[1]) * 4096


def test_order_news_reaches_every_socket_of_the_user_and_no_other(paper, trader):
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    stranger = paper.trader()
    with listening(trader) as one, listening(trader) as two, listening(stranger) as other:
        order_id = trader.kite().place_order("regular", **ORDER)
        time.sleep(0.5)
        trader.kite().cancel_order("regular", order_id)

        for ws in (one, two):
            until_cancelled(ws, order_id)
        with pytest.raises(AssertionError):
            texts(other, "order", seconds=1)


def until_cancelled(ws: ClientConnection, order_id: str) -> list[str]:
    """The statuses told about an order up to its end."""
    seen = []
    while "CANCELLED" not in seen:
        (order,) = texts(ws, "order")
        assert order["order_id"] == order_id
        seen.append(order["status"])
    return seen


def news(paper: Any, trader: Any, effect: str, count: int = 1) -> list[tuple[str, str]]:
    """What a socket hears of two orders and their ends while a fault is on."""
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    kite = trader.kite()
    with listening(trader) as ws:
        paper.fault(effect, user_id=trader.user_id, count=count)
        for _ in range(2):
            order_id = kite.place_order("regular", **ORDER)
            time.sleep(0.6)
            kite.cancel_order("regular", order_id)
            time.sleep(0.6)
        heard = []
        try:
            while True:
                (order,) = texts(ws, "order", seconds=1.5)
                heard.append((order["order_id"], order["status"]))
        except AssertionError:
            return heard


def test_updates_can_come_twice(paper, trader):
    heard = news(paper, trader, "duplicate_updates")

    assert heard[0] == heard[1]
    assert len(heard) == len(set(heard)) + 1


def test_updates_can_stay_away(paper, trader):
    plain = news(paper, trader, "duplicate_updates", count=0)

    heard = news(paper, trader, "withhold_updates")

    assert len(heard) == len(plain) - 1


@pytest.mark.parametrize(
    ("count", "order"), [(1, (1, 0, 2, 3)), (2, (1, 0, 2, 3)), (3, (1, 0, 3, 2)), (4, (1, 0, 3, 2))]
)
def test_updates_overtake_each_other_pair_by_pair(paper, trader, count, order):
    plain = [("first", "OPEN"), ("first", "CANCELLED"), ("second", "OPEN"), ("second", "CANCELLED")]

    heard = news(paper, trader, "reorder_updates", count)

    first = heard[0][0]
    named = [("first" if each == first else "second", status) for each, status in heard]
    assert named == [plain[nth] for nth in order]


def test_an_update_that_nothing_overtakes_comes_a_little_late(paper, trader):
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    kite = trader.kite()
    with listening(trader) as ws:
        paper.fault("reorder_updates", user_id=trader.user_id)
        started = time.monotonic()
        order_id = kite.place_order("regular", **ORDER)
        (order,) = texts(ws, "order")

    assert (order["order_id"], order["status"]) == (order_id, "OPEN")
    assert time.monotonic() - started > 1.5


def test_cut_sockets_end_without_a_closing_word(paper, trader):
    with listening(trader) as ws:
        ws.recv(timeout=PATIENT)
        paper.fault("cut_sockets", user_id=trader.user_id)

        with pytest.raises(ConnectionClosed) as ending:
            hear_out(ws)

    assert ending.value.rcvd is None


def test_frozen_sockets_stay_open_and_silent(paper, trader):
    with listening(trader) as ws:
        ask(ws, "subscribe", [INFY])
        packets(ws)
        paper.fault("freeze_sockets", user_id=trader.user_id)
        time.sleep(0.2)
        drain(ws)

        with pytest.raises(TimeoutError):
            ws.recv(timeout=3)
        with listening(trader) as fresh:
            assert fresh.recv(timeout=PATIENT)


def drain(ws: ClientConnection) -> None:
    try:
        while True:
            ws.recv(timeout=0.05)
    except TimeoutError:
        return


def test_a_corrupt_frame_comes_between_good_ones(paper, trader):
    with listening(trader) as ws:
        ask(ws, "subscribe", [INFY])
        packets(ws)
        paper.fault("corrupt_frame", user_id=trader.user_id, count=1)
        with pytest.raises((AssertionError, struct.error)):
            hear_ticks(ws, 5)

        assert packets(ws)


def test_sockets_close_when_their_token_dies(paper, trader):
    with listening(trader) as ws, listening(paper.trader()) as other:
        paper.fault("expire_tokens", user_id=trader.user_id)
        with pytest.raises(ConnectionClosed):
            hear_out(ws)
        assert other.recv(timeout=PATIENT)
    with pytest.raises(InvalidStatus):
        connect(trader.socket, proxy=None)


def test_a_fault_can_refuse_the_handshake(paper, trader):
    paper.fault("status_503_before_acceptance", route="socket", count=1)

    with pytest.raises(InvalidStatus) as refusal:
        connect(trader.socket, proxy=None)

    assert refusal.value.response.status_code == 503
    with listening(trader) as ws:
        assert ws.recv(timeout=PATIENT)
