"""Child processes: started, listened to, restarted, ended; and found again after a crash of ours."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

SHORTEST, LONGEST = 0.2, 10.0  # seconds before a restart
SETTLED = 30.0  # seconds after which a process counts as healthy again
LOG_SIZE, LOG_FILES = 5_000_000, 5


@dataclass
class Child:
    """One process of the desk. It leads a process group of its own, so that nothing of it is left."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    privileges: dict[str, Any] = field(default_factory=dict)
    folder: Path | str = "/"
    ends_with: signal.Signals = signal.SIGTERM
    before: Callable[[], None] = lambda: None  # runs before each start
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = SHORTEST
    due: float = 0.0  # when to start again

    def start(self) -> None:
        """Start the process; what it says goes to its log."""
        self.before()
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self.privileges,
        )
        self.started = time.monotonic()
        threading.Thread(target=pump, args=[self.process.stdout, self.log], daemon=True).start()

    def has_died(self) -> bool:
        """Tell once that the process ended, and plan the next start."""
        if self.process is None or self.process.poll() is None:
            return False
        self.end_group(signal.SIGKILL)  # the pool of a killed worker outlives it
        healthy = time.monotonic() - self.started > SETTLED
        self.pause = SHORTEST if healthy else min(self.pause * 2, LONGEST)
        self.due = time.monotonic() + self.pause
        return True

    def has_given_up(self) -> bool:
        """Tell whether it ended by itself, not by a signal from outside."""
        code = None if self.process is None else self.process.poll()
        return code is not None and code >= 0

    def how_it_ended(self) -> str:
        code = self.process.returncode if self.process else 0
        return f"signal {-code}" if code < 0 else f"code {code}"

    def end_group(self, number: signal.Signals) -> None:
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


def pump(stream: IO[bytes] | None, log: Path) -> None:
    """Copy lines to a log file that is turned over when it grows long."""
    assert stream is not None
    file: IO[bytes] | None = None
    with stream:
        for line in stream:
            # A full disk must not stop the process that talks; nothing is held back to be written later.
            with contextlib.suppress(OSError):
                if file is None or file.closed:
                    file = log.open("ab", buffering=0)
                if file.tell() > LOG_SIZE:
                    file.close()
                    rotate(log)
                    file = log.open("ab", buffering=0)
                file.write(line)
    if file:
        file.close()


def rotate(log: Path) -> None:
    """Keep the last few files: web.log, web.log.1, …"""
    for number in range(LOG_FILES - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))
    log.with_name(f"{log.name}.{LOG_FILES}").unlink(missing_ok=True)


def end(children: list[Child], patience: float) -> None:
    """Ask the processes to end, then make them."""
    alive = [child for child in children if child.process and child.process.poll() is None]
    for child in alive:
        assert child.process
        child.process.send_signal(child.ends_with)
    deadline = time.monotonic() + patience
    for child in alive:
        assert child.process
        try:
            child.process.wait(max(0.05, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.end_group(signal.SIGKILL)
            child.process.wait()
    for child in children:
        child.end_group(signal.SIGKILL)


def remember(children: list[Child], file: Path) -> bool:
    """Write down which processes are ours, for a start after a crash; tell whether there was room."""
    rows = []
    for child in children:
        if child.process and child.process.poll() is None:
            try:
                created = psutil.Process(child.process.pid).create_time()
            except psutil.Error:
                continue
            rows.append({"pid": child.process.pid, "created": created, "name": child.name})
    fresh = file.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(rows))
        fresh.rename(file)
    except OSError:
        return False
    return True


def clean_up(file: Path) -> list[str]:
    """End what a killed desk left behind, and only that; return the names."""
    try:
        rows = json.loads(file.read_text())
    except (OSError, ValueError):
        return []
    ended = []
    for row in rows:
        group = members(row)
        for process in group:
            ask_to_end(process)
        _, stubborn = psutil.wait_procs(group, timeout=4)
        for process in stubborn:
            process.kill()
        psutil.wait_procs(stubborn, timeout=4)
        ended += [row["name"]] if group else []
    file.unlink(missing_ok=True)
    return ended


def members(row: dict[str, Any]) -> list[psutil.Process]:
    """Find what is left of one child's process group; a number used again by others is not it."""
    found = []
    for process in psutil.process_iter():
        try:
            is_leader = (
                process.pid == row["pid"] and abs(process.create_time() - row["created"]) < 1
            )
            is_member = (
                process.pid != row["pid"]
                and os.getpgid(process.pid) == row["pid"]
                and os.getsid(process.pid) == row["pid"]
                and process.create_time() >= row["created"] - 1
            )
            if is_leader or is_member:
                found.append(process)
        except (psutil.Error, ProcessLookupError):
            continue
    return found


def ask_to_end(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        # SIGTERM makes a postmaster wait for its clients, who may never leave.
        is_server = process.name() == "postgres"
        process.send_signal(signal.SIGINT if is_server else signal.SIGTERM)
