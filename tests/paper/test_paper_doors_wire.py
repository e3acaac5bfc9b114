"""HTTP itself: connections, limits of size, compression, answers to nonsense."""

import gzip
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest


def speak(paper: Any, raw: bytes, *, answers: int = 1) -> bytes:
    """Send raw bytes and read until the server has answered so often, or closed."""
    parts = urlsplit(paper.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        line.sendall(raw)
        got = b""
        while got.count(b'"status"') < answers and (data := line.recv(65536)):
            got += data
        return got


def envelope(raw: bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(raw.partition(b"\r\n\r\n")[2])
    return body


def test_two_requests_in_one_packet_get_two_answers_in_order(paper):
    first = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
    second = b"GET /orders HTTP/1.1\r\nHost: x\r\n\r\n"

    answer = speak(paper, first + second, answers=2)

    assert answer.index(b"404 Not Found") < answer.index(b"403 Forbidden")


def test_a_connection_serves_many_requests(paper):
    parts = urlsplit(paper.url)
    statuses = []
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        for _ in range(5):
            line.sendall(b"GET /orders HTTP/1.1\r\nHost: x\r\n\r\n")
            statuses.append(line.recv(4096).split()[1])

    assert statuses == [b"403"] * 5


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"POST /orders/regular HTTP/1.1\r\nHost: x\r\nContent-Length: minus\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_bytes_that_are_no_request_get_an_error_envelope(paper, raw):
    answer = speak(paper, raw)

    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert envelope(answer)["status"] == "error"


def test_headers_without_end_are_refused(paper):
    answer = speak(paper, b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 40_000)

    assert answer.startswith(b"HTTP/1.1 431")


def test_a_body_is_refused_by_its_announced_length(paper):
    head = b"POST /orders/regular HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"

    answer = speak(paper, head)

    assert answer.startswith(b"HTTP/1.1 413")
    assert envelope(answer)["error_type"] == "InputException"


def test_a_body_that_grows_too_large_is_refused(paper):
    head = b"POST /orders/regular HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"40000\r\n" + b"a" * 0x40000 + b"\r\n"

    answer = speak(paper, head + chunk * 5)

    assert b"413" in answer.split(b"\r\n")[0]


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(paper):
    head = (
        b"POST /orders/regular HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    parts = urlsplit(paper.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as line:
        line.sendall(head)
        leave = line.recv(1000)
        line.sendall(b"a=b")
        answer = line.recv(1000)

    assert leave.startswith(b"HTTP/1.1 100")
    assert answer.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/", 404, "GeneralException"),
        ("GET", "/nothing/here", 404, "GeneralException"),
        ("PATCH", "/orders", 405, "GeneralException"),
        ("POST", "/quote", 405, "GeneralException"),
        ("GET", "/orders", 403, "TokenException"),
    ],
)
def test_a_wrong_route_gets_the_documented_envelope(paper, method, path, status, kind):
    answer = paper.web.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"status", "message", "error_type", "data"}
    assert (body["status"], body["error_type"], body["data"]) == ("error", kind, None)


def test_a_head_request_has_no_body_and_the_connection_lives_on(paper):
    raw = b"HEAD /orders HTTP/1.1\r\nHost: x\r\n\r\nGET /orders HTTP/1.1\r\nHost: x\r\n\r\n"

    answer = speak(paper, raw)

    assert answer.startswith(b"HTTP/1.1 405")
    assert b"HTTP/1.1 403" in answer


def test_instruments_are_compressed_only_for_those_who_can_read_it(paper):
    plain = paper.web.get("/instruments/NSE", headers={"Accept-Encoding": "identity"})
    with paper.web.stream("GET", "/instruments/NSE", headers={"Accept-Encoding": "gzip"}) as zipped:
        raw = b"".join(zipped.iter_raw())

    assert plain.headers["content-type"] == "text/csv"
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content


def test_the_prefix_of_the_sandbox_belongs_to_its_profile(paper, start_paper):
    sandbox = start_paper("--profile", "kite-sandbox")
    trader = sandbox.trader()

    assert sandbox.web.get("/oms/user/profile", headers=trader.headers).status_code == 200
    assert sandbox.web.get("/oms/gtt/triggers", headers=trader.headers).status_code == 404
    assert sandbox.web.get("/instruments/NSE").status_code == 200
    assert paper.web.get("/oms/user/profile").status_code == 404
