"""A desk that runs: its parts are hurt, and it lives on."""

import json
import os
import signal
import socket
import stat
import subprocess
import time

import pytest

from tests.desk.sight import PARTS, everything_of, get, parts_of
from tradedesk.desk.throwaway import start_desk, wait_until


def test_every_part_runs_and_is_named_on_its_command_line(desk):
    assert set(parts_of(desk)) == set(PARTS)


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_part_is_back_within_ten_seconds_and_the_pages_work(desk, name):
    victim = parts_of(desk)[name]

    os.kill(victim.pid, signal.SIGKILL)
    began = time.monotonic()
    victim.wait(5)
    wait_until(lambda: name in parts_of(desk), seconds=10)
    wait_until(desk.is_ready, seconds=10)

    assert time.monotonic() - began < 10
    assert get(desk, "/login/") == 200
    assert f"{name} ended (signal 9)" in desk.log("desk")


@pytest.mark.parametrize("name", ["worker", "beat", "redis", "postgres"])
def test_a_part_that_hangs_is_named_by_readyz_within_three_seconds(desk, name):
    wait_until(desk.is_ready, seconds=10)
    victim = parts_of(desk)[name]
    family = [victim, *victim.children(recursive=True)]

    for process in family:
        process.suspend()
    try:
        began = time.monotonic()
        wait_until(lambda: not desk.is_ready(), seconds=10, every=0.05)
        took = time.monotonic() - began
    finally:
        for process in family:
            process.resume()

    assert took < 4.5  # three seconds, and the patience of the question itself
    wait_until(desk.is_ready, seconds=15)


def test_a_second_desk_on_the_same_home_refuses_and_says_why(desk):
    second = start_desk(desk.home, output=subprocess.PIPE)

    words = second.process.communicate(timeout=30)[0].decode()

    assert second.process.returncode == 1
    assert f"a desk already runs on {desk.home} (process {desk.process.pid})" in words
    assert desk.is_ready()


def test_a_taken_port_is_said_plainly(place):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused = start_desk(place / "home", "--port", port, output=subprocess.PIPE)
        words = refused.process.communicate(timeout=30)[0].decode()

    assert refused.process.returncode == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in words
    assert not everything_of(place / "home")


def test_keys_logs_and_sockets_are_for_nobody_else(desk):
    for path in [*(desk.home / "keys").iterdir(), desk.home / "first-login.txt"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for name in ("keys", "log", "run/postgres", "run/redis", "postgres", "redis", "metrics"):
        assert not (desk.home / name).stat().st_mode & 0o077, name


def test_the_first_password_is_never_in_a_redirected_output_or_a_log(desk):
    _, password = desk.first_login()

    for log in (desk.home / "log").iterdir():
        assert password not in log.read_text(), log


def test_a_link_of_a_command_leads_to_the_port_where_this_desk_runs(desk):
    owner, _ = desk.first_login()

    link = desk.manage("reset_link", owner).stdout.strip()

    assert link.startswith(f"{desk.url}/login/reset/")
    assert get(desk, link.removeprefix(desk.url)) == 200


def test_a_command_of_a_shell_reaches_the_exchange_of_the_desk(desk):
    """The exchange is at a port of this start; the shell's environment does not name it."""
    verified = json.loads(desk.manage("verify_sessions", "paper", "--json").stdout)
    logged_in = desk.manage("login_account", "paper")

    assert [row["verified"] for row in verified] == [True]
    assert logged_in.returncode == 0, logged_in.stderr
