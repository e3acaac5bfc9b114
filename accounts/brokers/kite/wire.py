"""The last step before the network: what leaves here has left.

Every connection is opened here and every byte written here. So this is where it is known for
certain whether a call began to leave, where the time of a whole call ends, however slowly the
answer drips, and where a host that is not the account's own is refused.
"""

import socket
import ssl
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpcore
import httpx

from accounts.brokers import patience
from accounts.brokers.kite.environments import Origin

# What a dead process has written must not reach the broker minutes later.
UNACKNOWLEDGED_MS = 5000
KEEP_ALIVE_SECONDS = 5.0
CONNECTIONS = 20

type SocketOption = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)


@dataclass(slots=True)
class Attempt:
    """One try at a call: when its time is over, and whether it began to leave."""

    ends: float
    sent: bool = False

    def remaining(self) -> float:
        return self.ends - time.monotonic()


current: ContextVar[Attempt] = ContextVar("attempt")


class StrangeHost(Exception):
    """A connection was asked for to somewhere else than the account's broker."""


class Wire(httpcore.NetworkStream):
    """A connection that respects the time of the attempt it carries."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        allowed = within(timeout, httpcore.WriteTimeout)
        if not current.get().sent and not patience.may_leave():
            raise httpcore.WriteTimeout("it was too late to leave")
        current.get().sent = True
        self.stream.write(buffer, allowed)

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        allowed = within(timeout, httpcore.ConnectTimeout)
        return Wire(self.stream.start_tls(ssl_context, server_hostname, allowed))

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


class Network(httpcore.NetworkBackend):
    """The network as far as one account may see it: a single server."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        if (host.lower().rstrip("."), port) != (self.origin.host, self.origin.port):
            raise StrangeHost(f"{host}:{port}")
        allowed = within(timeout, httpcore.ConnectTimeout)
        return Wire(self.plain.connect_tcp(host, port, allowed, local_address, socket_options))

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        raise StrangeHost(path)


class Transport(httpx.HTTPTransport):
    """The part of httpx below its client: it cannot follow a redirect, keeps no cookies, reads no
    environment and logs no address."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(verify=trusted(), trust_env=False)
        self.origin = origin
        # httpx has no public way to choose the network under its pool.
        self._pool = httpcore.ConnectionPool(
            ssl_context=trusted(),
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            retries=0,
            socket_options=socket_options(),
            network_backend=Network(origin),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.scheme != self.origin.scheme:
            raise StrangeHost(f"{request.url.scheme}://{request.url.host}")
        return super().handle_request(request)


def within(timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
    """Cut a time limit to what is left of the attempt."""
    remaining = current.get().remaining()
    if remaining <= 0:
        raise late("the time for the whole call is over")
    return remaining if timeout is None else min(timeout, remaining)


@cache
def trusted() -> ssl.SSLContext:
    """Make the check of certificates once a process: it costs more than a call."""
    return httpx.create_ssl_context(trust_env=False)


def socket_options() -> list[SocketOption]:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # where the system has it
    return [] if option is None else [(socket.IPPROTO_TCP, option, UNACKNOWLEDGED_MS)]
