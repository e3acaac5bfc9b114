"""One call at the broker: its time limits, what a failure of the line proves, and the clock."""

import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from tempfile import SpooledTemporaryFile
from typing import IO
from urllib.parse import urlencode

import httpx

from accounts.brokers import patience
from accounts.brokers.errors import (
    AmbiguousOutcome,
    BrokerError,
    BrokerUnavailable,
    ForbiddenHost,
    RateLimited,
    UntrustedBroker,
)
from accounts.brokers.kite.environments import Origin
from accounts.brokers.kite.wire import Attempt, StrangeHost, Transport, current
from accounts.brokers.types import ClockSkew
from accounts.brokers.words import CallClass

TRIES = 3
WAITS = (0.2, 0.8)
LONGEST_WAIT = 2.0  # a broker that asks for more is handed to the caller
IN_MEMORY = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each part of a call may take, and how much may come back."""

    connect: float = 2.0
    read: float = 5.0
    write: float = 3.0
    pool: float = 1.0
    total: float = 7.0
    most_bytes: int = 20_000_000

    def scaled(self, factor: float) -> "Limits":
        """Wait longer on a slow line; the sizes stay."""
        return replace(
            self,
            connect=self.connect * factor,
            read=self.read * factor,
            write=self.write * factor,
            pool=self.pool * factor,
            total=self.total * factor,
        )

    def as_extension(self) -> dict[str, float]:
        return {"connect": self.connect, "read": self.read, "write": self.write, "pool": self.pool}


ORDER = Limits(most_bytes=1_000_000)
READ = Limits()
DUMP = Limits(read=10.0, total=90.0, most_bytes=200_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is to be sent, and whether it may be sent again."""

    operation: str
    method: str
    url: str
    headers: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    form: Sequence[tuple[str, str]] | None = None
    json: bytes | None = None
    is_read: bool = True
    is_dump: bool = False  # a list to be read row by row, left in its file
    call_class: CallClass = CallClass.READ
    limits: Limits = READ

    def request(self) -> httpx.Request:
        headers = {"Accept-Encoding": "gzip", **self.headers}
        content = self.json
        if self.form is not None:
            content = urlencode(self.form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif content is not None:
            headers["Content-Type"] = "application/json"
        return httpx.Request(
            self.method,
            f"{self.url}?{urlencode(self.query)}" if self.query else self.url,
            headers=headers,
            content=content,
            extensions={"timeout": self.limits.as_extension()},
        )


@dataclass(slots=True)
class Answer:
    """What came back, whole. `body` is a file, since a master list is large."""

    status: int
    headers: httpx.Headers
    body: IO[bytes]

    @property
    def kind(self) -> str:
        return str(self.headers.get("content-type", "")).lower()

    def content(self) -> bytes:
        """Read it all and let go of the file."""
        with self.body:
            self.body.seek(0)
            return self.body.read()

    @property
    def retry_after(self) -> float | None:
        """Tell how long the broker asks us to wait, in seconds."""
        hint = self.headers.get("retry-after", "").strip()
        if hint.isdecimal():
            return float(hint)
        moment = http_date(hint)
        return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())


type Gate = Callable[[CallClass], None]


def open_gate(call_class: CallClass) -> None:
    """Let everything pass: whoever made the adapter keeps the limits."""


class Sender:
    """The connections of one account in one process."""

    def __init__(self, origin: Origin, gate: Gate = open_gate) -> None:
        self.transport = Transport(origin)
        self.gate = gate
        self.skew: ClockSkew | None = None

    def close(self) -> None:
        self.transport.close()

    def send[T](self, call: Call, understand: Callable[[Call, Answer], T]) -> T:
        """Send a write once; try a read three times, unless its answer is a refusal."""
        if not call.is_read:
            return self.attempt(call, understand)
        failed: BrokerError | None = None
        for wait in WAITS:
            self.pass_gate(call, failed)
            try:
                return self.attempt(call, understand)
            except (BrokerUnavailable, RateLimited) as error:
                pause = max(hint_of(error), random.uniform(0, wait))  # noqa: S311
                if not error.retry_helps or pause > min(LONGEST_WAIT, patience.left()):
                    raise
                failed = error
                time.sleep(pause)
        self.pass_gate(call, failed)
        return self.attempt(call, understand)

    def pass_gate(self, call: Call, failed: BrokerError | None) -> None:
        """Wait for a permit. What an earlier try met tells more than that none is left for another."""
        try:
            self.gate(call.call_class)
        except RateLimited as error:
            if failed is None:
                raise
            raise failed from error

    def attempt[T](self, call: Call, understand: Callable[[Call, Answer], T]) -> T:
        attempt = Attempt(ends=patience.end_of(call.limits.total))
        token = current.set(attempt)
        try:
            return understand(call, self.exchange(call))
        except StrangeHost as error:
            raise ForbiddenHost(call.operation, text=str(error)) from error
        except httpx.HTTPError as error:
            raise proven(call, error, sent=attempt.sent) from error
        finally:
            current.reset(token)

    def exchange(self, call: Call) -> Answer:
        """Send the call and hold the whole answer."""
        sent_at = datetime.now(UTC)
        response = self.transport.handle_request(call.request())
        self.compare_clocks(response.headers.get("date", ""), sent_at, datetime.now(UTC))
        with ExitStack() as undo:
            undo.callback(response.close)
            body = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
            on_failure = undo.enter_context(ExitStack())
            on_failure.callback(body.close)
            for part in response.iter_bytes():
                body.write(part)
                if body.tell() > call.limits.most_bytes:
                    raise httpx.RemoteProtocolError("the answer is too long")
            on_failure.pop_all()
        return Answer(response.status_code, response.headers, body)

    def compare_clocks(self, date: str, sent_at: datetime, came_at: datetime) -> None:
        """Keep how far the broker's clock is ahead; its date counts whole seconds only."""
        theirs = http_date(date)
        if theirs is None:
            return
        travelled = came_at - sent_at
        ours = sent_at + travelled / 2
        self.skew = ClockSkew(
            seconds=(theirs + timedelta(seconds=0.5) - ours).total_seconds(),
            uncertainty=0.5 + travelled.total_seconds() / 2,
            measured_at=came_at,
        )


def hint_of(error: BrokerError) -> float:
    return error.retry_after if isinstance(error, RateLimited) else 0.0


def proven(call: Call, error: httpx.HTTPError, *, sent: bool) -> BrokerError:
    """Name what a failure of the line proves: nothing left, or nobody can tell."""
    text = f"{type(error).__name__}: {error}"
    if not sent and failed_the_check(error):
        return UntrustedBroker(call.operation, text=text)
    if call.is_read or not sent:
        return BrokerUnavailable(call.operation, text=text)
    return AmbiguousOutcome(call.operation, text=text)


def failed_the_check(error: BaseException | None) -> bool:
    """Tell whether TLS itself failed; a connection that was cut meanwhile proves nothing bad."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        error = error.__cause__ or error.__context__
    return False


def http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
