"""HTTP/1.1 on the bare connection, so that faults can treat it as badly as a network does."""

import asyncio
import gzip
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import h11

from .messages import CSV, JSON, Answer, ConnectionTorn, HangUp, Request, failure

logger = logging.getLogger(__name__)

MAX_HEAD: Final = 16 * 1024
MAX_BODY: Final = 1024 * 1024
CHUNK: Final = 64 * 1024
COMPRESS_FROM: Final = 8 * 1024
# A socket that sends a byte a minute must not hold a place for ever.
HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 20.0
IDLE_SECONDS: Final = 75.0
SEND_SECONDS: Final = 30.0
PHRASES: Final = {int(status): status.phrase for status in HTTPStatus}


class BadRequest(Exception):
    """The bytes are not a request we can answer in the ordinary way."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Answering = Callable[[Request], Awaitable[Answer]]
Upgrading = Callable[["Line", Request, h11.Request], Awaitable[None]]


def is_upgrade(request: Request) -> bool:
    wanted = request.header("upgrade").lower() == "websocket"
    return wanted and "upgrade" in request.header("connection").lower()


@dataclass(slots=True)
class Line:
    """One connection of one peer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    wire: h11.Connection
    peer: str

    @classmethod
    def of(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "Line":
        address = writer.get_extra_info("peername")
        peer = str(address[0]) if address else ""
        wire = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        return cls(reader, writer, wire, peer)

    async def event(self) -> h11.Event | type[h11.PAUSED]:
        """The next thing that the peer says."""
        while True:
            event = self.wire.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            if self.wire.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                self.writer.write(self.wire.send(go_on) or b"")
            self.wire.receive_data(await self.reader.read(CHUNK))

    async def head(self) -> h11.Request | None:
        """The next request line and headers; None when the peer has finished."""
        if not self.wire.trailing_data[0]:
            async with asyncio.timeout(IDLE_SECONDS):
                first = await self.reader.read(CHUNK)
            self.wire.receive_data(first)
        async with asyncio.timeout(HEAD_SECONDS):
            event = await self.event()
        return event if isinstance(event, h11.Request) else None

    async def body(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        async with asyncio.timeout(BODY_SECONDS):
            while not isinstance(event := await self.event(), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    raise BadRequest(400, "The request ended early.")
                size += len(event.data)
                if size > MAX_BODY:
                    raise BadRequest(413, "The request body is too large.")
                parts.append(bytes(event.data))
        return b"".join(parts)

    async def send(self, answer: Answer, *, zip_allowed: bool) -> None:
        """Write one answer, slowly or only half of it where a fault asks for that."""
        raw = self.encoded(answer, zip_allowed=zip_allowed)
        if answer.cut_half:
            self.writer.write(raw[: max(1, len(raw) // 2)])
            await self.writer.drain()
            raise HangUp
        if answer.drip:
            for place in range(len(raw)):
                self.writer.write(raw[place : place + 1])
                await asyncio.sleep(answer.drip)
        else:
            self.writer.write(raw)
        async with asyncio.timeout(SEND_SECONDS):
            await self.writer.drain()

    def encoded(self, answer: Answer, *, zip_allowed: bool) -> bytes:
        # A 204, a 304 and any answer to HEAD have no body, whatever a fault rule asked for.
        body = b"" if answer.status in {204, 304} else answer.body
        headers = [("Date", formatdate(usegmt=True)), ("Content-Type", answer.content_type)]
        large = len(body) >= COMPRESS_FROM and answer.content_type == JSON
        if zip_allowed and body and (large or answer.content_type == CSV):
            body = gzip.compress(body, 1)
            headers.append(("Content-Encoding", "gzip"))
            headers.append(("Vary", "Accept-Encoding"))
        headers.append(("Content-Length", str(len(body))))
        headers += answer.headers
        reason = PHRASES.get(answer.status, "")
        response = h11.Response(status_code=answer.status, headers=headers, reason=reason)
        head = self.wire.send(response) or b""
        middle = (self.wire.send(h11.Data(data=body)) or b"") if body else b""
        return head + middle + (self.wire.send(h11.EndOfMessage()) or b"")

    def reset(self) -> None:
        """End the connection with a TCP reset, as a failing network would."""
        raw: socket.socket | None = self.writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def read_request(head: h11.Request, body: bytes, peer: str) -> Request:
    target = head.target.decode("latin-1")
    path, _, query = target.partition("?")
    headers: dict[str, str] = {}
    for name, value in head.headers:
        headers[name.decode("latin-1")] = value.decode("latin-1")
    method = head.method.decode("latin-1")
    return Request(method, unquote(path), query, headers, body, peer)


async def converse(line: Line, answering: Answering, upgrading: Upgrading) -> None:
    """Answer request after request until one side has had enough."""
    while True:
        head = await line.head()
        if head is None:
            return
        announced = read_request(head, b"", line.peer)
        if is_upgrade(announced):
            await upgrading(line, announced, head)
            return
        refuse_large(announced)
        request = read_request(head, await line.body(), line.peer)
        answer = await answering(request)
        if request.method == "HEAD":
            answer = replace(answer, body=b"")
        await line.send(answer, zip_allowed="gzip" in request.header("accept-encoding"))
        if line.wire.our_state is not h11.DONE or line.wire.their_state is not h11.DONE:
            return
        line.wire.start_next_cycle()


def refuse_large(request: Request) -> None:
    """Refuse by the announced length, before the body is read."""
    announced = request.header("content-length")
    if announced.isdigit() and (len(announced) > 12 or int(announced) > MAX_BODY):
        raise BadRequest(413, "The request body is too large.")


async def complain(line: Line, status: int, message: str) -> None:
    """Answer a request that could not be read, if the connection still allows it."""
    if line.wire.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
        return
    answer = failure(message, status, "InputException", (("Connection", "close"),))
    try:
        await line.send(answer, zip_allowed=False)
    except (OSError, TimeoutError, h11.LocalProtocolError):
        return


async def serve_line(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answering: Answering,
    upgrading: Upgrading,
) -> None:
    """Look after one connection from its first byte to its end."""
    line = Line.of(reader, writer)
    try:
        await converse(line, answering, upgrading)
    except BadRequest as refused:
        await complain(line, refused.status, str(refused))
    except h11.RemoteProtocolError as wrong:
        await complain(line, wrong.error_status_hint, "The request is not valid HTTP.")
    except ConnectionTorn:
        line.reset()
        return
    except (HangUp, OSError, TimeoutError):
        pass
    finally:
        writer.close()
