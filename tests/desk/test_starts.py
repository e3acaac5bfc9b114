"""How a desk starts and stops, and what it refuses."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

from tests.desk.sight import everything_of, get, parts_of
from tests.patience import PATIENT
from tradedesk.desk.throwaway import ROOT, clean_environment, start_desk, wait_until
from tradedesk.home import Home


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
def test_the_desk_stops_soon_and_leaves_no_process(place, number):
    home = place / "home"
    desk = start_desk(home)
    wait_until(desk.is_ready, seconds=60)

    began = time.monotonic()
    desk.process.send_signal(number)
    code = desk.process.wait(PATIENT)

    assert time.monotonic() - began < 20  # nine, where every part has to be killed
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


def test_fresh_after_kill_9_ends_what_was_left_too(place):
    home = place / "home"
    first = start_desk(home)
    wait_until(first.is_ready, seconds=60)
    left = list(parts_of(first).values())
    first.process.kill()
    first.process.wait()

    fresh = start_desk(home, "--fresh", "--port", str(first.port))
    try:
        wait_until(lambda: not any(process.is_running() for process in left), seconds=30)
        fresh.port = first.port
        wait_until(fresh.is_ready, seconds=60)
    finally:
        fresh.stop()


def test_fresh_leaves_the_home_where_it_is_when_the_port_is_taken(place):
    home = place / "home"
    (home / "keys").mkdir(parents=True)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused = start_desk(home, "--fresh", "--port", port, output=subprocess.PIPE)
        words = refused.process.communicate(timeout=30)[0].decode()

    assert f"port {port} on 127.0.0.1 cannot be used" in words
    assert [folder.name for folder in place.iterdir()] == ["home"]


def test_a_backup_brings_back_what_was_there(place):
    home, file = place / "home", place / "desk.backup"
    desk = start_desk(home)
    wait_until(desk.is_ready, seconds=60)
    count = "from accounts.models import User; print(User.objects.count())"
    sessions = "from accounts.models import Session; print(Session.objects.count())"
    session = "from accounts.sessions import SessionStore; SessionStore().create()"
    desk.manage("shell", "--no-imports", "-c", session)
    later = (
        "from django.db import connection; connection.cursor().execute('create table of_a_later_release()');"
        "from accounts.models import User; User.objects.create_user('late@desk.example')"
    )
    tables = "from django.db import connection; print(connection.introspection.table_names())"
    before = desk.manage("shell", "--no-imports", "-c", count).stdout
    saved = desk.manage("backup", str(file))
    desk.manage("shell", "--no-imports", "-c", later)
    refused = desk.manage("restore", str(file))
    desk.stop()

    restored = desk.manage("restore", str(file))
    saved_again = desk.manage("backup", str(file))
    restored_again = desk.manage("restore", str(file))
    again = start_desk(home)
    wait_until(again.is_ready, seconds=60)
    after = again.manage("shell", "--no-imports", "-c", count).stdout
    left = again.manage("shell", "--no-imports", "-c", tables).stdout
    sessions_left = again.manage("shell", "--no-imports", "-c", sessions).stdout
    audit = again.manage("verify_audit")
    again.stop()

    assert saved.returncode == 0, saved.stderr
    assert "stop it, then restore" in refused.stderr
    assert restored.returncode == 0, restored.stderr
    assert saved_again.returncode == 0, saved_again.stderr
    assert restored_again.returncode == 0, restored_again.stderr
    assert before == after
    assert sessions_left == "0\n"
    assert "accounts_auditevent" in left
    assert "of_a_later_release" not in left
    assert audit.returncode == 0, audit.stdout
    assert b"BEGIN" not in file.read_bytes()[:20]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_desk_with_another_key_than_its_datas_says_so_and_does_not_start(place):
    home = place / "home"
    first = start_desk(home)
    wait_until(first.is_ready, seconds=60)
    first.stop()
    (home / "keys" / "field-key").unlink()

    wrong = start_desk(home, output=subprocess.PIPE)
    words = wrong.process.communicate(timeout=60)[0].decode()
    accepted = start_desk(home, "--accept-new-key")
    wait_until(accepted.is_ready, seconds=60)
    accepted.stop()

    assert wrong.process.returncode == 1
    assert "the encryption key is not the one" in words
    assert str(home / "keys" / "field-key") in words
    assert everything_of(home) == []


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
