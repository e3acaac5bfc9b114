"""The process: one to a home, clear refusals, a clean end, a start that goes on."""

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from accounts.brokers.paper.server.trial import ROOT

ORDER = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": 1,
    "price": "1450",
    "product": "CNC",
}


def try_start(*arguments: str, module: str = "accounts.brokers.paper") -> Any:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=ROOT,
        check=False,
    )


def test_the_ready_line_names_the_address(start_paper):
    paper = start_paper()

    assert paper.url.startswith("http://127.0.0.1:")
    assert paper.web.get("/orders").status_code == 403


def test_a_second_process_on_the_same_home_is_refused(start_paper):
    paper = start_paper()

    second = try_start("--port", "0", "--home", str(paper.running.home))

    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "already running" in second.stderr


def test_a_taken_port_is_one_clear_line(start_paper, tmp_path):
    port = start_paper().url.rpartition(":")[2]

    second = try_start("--port", port, "--home", str(tmp_path / "other"))

    assert second.returncode == 1
    assert second.stderr == f"paper exchange: port {port} is taken by another program\n"


@pytest.mark.parametrize(
    "arguments", [["--port", "99999"], ["--rule", "relogin=never"], ["--clock", "cuckoo"]]
)
def test_an_option_that_makes_no_sense_is_refused(arguments):
    assert try_start(*arguments).returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_within_two_seconds(start_paper, number):
    paper = start_paper()
    trader = paper.trader()
    trader.kite().profile()
    started = time.monotonic()

    paper.running.process.send_signal(number)

    assert paper.running.process.wait(timeout=5) == 0
    assert time.monotonic() - started < 2


def test_it_goes_on_where_it_stopped(start_paper):
    paper = start_paper("--rule", "rate_limits=off")
    trader = paper.trader()
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    order_id = trader.kite().place_order("regular", **ORDER)
    time.sleep(1)
    paper.running.process.terminate()
    paper.running.process.wait(timeout=5)

    again = start_paper("--rule", "rate_limits=off", home=paper.running.home)

    trader.url = again.url
    assert again.running.token == paper.running.token
    (order,) = trader.kite().orders()
    assert (order["order_id"], order["status"]) == (order_id, "OPEN")


def test_what_is_kept_is_for_the_owner_only(start_paper):
    home = start_paper().running.home

    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for path in home.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_a_full_disk_refuses_orders_and_stays_alive(start_paper):
    """A limit on the size of files stands for a disk without room."""
    paper = start_paper("--rule", "rate_limits=off")
    trader = paper.trader()
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    process = paper.running.process.pid
    largest = max(path.stat().st_size for path in paper.running.home.rglob("*") if path.is_file())
    resource.prlimit(process, resource.RLIMIT_FSIZE, (largest + 10, resource.RLIM_INFINITY))

    def place() -> httpx.Response:
        return paper.web.post("/orders/regular", data=ORDER, headers=trader.headers)

    refused = [place() for _ in range(5)]
    assert {answer.status_code for answer in refused} == {503}
    assert refused[0].json()["error_type"] == "NetworkException"
    assert paper.control("GET", f"ledger/{trader.user_id}")["orders"] == []
    assert paper.web.get("/orders", headers=trader.headers).status_code == 200

    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(process, resource.RLIMIT_FSIZE, unlimited)
    assert place().status_code == 200
    os.kill(process, signal.SIGKILL)
    paper.running.process.wait()
    again = start_paper("--rule", "rate_limits=off", home=paper.running.home)
    assert len(again.control("GET", f"ledger/{trader.user_id}")["orders"]) == 1


def test_the_log_never_holds_a_secret(start_paper):
    paper = start_paper()
    trader = paper.trader(redirect_url="https://desk.example/cb")
    trader.kite().profile()
    paper.web.post("/api/login", data={"user_id": trader.user_id, "password": trader.password})
    paper.web.get("/orders", headers={"Authorization": "token a:verysecret"})
    paper.running.process.terminate()
    paper.running.process.wait(timeout=5)

    log = (paper.running.home.parent / "paper.log").read_text()

    secrets = (trader.password, trader.totp_secret, trader.api_secret, trader.access_token)
    assert not [secret for secret in (*secrets, paper.running.token, "verysecret") if secret in log]
