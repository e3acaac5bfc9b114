"""What every answer carries over real HTTP, in both modes: test S-05, and the socket's manners."""

import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync import client

from tradedesk.desk.throwaway import ROOT, clean_environment, free_ports, wait_until

# Its typing wants an Origin of its own kind; ours are plain texts, hostile ones among them.
connect: Any = client.connect
ADDRESSES = [
    "/login/", "/", "/nothing-here/", "/healthz", "/readyz", "/metrics", "/static/nothing.css",
    "/admin/", "/me/", "/%00", "/login/?next=//evil.example",
]  # fmt: skip
HOSTILE = ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:1"]


@dataclass
class Answer:
    status: int
    headers: Message
    text: str


class Door:
    """Knocks at one web process."""

    def __init__(self, port, **headers):
        self.port, self.headers = port, headers

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        given = {name.replace("_", "-"): value for name, value in (self.headers | headers).items()}
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        return Answer(answer.status, answer.headers, text)


@pytest.fixture(scope="module")
def here(desk):
    return Door(desk.port)


@contextmanager
def production_web(desk):
    """A web process as production runs it, on the servers of the desk."""
    [port] = free_ports(1)
    environment = clean_environment() | {
        "TRADEDESK_MODE": "production",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "FIELD_ENCRYPTION_KEY": (desk.home / "keys" / "field-key").read_text().strip(),
        "ALLOWED_HOSTS": "desk.example.in",
        "DATABASE_URL": f"postgres://tradedesk@/tradedesk?host={desk.home}/run/postgres",
        "REDIS_URL": f"unix://{desk.home}/run/redis/redis.sock?db=0",
        "TRADEDESK_HOME": str(desk.home),
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    command = [
        sys.executable,
        "-m",
        "daphne",
        "-v",
        "0",
        "-p",
        str(port),
        "tradedesk.asgi:application",
    ]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            door = Door(
                port,
                Host="desk.example.in",
                X_Forwarded_Proto="https",
                X_Forwarded_For="203.0.113.9",
            )
            wait_until(lambda: answers(door), seconds=30)
            yield door
        finally:
            process.terminate()


def answers(door):
    try:
        return door.ask("GET", "/healthz").status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def production(desk):
    with production_web(desk) as door:
        yield door


@pytest.fixture(params=["here", "production"])
def door(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_answer_carries_the_security_headers(door, path):
    answer = door.ask("GET", path)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers.get_all("Content-Security-Policy") == [policy]
    assert answer.status < 500


@pytest.mark.parametrize("path", ADDRESSES)
def test_production_asks_for_https_for_two_years_and_the_desk_does_not(here, production, path):
    assert "Strict-Transport-Security" not in here.ask("GET", path).headers

    hsts = production.ask("GET", path).headers["Strict-Transport-Security"]
    assert int(hsts.split(";")[0].removeprefix("max-age=")) >= 31_536_000
    assert "includeSubDomains" in hsts


def test_a_static_file_carries_them_too_and_is_kept_for_a_year(door, desk):
    manifest = json.loads((desk.home / "static" / "staticfiles.json").read_text())
    name = next(hashed for plain, hashed in manifest["paths"].items() if plain.endswith(".css"))

    answer = door.ask("GET", f"/static/{name}")

    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age=31536000" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("origin", HOSTILE)
def test_no_page_of_another_origin_may_read_an_answer(door, origin):
    answer = door.ask("GET", "/login/", Origin=origin)

    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "X" * 40])
def test_unknown_methods_are_refused(door, method):
    assert door.ask(method, "/login/").status in {400, 405}


def test_production_cookies_are_bound_to_the_host_and_to_https(production):
    cookies = production.ask("GET", "/login/").headers.get_all("Set-Cookie")

    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "SameSite=Lax" in cookie
        assert "domain" not in cookie.lower()


def test_two_desks_on_one_host_have_cookies_of_their_own(here, desk):
    cookies = here.ask("GET", "/login/").headers.get_all("Set-Cookie")

    assert cookies
    for cookie in cookies:
        assert cookie.startswith("desk-")
        assert "HttpOnly" in cookie
        assert "Secure" not in cookie


def test_production_sends_plain_http_to_https(production):
    answer = production.ask("GET", "/login/", X_Forwarded_Proto="http")

    assert answer.status == 301
    assert answer.headers["Location"] == "https://desk.example.in/login/"


def test_forwarded_headers_of_a_stranger_are_not_believed(here):
    answer = here.ask("GET", "/metrics", X_Forwarded_For="203.0.113.9")

    assert answer.status == 200  # still this machine, whatever the header says


def test_metrics_are_for_this_machine_alone(production, here):
    assert "tradedesk_http_seconds_bucket" in here.ask("GET", "/metrics").text
    assert production.ask("GET", "/metrics").status == 403


@pytest.mark.parametrize("path", ["/", "/me/", "/nothing-here/"])
def test_an_unknown_host_is_refused(door, path):
    assert door.ask("GET", path, Host="evil.example").status == 400


def test_a_page_of_a_stranger_shows_the_way_back_not_the_inside(door):
    answer = door.ask("GET", "/nothing-here/")

    assert answer.status == 404
    assert "There is nothing here" in answer.text
    assert "urlpatterns" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("origin", [*HOSTILE, None])
def test_a_socket_of_another_origin_is_refused(desk, origin):
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://localhost:{desk.port}/ws/", origin=origin),
    ):
        pass

    assert refused.value.response.status_code == 403


def test_a_stranger_is_told_that_the_socket_needs_a_login(desk):
    with (
        connect(
            f"ws://localhost:{desk.port}/ws/", origin=f"http://localhost:{desk.port}"
        ) as socket,
        pytest.raises(Exception, match="4401"),
    ):
        socket.recv(timeout=5)


def test_check_deploy_finds_nothing(desk):
    environment = clean_environment() | {
        "TRADEDESK_MODE": "production",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "FIELD_ENCRYPTION_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "ALLOWED_HOSTS": "desk.example.in",
        "DATABASE_URL": "postgres://u:p@127.0.0.1/x",
        "REDIS_URL": "redis://127.0.0.1/0",
        "PATH": os.environ["PATH"],
    }

    ran = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    assert "no issues" in ran.stdout


def test_an_idle_socket_stays_open_for_thirty_seconds(desk, signed_in):
    with connect(
        f"ws://localhost:{desk.port}/ws/",
        origin=f"http://localhost:{desk.port}",
        additional_headers={"Cookie": signed_in.cookie_header()},
        ping_interval=None,
    ) as socket:
        time.sleep(31)
        socket.send('{"type":"ping"}')

        assert json.loads(socket.recv(timeout=5)) == {"type": "pong"}


@pytest.fixture(scope="module")
def signed_in(desk):
    from tradedesk.bench.browser import SignedIn

    with SignedIn(desk) as browser:
        yield browser


@pytest.mark.parametrize("message", ["{", "[" * 2000, "x" * 5000, b"\x00\x01"])
def test_garbage_on_a_socket_closes_it_and_hurts_nothing(desk, signed_in, message):
    with connect(
        f"ws://localhost:{desk.port}/ws/",
        origin=f"http://localhost:{desk.port}",
        additional_headers={"Cookie": signed_in.cookie_header()},
    ) as socket:
        socket.send(message)
        with pytest.raises(Exception, match="4400"):
            socket.recv(timeout=5)

    assert desk.is_ready()
