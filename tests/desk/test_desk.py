"""The desk from outside: started, hurt, killed and stopped as it will be in life."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from tradedesk.desk.throwaway import ROOT, clean_environment, start_desk, wait_until
from tradedesk.home import Home

PARTS = {
    "web": "daphne",
    "worker": "worker",
    "beat": "beat",
    "paper": "accounts.brokers.paper",
    "redis": "redis-server",
    "postgres": "postgres -D",
}


def parts_of(desk):
    """Find the desk's own children by what their command lines say, as an operator would."""
    found = {}
    for child in psutil.Process(desk.process.pid).children():
        line = " ".join(child.cmdline())
        for name, word in PARTS.items():
            if word in line:
                assert str(desk.home) in line or sys.prefix in line
                found[name] = child
    return found


def everything_of(home):
    """Every process on this machine that belongs to this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TRADEDESK_HOME") == str(home) or str(home) in " ".join(
                process.cmdline()
            ):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


def get(desk, path):
    with urllib.request.urlopen(desk.url + path, timeout=5) as answer:  # noqa: S310 - our own address
        return answer.status


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


def test_after_kill_9_of_the_desk_the_next_start_ends_what_it_left_and_only_that(place):
    home = place / "home"
    first = start_desk(home)
    wait_until(first.is_ready, seconds=60)
    left = list(parts_of(first).values())
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        first.process.kill()
        first.process.wait()
        assert any(process.is_running() for process in left)

        again = start_desk(home)
        wait_until(again.is_ready, seconds=60)

        assert not any(process.is_running() for process in left)
        assert bystander.poll() is None
        assert "was left over from a desk that was killed" in again.log("desk")
        again.stop()
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_desk_stops_within_ten_seconds_and_leaves_no_process(place, number):
    home = place / "home"
    desk = start_desk(home)
    wait_until(desk.is_ready, seconds=60)

    began = time.monotonic()
    desk.process.send_signal(number)
    code = desk.process.wait(15)

    assert time.monotonic() - began < 10
    assert code == 0
    assert everything_of(home) == []


def test_stopping_while_it_starts_leaves_no_process_either(place):
    home = place / "home"
    desk = start_desk(home)
    wait_until(lambda: (home / "postgres" / "postmaster.pid").exists(), seconds=30, every=0.02)

    desk.process.send_signal(signal.SIGTERM)
    desk.process.wait(15)

    assert everything_of(home) == []


def test_a_folder_with_other_things_is_left_alone(place):
    (place / "holiday.jpg").write_text("sun")
    mode = place.stat().st_mode

    refused = start_desk(place, output=subprocess.PIPE)
    words = refused.process.communicate(timeout=30)[0].decode()

    assert refused.process.returncode == 1
    assert "holds other things (holiday.jpg)" in words
    assert place.stat().st_mode == mode
    assert [entry.name for entry in place.iterdir()] == ["holiday.jpg"]


def test_data_of_another_postgres_version_is_refused_with_a_way_out(place):
    home = place / "home"
    desk = start_desk(home)
    wait_until(desk.is_ready, seconds=60)
    desk.stop()
    (home / "postgres" / "PG_VERSION").write_text("14\n")

    refused = start_desk(home, output=subprocess.PIPE)
    words = refused.process.communicate(timeout=30)[0].decode()

    assert refused.process.returncode == 1
    assert "was made by Postgres 14" in words
    assert "restore FILE" in words


def test_a_home_with_a_very_long_path_has_its_sockets_elsewhere(place):
    home = place / ("long" * 30) / "home"
    desk = start_desk(home)

    wait_until(desk.is_ready, seconds=60)

    assert get(desk, "/login/") == 200
    elsewhere = Home(home).sockets
    assert elsewhere.exists()
    desk.stop()
    assert everything_of(home) == []
    assert not elsewhere.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root must hand Postgres to another user")
def test_root_is_told_which_folder_keeps_postgres_out(place):
    closed = place / "closed"
    closed.mkdir(mode=0o700)

    refused = start_desk(closed / "home", output=subprocess.PIPE)
    words = refused.process.communicate(timeout=30)[0].decode()

    assert refused.process.returncode == 1
    assert f"may not enter {closed}" in words
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_fresh_keeps_the_old_home_beside_the_new_one(place):
    home = place / "home"
    desk = start_desk(home)
    wait_until(desk.is_ready, seconds=60)
    desk.stop()
    old_key = (home / "keys" / "field-key").read_text()

    fresh = start_desk(home, "--fresh")
    wait_until(fresh.is_ready, seconds=60)
    fresh.stop()

    aside = [folder for folder in place.iterdir() if folder.name.startswith("home.")]
    assert [(folder / "keys" / "field-key").read_text() for folder in aside] == [old_key]
    assert (home / "keys" / "field-key").read_text() != old_key


def test_a_backup_brings_back_what_was_there(place):
    home, file = place / "home", place / "desk.backup"
    desk = start_desk(home)
    wait_until(desk.is_ready, seconds=60)
    count = "from accounts.models import User; print(User.objects.count())"
    before = desk.manage("shell", "--no-imports", "-c", count).stdout
    saved = desk.manage("backup", str(file))
    desk.manage(
        "shell",
        "--no-imports",
        "-c",
        "from accounts.models import User; User.objects.create_user('late@desk.example')",
    )
    refused = desk.manage("restore", str(file))
    desk.stop()

    restored = desk.manage("restore", str(file))
    again = start_desk(home)
    wait_until(again.is_ready, seconds=60)
    after = again.manage("shell", "--no-imports", "-c", count).stdout
    again.stop()

    assert saved.returncode == 0, saved.stderr
    assert "stop it, then restore" in refused.stderr
    assert restored.returncode == 0, restored.stderr
    assert before == after
    assert b"BEGIN" not in file.read_bytes()[:20]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_commands_say_plainly_that_no_desk_runs(place):
    environment = clean_environment() | {"TRADEDESK_HOME": str(place / "nowhere")}

    ran = subprocess.run(
        [sys.executable, ROOT / "manage.py", "migrate"], env=environment, capture_output=True, text=True, timeout=60
    )  # fmt: skip

    assert ran.returncode == 1
    assert f"no desk runs on {place / 'nowhere'}" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", ["desk", "backup", "restore", "test"])
def test_help_starts_nothing(place, command):
    environment = clean_environment() | {"TRADEDESK_HOME": str(place / "home")}

    ran = subprocess.run(
        [sys.executable, ROOT / "manage.py", command, "--help"], env=environment, capture_output=True, text=True, timeout=60
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    assert not (place / "home").exists()
