"""The parent of everything: starts the parts in order, keeps them alive, stops them together."""

import contextlib
import http.client
import logging
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

from django.conf import settings

from tradedesk.desk import CannotStart, children, folders, paper
from tradedesk.desk.children import Child
from tradedesk.desk.parts import Options, parts
from tradedesk.desk.postgres import Postgres
from tradedesk.desk.redis_server import Redis
from tradedesk.signs import StopSign

logger = logging.getLogger("tradedesk.desk")
READY_WITHIN = 120  # seconds


class Stopped(Exception):
    """Somebody asked the desk to stop while it was starting."""


class Desk:
    """One running desk."""

    def __init__(self, options: Options, *, durable: bool = True) -> None:
        self.options = options
        self.home = options.home
        self.postgres = Postgres(self.home, durable)
        self.redis = Redis(self.home, durable)
        self.servers: list[Child] = []
        self.workers: list[Child] = []
        self.is_remembered = True
        self.stop = StopSign()

    def run(self) -> None:
        """Run until somebody says stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        if self.options.port == self.options.paper_port:
            raise CannotStart("--port and --paper-port are the same: give them two numbers")
        if self.options.fresh:
            self.start_afresh()
        folders.prepare(self.home)
        with folders.alone(self.home):
            self.write_log_file()
            self.end_what_was_left()
            self.refuse_taken_ports()
            try:
                self.start()
                self.watch()
            except Stopped:
                pass
            finally:
                tell("stopping")
                self.end()
                logger.info("stopped")

    def start(self) -> None:
        """Bring up servers, schema and parts, and wait until the desk is ready."""
        began = time.monotonic()
        # For commands in another shell: they reach the same pages and the same exchange.
        (self.home.run / "address").write_text(self.address + "/\n")
        (self.home.run / "paper-address").write_text(self.options.paper_url + "\n")
        tell("starting the servers")
        self.start_servers()
        tell("setting up")
        self.manage("set_up", *["--accept-new-key"] * self.options.accept_new_key)
        shutil.rmtree(self.metrics, ignore_errors=True)
        self.metrics.mkdir(mode=0o700)
        for part in parts(self.options):
            environment = self.environment(DATABASE_POOL=str(part.pool))
            self.workers.append(self.child(part.name, part.command, environment, settings.BASE_DIR))
        web = next(child for child in self.workers if child.name == "web")
        self.start_all([child for child in self.workers if child is not web])
        self.wait("the paper exchange", partial(paper.is_ready, self.options), 60)
        paper.open_first_account(self.options)
        self.manage("link_paper", "--first")
        # Last: nobody is told that the desk is ready before its first account is live.
        self.start_all([web])
        self.wait("the desk", self.is_ready, READY_WITHIN)
        logger.info("ready after %.1f s", time.monotonic() - began)
        self.welcome()

    def start_servers(self) -> None:
        """Start the embedded Postgres and Redis that no address of yours replaces."""
        wanted: list[tuple[Postgres | Redis, str, str]] = [
            (self.postgres, "postgres", "DATABASE_URL"),
            (self.redis, "redis", "REDIS_URL"),
        ]
        own = [(server, name) for server, name, variable in wanted if not os.environ.get(variable)]
        for server, name in own:
            server.prepare()
            child = self.child(name, server.command(), self.bare_environment(), "/")
            if isinstance(server, Postgres):
                child.privileges = server.privileges
                child.before = server.wait_for_orphans
                # Ends at once, clients or not, and leaves clean files.
                child.ends_with = signal.SIGINT
            self.servers.append(child)
        self.start_all(self.servers)
        for server, name in own:
            self.wait(name.title(), server.is_ready, 60)

    def manage(self, *arguments: str) -> None:
        """Run one of our commands to its end, in a process of its own."""
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
        log = self.log_file(arguments[0].replace("_", "-"))
        with log.open("wb") as file:
            ran = subprocess.Popen(
                command,
                env=self.environment(DATABASE_POOL="0"),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            while ran.poll() is None:
                if self.stop.wait(0.05):
                    ran.terminate()
                    ran.wait()
                    raise Stopped
        if ran.returncode:
            raise CannotStart(f"`{arguments[0]}` failed: {tail(log)}")

    def watch(self) -> None:
        """Start again whatever ends by itself."""
        while not self.stop.wait(0.1):
            for child in (*self.servers, *self.workers):
                self.look_after(child)
            if not self.is_remembered:
                self.remember()

    def look_after(self, child: Child) -> None:
        if not child.due and child.has_died():
            logger.warning(
                "%s ended (%s), starting again in %.1f s; its log: %s",
                child.name, child.how_it_ended(), child.pause, child.log,
            )  # fmt: skip
        elif child.due and time.monotonic() >= child.due:
            child.due = 0.0
            try:
                child.start()
            except OSError as error:  # a full disk, most likely
                child.due = time.monotonic() + child.pause
                logger.warning(
                    "%s could not be started, again in %.1f s: %s", child.name, child.pause, error
                )
                return
            self.remember()
            logger.info("%s started again", child.name)

    def remember(self) -> None:
        """Write down our processes; on a full disk once more when there is room."""
        self.is_remembered = children.remember([*self.servers, *self.workers], self.record)

    def end(self) -> None:
        """Stop all parts, then the servers they use."""
        children.end(self.workers, patience=5)
        children.end(self.servers, patience=4)
        self.record.unlink(missing_ok=True)
        if self.home.sockets != self.home.run:
            shutil.rmtree(self.home.sockets, ignore_errors=True)

    def start_all(self, group: list[Child]) -> None:
        for child in group:
            child.start()
        self.remember()

    def wait(self, name: str, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait for a part. One that gives up while it should start is a reason to stop; one that is killed is not."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self.stop.wait(0.05):
                raise Stopped
            for child in (*self.servers, *self.workers):
                if child.has_given_up():
                    raise CannotStart(f"{child.name} does not start: {tail(child.log)}")
                self.look_after(child)
            if time.monotonic() > deadline:
                raise CannotStart(f"{name} is not ready after {seconds:.0f} s; see {self.home.log}")

    def is_ready(self) -> bool:
        """Ask the desk itself."""
        host = "127.0.0.1" if self.options.bind in {"0.0.0.0", "::"} else self.options.bind  # noqa: S104 - compared, not bound
        connection: http.client.HTTPConnection
        if self.options.certificate:
            # Our own door on our own machine: the name in the certificate is for others.
            context = ssl._create_unverified_context()  # noqa: S323
            connection = http.client.HTTPSConnection(
                host, self.options.port, timeout=3, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, self.options.port, timeout=3)
        try:
            connection.request("GET", "/readyz", headers={"Host": "localhost"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def child(
        self, name: str, command: list[str], environment: dict[str, str], folder: Path | str
    ) -> Child:
        return Child(name, command, self.log_file(name), environment, folder=folder)

    def bare_environment(self) -> dict[str, str]:
        """What a server needs to know: no secret of ours is among it."""
        kept = ("PATH", "LANG", "LC_ALL", "TMPDIR", "DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH")
        return {name: os.environ[name] for name in kept if name in os.environ}

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "SITE_URL": self.address,
            **os.environ,
            "TRADEDESK_HOME": str(self.home.path),
            "DJANGO_SETTINGS_MODULE": "tradedesk.settings",
            "PROMETHEUS_MULTIPROC_DIR": str(self.metrics),
            "PAPER_URL": self.options.paper_url,
            "PYTHONUNBUFFERED": "1",
            **more,
        }

    @property
    def address(self) -> str:
        """Where people go; passkeys work on a name, not on a bare number."""
        host = "localhost" if self.options.bind in {"127.0.0.1", "::1"} else self.options.host
        if self.options.bind in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            host = settings.ALLOWED_HOSTS[0].removeprefix(".")  # nobody can go to every address
        return f"{self.options.scheme}://{host}:{self.options.port}"

    @property
    def metrics(self) -> Path:
        return self.home.path / "metrics"

    @property
    def record(self) -> Path:
        return self.home.run / "children.json"

    def log_file(self, name: str) -> Path:
        return self.home.log / f"{name}.log"

    def write_log_file(self) -> None:
        """Keep what the desk itself says beside the logs of its parts."""
        log = self.log_file("desk")
        if log.exists() and log.stat().st_size > children.LOG_SIZE:
            children.rotate(log)
        handler = logging.FileHandler(log)
        handler.setFormatter(logging.getLogger().handlers[0].formatter)
        logger.addHandler(handler)

    def start_afresh(self) -> None:
        """Begin with an empty home; the old one is kept beside it."""
        if folders.is_running(self.home):
            raise CannotStart(f"a desk runs on {self.home.path}: stop it before --fresh")
        if self.home.path.exists():
            folders.refuse_foreign(self.home.path)
            self.end_what_was_left()  # its record moves away with the home
        self.refuse_taken_ports()
        if aside := folders.set_aside(self.home):
            tell(f"the old home is kept at {aside}")

    def end_what_was_left(self) -> None:
        for name in children.clean_up(self.record):
            logger.warning("%s was left over from a desk that was killed, and is ended now", name)

    def refuse_taken_ports(self) -> None:
        self.refuse_taken_port(self.options.bind, self.options.port, "--port")
        self.refuse_taken_port("127.0.0.1", self.options.paper_port, "--paper-port")

    def refuse_taken_port(self, address: str, port: int, option: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                raise CannotStart(
                    f"port {port} on {address} cannot be used ({error.strerror}): another program "
                    f"has it. Stop that one or choose another: {option} {port + 1}"
                ) from error

    def welcome(self) -> None:
        """Say where to go and how to log in; the password only to a person at a terminal."""
        tell(f"ready: {self.address}")
        if not self.home.first_login.exists():
            return
        if sys.stdout.isatty():
            tell(
                "the first log-in, until you change the password:\n"
                + self.home.first_login.read_text()
            )
        else:
            tell(f"the first log-in stands in {self.home.first_login}")

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop.set()


def tell(text: str) -> None:
    """Speak to the operator; a closed terminal is no reason to fall over."""
    with contextlib.suppress(OSError):
        print(f"tradedesk: {text}", flush=True)  # noqa: T201 - this is the command's own voice


def tail(log: Path) -> str:
    """Give the last lines of a log, to save the operator a look."""
    time.sleep(0.2)  # the copying thread may still hold the last of them
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return f"{' / '.join(lines[-3:])} (all of it: {log})"
