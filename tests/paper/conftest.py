"""A real exchange in its own process, and the traders who use it."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from kiteconnect import KiteConnect

from accounts.brokers.paper.server.trial import Running, start, stop

# The official client leaves its connections open; they are closed after each test.
clients: list[KiteConnect] = []


@dataclass
class Trader:
    """One account, logged in."""

    user_id: str
    password: str
    totp_secret: str
    api_key: str
    api_secret: str
    access_token: str
    url: str

    def kite(self) -> KiteConnect:
        client = KiteConnect(self.api_key, self.access_token, root=self.url)
        clients.append(client)
        return client

    @property
    def headers(self) -> dict[str, str]:
        token = f"token {self.api_key}:{self.access_token}"
        return {"X-Kite-Version": "3", "Authorization": token}

    @property
    def socket(self) -> str:
        address = self.url.replace("http://", "ws://")
        return f"{address}/?api_key={self.api_key}&access_token={self.access_token}"


class Paper:
    """A running exchange, its control API and a plain web client without proxies."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.url = running.url
        self.web = httpx.Client(base_url=running.url, trust_env=False, timeout=20)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.running.control(method, path, body)

    def trader(self, cash: str = "1000000", **more: str) -> Trader:
        account = self.control("POST", "accounts", {"name": "Asha Rao", "cash": cash, **more})
        return self.log_in(account)

    def log_in(self, account: dict[str, str]) -> Trader:
        wanted = {"user_id": account["user_id"], "api_key": account["api_key"]}
        session = self.control("POST", "sessions", wanted)
        return Trader(**account, access_token=session["access_token"], url=self.url)

    def fault(self, effect: str, **more: Any) -> Any:
        return self.control("POST", "faults", {"rules": [{"effect": effect, **more}]})

    def clear(self) -> None:
        self.control("DELETE", "faults")


@pytest.fixture(scope="session")
def kite_fields() -> dict[str, Any]:
    """Field names and types of every Kite answer."""
    fields: dict[str, Any] = json.loads(Path(__file__).with_name("kite-fields.json").read_text())
    return fields


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    """One exchange without rate limits for all tests that do not need their own."""
    home = tmp_path_factory.mktemp("exchange") / "paper"
    running = start(home, "--rule", "rate_limits=off")
    paper = Paper(running)
    yield paper
    paper.web.close()
    assert stop(running) == 0
    # Whatever the tests did to it, nothing went wrong inside.
    assert "Traceback" not in (home.parent / "paper.log").read_text()


@pytest.fixture
def paper(exchange: Paper) -> Iterator[Paper]:
    """The shared exchange, all faults cleared afterwards."""
    yield exchange
    exchange.clear()


@pytest.fixture
def trader(paper: Paper) -> Trader:
    return paper.trader()


@pytest.fixture
def start_paper(tmp_path: Path) -> Iterator[Any]:
    """Start exchanges of one's own; what is still running at the end is stopped."""
    started: list[Paper] = []

    def begin(*arguments: str, home: Path | None = None) -> Paper:
        running = start(home or tmp_path / "paper", *arguments)
        started.append(Paper(running))
        return started[-1]

    yield begin
    for paper in started:
        paper.web.close()
        if paper.running.process.poll() is None:
            stop(paper.running)
        close(paper.running.process)


@pytest.fixture(autouse=True)
def _close_clients() -> Iterator[None]:
    yield
    while clients:
        clients.pop().reqsession.close()


def close(process: "subprocess.Popen[str]") -> None:
    if process.stdout is not None:
        process.stdout.close()
