"""A whole desk of its own, started as a person starts it, for tests that look from outside."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class RunningDesk:
    """A desk that runs as `manage.py desk` for the tests."""

    home: Path
    port: int
    process: subprocess.Popen

    @property
    def url(self):
        return f"http://localhost:{self.port}"

    def log(self, name):
        return (self.home / "log" / f"{name}.log").read_text()

    def first_login(self):
        """Read the owner's e-mail address and password as an operator would."""
        text = (self.home / "first-login.txt").read_text()
        email = re.search(r"[\w.]+@[\w.]+", text).group()
        password = re.search(r"password:?\s+(\S+)", text, re.IGNORECASE).group(1)
        return email, password

    def manage(self, *arguments, text=None):
        """Run another command against this desk."""
        environment = desk_environment() | {"TRADEDESK_HOME": str(self.home)}
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=environment, input=text, capture_output=True, text=True, timeout=60,
        )  # fmt: skip


def desk_environment():
    """The environment of a person's shell: nothing of the test run's own servers is in it."""
    ours = {
        "DATABASE_URL",
        "REDIS_URL",
        "TRADEDESK_HOME",
        "DATABASE_POOL",
        "DJANGO_SETTINGS_MODULE",
    }
    return {name: value for name, value in os.environ.items() if name not in ours}


def start_desk(home, *options, environment=None, output=subprocess.DEVNULL):
    port = free_port()
    command = [sys.executable, str(ROOT / "manage.py"), "desk", "--home", str(home)]
    ports = ["--port", str(port), "--paper-port", str(free_port())]
    process = subprocess.Popen(
        [*command, *ports, *options],
        env=environment or desk_environment(),
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    return RunningDesk(home, port, process)


def wait_until(is_true, seconds=60, every=0.1):
    """Wait for something to become true, and give what it was."""
    deadline = time.monotonic() + seconds
    while not (found := is_true()):
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(every)
    return found


def is_ready(desk):
    assert desk.process.poll() is None, f"the desk ended with {desk.process.returncode}"
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=3)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop_desk(desk):
    if desk.process.poll() is None:
        desk.process.send_signal(signal.SIGTERM)
    desk.process.wait(20)
