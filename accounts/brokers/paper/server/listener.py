"""One socket of one user: what it subscribed to, and how much it still has to read."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from .packets import HEARTBEAT, MODES, MOST_IN_FRAME, Mode, frame
from .wire import Line

MOST_TOKENS: Final = 3_000
# Above the first mark a slow reader gets only the newest ticks; above the second it is dropped.
CONFLATE_FROM: Final = 512 * 1024
DROP_FROM: Final = 4 * 1024 * 1024
STALLED_SECONDS: Final = 30.0
HEARTBEAT_FRAME: Final = Frame(Opcode.BINARY, HEARTBEAT).serialize(mask=False)

Encoding = Callable[[int, Mode], bytes]


class BadMessage(Exception):
    """The client said something we do not understand; the text goes back to it."""


def text_frame(kind: str, data: Any) -> bytes:
    body = json.dumps({"type": kind, "data": data}, separators=(",", ":"))
    return Frame(Opcode.TEXT, body.encode()).serialize(mask=False)


def binary_frame(packets: list[bytes]) -> bytes:
    return Frame(Opcode.BINARY, frame(packets)).serialize(mask=False)


def read_tokens(raw: Any) -> list[int]:
    """Instrument tokens as the clients send them: numbers, or numbers in quotes."""
    if not isinstance(raw, list):
        raise BadMessage("The tokens must be a list.")
    tokens = []
    for item in raw:
        text = str(item) if isinstance(item, str | int) and not isinstance(item, bool) else ""
        if not (text.isascii() and text.isdigit() and len(text) <= 10):
            raise BadMessage("An instrument token must be a whole number.")
        tokens.append(int(text))
    return tokens


def read_message(text: str) -> tuple[str, Mode, list[int]]:
    """The action, the mode it asks for and the tokens it names."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("The message is not JSON.") from None
    if not isinstance(message, dict):
        raise BadMessage("The message is not an object.")
    action, value = message.get("a"), message.get("v")
    if action in {"subscribe", "unsubscribe"}:
        return str(action), "quote", read_tokens(value)
    if action != "mode":
        raise BadMessage("Unknown action.")
    if not isinstance(value, list) or len(value) != 2 or value[0] not in MODES:
        raise BadMessage("A mode is ltp, quote or full, with a list of tokens.")
    return "mode", value[0], read_tokens(value[1])


@dataclass(eq=False, slots=True)
class Listener:
    """A connected socket."""

    line: Line
    protocol: ServerProtocol
    user: str
    api_key: str
    access_token: str
    modes: dict[int, Mode] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)
    last_sent: float = field(default_factory=time.monotonic)
    stalled_since: float | None = None
    opened_at: float = field(default_factory=time.monotonic)
    frozen: bool = False

    @property
    def waiting(self) -> int:
        """Bytes that the reader has not taken yet."""
        return self.line.writer.transport.get_write_buffer_size()

    @property
    def keeps_up(self) -> bool:
        """Whether the reader takes what it gets."""
        return not self.frozen and self.waiting <= CONFLATE_FROM

    def write(self, data: bytes) -> None:
        """Send bytes, unless the socket is frozen, closing or hopelessly behind."""
        if self.frozen or self.protocol.state is not OPEN or self.line.writer.is_closing():
            return
        if self.waiting + len(data) > DROP_FROM:
            self.drop()
            return
        self.line.writer.write(data)
        self.last_sent = time.monotonic()

    def drop(self) -> None:
        """Cut the connection without the closing words."""
        self.line.writer.transport.abort()

    def close(self, code: int, reason: str) -> None:
        """End the connection politely."""
        if self.frozen or self.protocol.state is not OPEN:
            self.drop()
            return
        self.protocol.send_close(code, reason)
        self.flush()
        self.line.writer.close()

    def flush(self) -> None:
        """Pass on what the protocol wants said: pongs, closing frames."""
        for data in self.protocol.data_to_send():
            if self.frozen:
                continue
            if data:
                self.line.writer.write(data)
            else:
                self.line.writer.close()

    def say(self, kind: str, data: Any) -> None:
        self.write(text_frame(kind, data))

    def obey(self, text: str) -> None:
        """Act on one message of the client; what it asked for is due to it at once."""
        action, mode, tokens = read_message(text)
        if action == "unsubscribe":
            for token in tokens:
                self.modes.pop(token, None)
            return
        fresh = {token for token in tokens if token not in self.modes}
        if len(self.modes) + len(fresh) > MOST_TOKENS:
            raise BadMessage(f"A connection takes at most {MOST_TOKENS} instruments.")
        for token in tokens:
            # Subscribing again must not lower a mode that was set before.
            self.modes[token] = self.modes.get(token, mode) if action == "subscribe" else mode
        self.missed.update(tokens)

    def catch_up(self, encoding: Encoding) -> None:
        """Send the newest values of everything that is due to this socket."""
        if not self.keeps_up or not self.missed:
            return
        modes = self.modes
        due = [encoding(token, modes[token]) for token in self.missed if token in modes]
        self.missed.clear()
        packets = [packet for packet in due if packet]
        for start in range(0, len(packets), MOST_IN_FRAME):
            self.write(binary_frame(packets[start : start + MOST_IN_FRAME]))

    def notice(self, changed: set[int]) -> None:
        """Take note of new values; they go out as soon as the reader keeps up."""
        if len(changed) < len(self.modes):
            self.missed.update(token for token in changed if token in self.modes)
        else:
            self.missed.update(token for token in self.modes if token in changed)

    def beat(self, now: float) -> None:
        """Prove that we are alive, and judge whether the reader still is."""
        if self.waiting <= CONFLATE_FROM:
            self.stalled_since = None
        elif self.stalled_since is None:
            self.stalled_since = now
        elif now - self.stalled_since > STALLED_SECONDS:
            self.drop()
            return
        if now - self.last_sent >= 1.0:
            self.write(HEARTBEAT_FRAME)
