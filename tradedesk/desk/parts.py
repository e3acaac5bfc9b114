"""The parts of a desk, in one place: a later part is one more line here."""

import contextlib
import socket
import sys
from dataclasses import dataclass

from django.conf import settings

from tradedesk.home import Home


@dataclass(frozen=True)
class Options:
    """How the operator started the desk."""

    home: Home
    bind: str = "127.0.0.1"
    port: int = 8000
    paper_port: int = 8100
    certificate: str = ""
    private_key: str = ""
    fresh: bool = False
    accept_new_key: bool = False

    @property
    def paper_url(self) -> str:
        return f"http://127.0.0.1:{self.paper_port}"

    @property
    def host(self) -> str:
        """The address as it stands in a URL."""
        return f"[{self.bind}]" if ":" in self.bind else self.bind

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"


@dataclass(frozen=True)
class Part:
    """One process: how it is started, and how many database connections its pool may open."""

    name: str
    command: list[str]
    pool: int


def parts(options: Options) -> list[Part]:
    """Everything that runs beside Postgres and Redis."""
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "tradedesk"]
    schedule = str(options.home.path / "beat" / "schedule")
    return [
        Part(
            "web", [python, "-m", "daphne", *listen(options), "tradedesk.asgi:application"], pool=16
        ),
        Part(
            "worker",
            [
                *celery,
                "worker",
                "--queues",
                "celery,orders",
                "--concurrency",
                "2",
                "--without-gossip",
                "--without-mingle",
            ],
            pool=2,
        ),
        Part("stream", [python, str(settings.BASE_DIR / "manage.py"), "stream"], pool=20),
        Part("beat", [*celery, "beat", "--schedule", schedule], pool=1),
        Part("paper", paper(options), pool=0),
    ]


def paper(options: Options) -> list[str]:
    """Run the paper exchange without Django: it has a state of its own."""
    home = str(options.home.path / "paper")
    port = str(options.paper_port)
    return [sys.executable, "-m", "accounts.brokers.paper", "--port", port, "--home", home]


def listen(options: Options) -> list[str]:
    """Say to Daphne where to listen; `localhost` is two addresses on most machines."""
    quiet = ["--verbosity", "0", "--no-server-name", "--websocket_timeout", "-1"]
    quiet += ["--websocket-max-message-size", "65536"]
    addresses = [options.bind]
    if options.bind == "127.0.0.1" and can_bind("::1"):
        addresses.append("::1")
    return [*quiet, *(part for address in addresses for part in ("-e", endpoint(options, address)))]


def endpoint(options: Options, address: str) -> str:
    """Describe one door in Twisted's words."""
    place = f"{options.port}:interface={escape(address)}"
    if options.certificate:
        keys = f"privateKey={escape(options.private_key)}:certKey={escape(options.certificate)}"
        return f"ssl:{place}:{keys}"
    return f"tcp6:{place}" if ":" in address else f"tcp:{place}"


def can_bind(address: str) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind((address, 0))
        return True
    return False


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(":", "\\:")
