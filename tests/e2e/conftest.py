"""A whole desk of its own, started as a person starts it, and a real browser in front of it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser():
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_collection_modifyitems(config, items):
    browser = find_browser()
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.browser)
            if not browser and not os.environ.get("CI"):
                item.add_marker(
                    pytest.mark.skip(reason="NO BROWSER: install chromium to run these")
                )


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
    import http.client

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


@pytest.fixture(scope="session")
def desk():
    """Start one desk for all browser tests of this run."""
    home = Path(tempfile.mkdtemp(prefix="tradedesk-e2e-"))
    running = start_desk(home)
    try:
        wait_until(lambda: is_ready(running), seconds=120)
        yield running
    finally:
        stop_desk(running)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def browser():
    """A real Chromium. One a module: its event loop must not outlive these tests."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_browser(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@dataclass
class Complaints:
    """What the browser complained about: errors, refused resources, broken rules."""

    lines: list[str] = field(default_factory=list)

    def listen(self, page: Page):
        page.on("console", lambda message: self.add(message.type, message.text))
        page.on("pageerror", lambda error: self.lines.append(f"pageerror: {error}"))

    def add(self, kind, text):
        # A page that answers 4xx or 5xx on purpose is not a mistake of its scripts.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.lines.append(f"{kind}: {text}")


@pytest.fixture
def new_page(browser, desk):
    """Open fresh browsers, each with cookies of its own; any complaint fails the test."""
    complaints = Complaints()
    contexts = []

    def open_page(**options):
        context = browser.new_context(base_url=desk.url, locale="en-IN", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        complaints.listen(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints.lines == []


@pytest.fixture
def page(new_page):
    return new_page()
