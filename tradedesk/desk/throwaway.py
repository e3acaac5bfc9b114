"""A desk for a measurement or a test: started as a person starts it, on a home that is thrown away."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# What a process of ours knows about its own servers; another desk must not inherit it.
INHERITED = {
    "DATABASE_URL", "REDIS_URL", "TRADEDESK_HOME", "DATABASE_POOL", "DJANGO_SETTINGS_MODULE",
    "PROMETHEUS_MULTIPROC_DIR",
}  # fmt: skip


@dataclass
class RunningDesk:
    """A desk in a process of its own."""

    home: Path
    port: int
    paper_port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def paper_url(self) -> str:
        return f"http://127.0.0.1:{self.paper_port}"

    def log(self, name: str) -> str:
        return (self.home / "log" / f"{name}.log").read_text()

    def first_login(self) -> tuple[str, str]:
        """Read the owner's e-mail address and password as an operator would."""
        lines = (self.home / "first-login.txt").read_text().splitlines()
        facts = dict(line.split(": ", 1) for line in lines if ": " in line)
        return facts["e-mail"].strip(), facts["password"].strip()

    def manage(self, *arguments: str, seconds: float = 90) -> subprocess.CompletedProcess[str]:
        """Run another command against this desk."""
        environment = clean_environment() | {"TRADEDESK_HOME": str(self.home)}
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds
        )

    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the desk ended with code {self.process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def start_desk(
    home: Path,
    *options: str,
    output: Any = subprocess.DEVNULL,
    environment: dict[str, str] | None = None,
) -> RunningDesk:
    """Start `manage.py desk` on free ports."""
    port, paper_port = free_ports(2)
    ports = ["--port", str(port), "--paper-port", str(paper_port)]
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "desk",
        "--home",
        str(home),
        *ports,
        *options,
    ]
    process = subprocess.Popen(
        command,
        env=clean_environment() | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    return RunningDesk(home, port, paper_port, process)


def clean_environment() -> dict[str, str]:
    """Give the environment of a person's shell."""
    return {name: value for name, value in os.environ.items() if name not in INHERITED}


def wait_until(is_true: Callable[[], Any], seconds: float = 60, every: float = 0.1) -> Any:
    """Wait for something to become true, and give what it was."""
    deadline = time.monotonic() + seconds
    while not (found := is_true()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still not so after {seconds} s")
        time.sleep(every)
    return found


def free_ports(number: int) -> list[int]:
    """Find ports nobody listens on; held together, so that no two are the same."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


@contextmanager
def throwaway_place() -> Iterator[Path]:
    """Lend a folder that every user may reach: Postgres of a root desk is another user."""
    place = Path(tempfile.mkdtemp(prefix="tradedesk-throwaway-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def throwaway_desk(**environment: str) -> Iterator[RunningDesk]:
    """Lend a ready desk that leaves nothing behind."""
    with throwaway_place() as place:
        desk = start_desk(place / "home", environment=environment)
        try:
            wait_until(desk.is_ready, seconds=120)
            yield desk
        finally:
            desk.stop()
