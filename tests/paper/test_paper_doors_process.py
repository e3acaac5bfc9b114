"""The process: one to a home, clear refusals, a clean end, a start that goes on."""

import os
import resource
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from accounts.brokers.paper.server.trial import ROOT
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
def test_a_signal_ends_it_cleanly_and_soon(start_paper, number):
    paper = start_paper()
    trader = paper.trader()
    trader.kite().profile()
    started = time.monotonic()

    paper.running.process.send_signal(number)

    assert paper.running.process.wait(timeout=PATIENT) == 0
    assert time.monotonic() - started < 10


def test_it_goes_on_where_it_stopped(start_paper):
    paper = start_paper("--rule", "rate_limits=off")
    trader = paper.trader()
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    order_id = trader.kite().place_order("regular", **ORDER)
    time.sleep(1)
    paper.running.process.terminate()
    paper.running.process.wait(timeout=PATIENT)

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

    def place() -> Any:
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
    paper.running.process.wait(timeout=PATIENT)

    log = (paper.running.home.parent / "paper.log").read_text()

    secrets = (trader.password, trader.totp_secret, trader.api_secret, trader.access_token)
    assert not [secret for secret in (*secrets, paper.running.token, "verysecret") if secret in log]


def test_fills_in_time_that_flies_are_the_same_after_a_kill(start_paper):
    """An hour passes in seconds; what was filled in it is found again after replay."""
    paper = start_paper("--rule", "rate_limits=off")
    trader = paper.trader(cash="90000000")
    kite = trader.kite()
    last = kite.ltp("NSE:SBIN", "NSE:ITC")
    for number in range(20):
        for key, quote in last.items():
            exchange, symbol = key.split(":")
            price = round(quote["last_price"] * (1 - number / 2000), 1)
            kite.place_order("regular", exchange, symbol, "BUY", 1, "MIS", "LIMIT", price=price)
    paper.control("POST", "clock", {"speed": 900})
    time.sleep(4)
    paper.control("POST", "clock", {"speed": 1})
    before = trades_of(paper, trader)
    os.kill(paper.running.process.pid, signal.SIGKILL)
    paper.running.process.wait()

    again = start_paper("--rule", "rate_limits=off", home=paper.running.home)

    after = trades_of(again, trader)
    assert before
    assert before.items() <= after.items()


def trades_of(paper: Any, trader: Any) -> dict[str, tuple[Any, ...]]:
    rows = paper.control("GET", f"ledger/{trader.user_id}")["trades"]
    return {
        row["trade_id"]: (row["order_id"], row["average_price"], row["fill_timestamp"])
        for row in rows
    }


def test_other_options_are_followed_after_a_restart(start_paper):
    paper = start_paper()
    trader = paper.trader()
    paper.running.process.terminate()
    paper.running.process.wait(timeout=PATIENT)

    again = start_paper(
        "--profile",
        "compat2019",
        "--prices",
        "external",
        "--clock",
        "real",
        home=paper.running.home,
    )

    state = again.control("GET", "state")
    assert (state["profile"], state["prices"], state["clock"]) == ("compat2019", "external", "real")
    assert [one["user_id"] for one in state["users"]] == [trader.user_id]


def test_two_exchanges_of_one_seed_share_prices_but_no_secrets(start_paper, tmp_path):
    one = start_paper("--seed", "5", home=tmp_path / "one")
    two = start_paper("--seed", "5", home=tmp_path / "two")
    traders = one.trader(), two.trader()

    assert traders[0].access_token != traders[1].access_token
    assert traders[0].api_secret != traders[1].api_secret


@pytest.mark.parametrize("half", [b"GET / HTTP/1.1\r\nHost: x\r\n", b"G"])
def test_a_client_that_never_finishes_its_request_is_let_go(start_paper, half):
    paper = start_paper()
    parts = urlsplit(paper.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENT) as line:
        line.sendall(half)
        started = time.monotonic()

        assert line.recv(100) == b""
        assert time.monotonic() - started > 5


def test_a_broken_tail_of_the_journal_is_repaired(start_paper):
    paper = start_paper("--rule", "rate_limits=off")
    trader = paper.trader()
    os.kill(paper.running.process.pid, signal.SIGKILL)
    paper.running.process.wait()
    with (paper.running.home / "journal").open("ab") as journal:
        journal.write(b"\x00\x00\x00\x99torn")

    again = start_paper("--rule", "rate_limits=off", home=paper.running.home)

    users = again.control("GET", "state")["users"]
    assert [one["user_id"] for one in users] == [trader.user_id]
    again.trader()


def test_a_damaged_state_is_one_clear_line_and_left_as_it_is(start_paper):
    paper = start_paper()
    paper.running.process.terminate()
    paper.running.process.wait(timeout=PATIENT)
    snapshot = paper.running.home / "journal.snapshot"
    snapshot.write_bytes(b"no snapshot")

    second = try_start("--port", "0", "--home", str(paper.running.home))

    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "cannot be used" in second.stderr
    assert snapshot.read_bytes() == b"no snapshot"


def test_damage_in_the_middle_of_the_journal_is_one_clear_line_with_a_way_out(start_paper):
    paper = start_paper("--rule", "rate_limits=off")
    paper.trader()
    paper.trader()
    paper.running.process.terminate()
    paper.running.process.wait(timeout=PATIENT)
    path = paper.running.home / "journal"
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"account.open") + 3] ^= 0x55
    path.write_bytes(bytes(damaged))

    refused = try_start("--port", "0", "--home", str(paper.running.home))
    way_out = refused.stderr.strip().partition("the damage: ")[2]
    subprocess.run(shlex.split(way_out), check=True)
    again = start_paper("--rule", "rate_limits=off", home=paper.running.home)

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert way_out.startswith("truncate -s ")
    assert again.control("GET", "state")["users"] == []


COMMAND = """
from django.conf import settings
settings.configure()
from accounts.management.commands.paper import Command
import sys
Command().run_from_argv(["manage.py", "paper", *sys.argv[1:]])
"""


def test_the_django_command_needs_no_database(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "--port", "0", "--home", str(tmp_path / "paper")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        answer = httpx.get(f"{ready.split()[-1]}/orders", trust_env=False)
        process.terminate()

        assert ready.startswith("paper exchange on http://127.0.0.1:")
        assert answer.status_code == 403
        assert process.wait(timeout=PATIENT) == 0
