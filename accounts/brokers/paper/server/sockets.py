"""The sockets of all users: handshake, tick frames, order messages, heartbeats."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import h11
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import CLOSED
from websockets.server import ServerProtocol

from .faults import Faults
from .listener import BadMessage, Listener, text_frame
from .messages import failure
from .packets import Mode
from .wire import CHUNK, Line

logger = logging.getLogger(__name__)

MOST_SOCKETS: Final = 3
MOST_MESSAGE: Final = 256 * 1024
BEAT_SECONDS: Final = 0.5
SLICE: Final = 50  # packets encoded before others get their turn
DATA: Final = {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}
CORRUPT: Final = Frame(Opcode.BINARY, b"\x00\x02\x00\xff\x01\x02\x03\x04").serialize(mask=False)

Encode = Callable[[int, Mode], bytes]


def opening_bytes(head: h11.Request) -> bytes:
    """The handshake as it came, for the protocol that reads it once more."""
    lines = [b"%s %s HTTP/1.1" % (head.method, head.target)]
    lines += [name + b": " + value for name, value in head.headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def opened(head: h11.Request) -> tuple[ServerProtocol, bool]:
    """A protocol that has answered the handshake, and whether it said yes."""
    protocol = ServerProtocol(max_size=MOST_MESSAGE)
    protocol.receive_data(opening_bytes(head))
    for event in protocol.events_received():
        if isinstance(event, Handshake):
            response = protocol.accept(event)
            if response.status_code == 101:
                protocol.send_response(response)
                return protocol, True
    return protocol, False


@dataclass(slots=True)
class Hub:
    """Every open socket."""

    encode: Encode
    faults: Faults
    eviction: bool = False
    listeners: set[Listener] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    round: dict[tuple[int, Mode], bytes] = field(default_factory=dict)

    def has_room(self, user: str, api_key: str) -> bool:
        """Whether one more socket of this app and user is allowed."""
        mine = [
            one
            for one in self.listeners
            if (one.user, one.api_key) == (user, api_key) and not one.frozen
        ]
        if len(mine) < MOST_SOCKETS:
            return True
        if not self.eviction:
            return False
        min(mine, key=lambda one: one.opened_at).close(1000, "Replaced by a newer connection")
        return True

    async def listen(
        self, line: Line, head: h11.Request, *, user: str, api_key: str, access_token: str
    ) -> None:
        """Open a socket for an authenticated user and serve it until it ends."""
        protocol, accepted = opened(head)
        if not accepted:
            refusal = failure("The WebSocket handshake is not valid.", 400)
            await line.send(refusal, zip_allowed=False)
            return
        listener = Listener(line, protocol, user, api_key, access_token)
        for data in protocol.data_to_send():
            line.writer.write(data)
        early = line.wire.trailing_data[0]
        self.listeners.add(listener)
        logger.info("Socket opened for %s", user)
        try:
            await self.read(listener, early)
        finally:
            self.listeners.discard(listener)
            logger.info("Socket closed for %s", user)

    async def read(self, listener: Listener, early: bytes) -> None:
        """Take in what the client says until it leaves."""
        parts: list[bytes] = []
        data = early or await listener.line.reader.read(CHUNK)
        while data:
            if not listener.frozen:
                self.take(listener, data, parts)
            if listener.protocol.state is CLOSED or listener.line.writer.is_closing():
                return
            data = await listener.line.reader.read(CHUNK)

    def take(self, listener: Listener, data: bytes, parts: list[bytes]) -> None:
        listener.protocol.receive_data(data)
        for event in listener.protocol.events_received():
            if not isinstance(event, Frame) or event.opcode not in DATA:
                continue
            parts.append(bytes(event.data))
            if event.fin:
                self.hear(listener, b"".join(parts))
                parts.clear()
        listener.flush()

    def hear(self, listener: Listener, message: bytes) -> None:
        try:
            listener.obey(message.decode("utf-8", "replace"))
            self.news.set()
        except BadMessage as wrong:
            listener.say("error", str(wrong))

    def publish(self, tokens: Iterable[int]) -> None:
        """Send the newest values of these instruments to whoever subscribed."""
        if not self.listeners:
            return
        changed = set(tokens)
        for listener in self.listeners:
            listener.notice(changed)
        self.news.set()

    async def broadcast(self) -> None:
        """Send what is due, for as long as the server runs.

        Thousands of instruments take a while to encode; orders must not wait for it, so
        others get their turn in between.
        """
        while True:
            await self.news.wait()
            self.news.clear()
            self.round.clear()
            due = {
                (token, one.modes[token])
                for one in self.listeners
                if one.keeps_up
                for token in one.missed
                if token in one.modes
            }
            for number, (token, mode) in enumerate(due):
                self.shared(token, mode)
                if number % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
            for listener in list(self.listeners):
                self.serve(listener)
                await asyncio.sleep(0)

    def serve(self, listener: Listener) -> None:
        """Send one socket what is due to it, and the frame a fault wants in front."""
        spoilt = self.faults.rules and listener.missed
        if spoilt and self.faults.hits_socket("corrupt_frame", listener.user):
            listener.write(CORRUPT)
        listener.catch_up(self.shared)

    def shared(self, token: int, mode: Mode) -> bytes:
        """One packet, encoded once in a round however many sockets want it."""
        packet = self.round.get((token, mode))
        if packet is None:
            packet = self.round[token, mode] = self.encode(token, mode)
        return packet

    def tell(self, user: str, kind: str, data: Any) -> None:
        """Send a text message to the sockets of one user, or of all."""
        message = text_frame(kind, data)
        for listener in list(self.listeners):
            if user in {"", listener.user}:
                listener.write(message)

    def chosen(self, user: str) -> list[Listener]:
        return [one for one in self.listeners if user in {"", one.user}]

    def cut(self, user: str) -> int:
        """Cut connections as a failing network would."""
        hit = self.chosen(user)
        for listener in hit:
            listener.line.reset()
        return len(hit)

    def freeze(self, user: str) -> int:
        """Stop talking without closing anything."""
        hit = self.chosen(user)
        for listener in hit:
            listener.frozen = True
        return len(hit)

    def expel(self, alive: Callable[[str], bool]) -> None:
        """Close the sockets whose access token has died."""
        for listener in list(self.listeners):
            if not alive(listener.access_token):
                listener.close(1000, "Session expired")

    def close_all(self) -> None:
        for listener in list(self.listeners):
            listener.close(1001, "The exchange is closing")

    async def keep_alive(self) -> None:
        """Heartbeats for idle sockets, for as long as the server runs."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            now = time.monotonic()
            for listener in list(self.listeners):
                listener.beat(now)
                if listener.missed:
                    self.news.set()
