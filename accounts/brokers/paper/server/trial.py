"""A paper exchange started for a moment: own process, free port, home that is thrown away."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[4]


@dataclass(slots=True)
class Running:
    """A started exchange and the way to its control API."""

    process: "subprocess.Popen[str]"
    url: str
    token: str
    home: Path

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API; an error is raised."""
        # Never https: the certificates of the whole world take longer to read than the answer.
        with httpx.Client(trust_env=False, verify=False, timeout=30) as web:  # noqa: S501
            answer = web.request(
                method, f"{self.url}/paper/{path}", json=body, headers={"X-Paper-Token": self.token}
            )
        answer.raise_for_status()
        return answer.json()


def start(home: Path, *arguments: str) -> Running:
    """Start an exchange and wait for the line that says it is ready."""
    command = [sys.executable, "-m", "accounts.brokers.paper", "--port", "0", "--home", str(home)]
    with (home.parent / "paper.log").open("a") as log:
        process = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT
        )
    assert process.stdout is not None
    ready = process.stdout.readline().split()
    if not ready:
        raise RuntimeError(f"the paper exchange did not start: exit code {process.wait()}")
    return Running(process, ready[-1], (home / "control.token").read_text().strip(), home)


def stop(running: Running) -> int:
    """Ask the process to stop and wait for it."""
    running.process.terminate()
    code = running.process.wait(timeout=10)
    if running.process.stdout is not None:
        running.process.stdout.close()
    return code


@contextmanager
def trial(*arguments: str) -> Iterator[Running]:
    """An exchange for the length of a `with` block."""
    with tempfile.TemporaryDirectory() as folder:
        running = start(Path(folder) / "paper", *arguments)
        try:
            yield running
        finally:
            stop(running)
