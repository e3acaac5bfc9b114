"""The parts of a desk, in one place: a later part is one more line here."""

import sys
from dataclasses import dataclass

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
        Part("beat", [*celery, "beat", "--schedule", schedule], pool=1),
    ]


def listen(options: Options) -> list[str]:
    """Say to Daphne where to listen."""
    quiet = [
        "--access-log",
        "/dev/null",
        "--no-server-name",
        "--websocket_timeout",
        "-1",
        "--websocket-max-message-size",
        "65536",
    ]
    if options.certificate:
        place = f"ssl:{options.port}:interface={escape(options.bind)}"
        keys = f"privateKey={escape(options.private_key)}:certKey={escape(options.certificate)}"
        return ["-e", f"{place}:{keys}", *quiet]
    return ["-b", options.bind, "-p", str(options.port), *quiet]


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(":", "\\:")
