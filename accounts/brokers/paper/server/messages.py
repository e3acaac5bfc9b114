"""Requests and answers as the doors see them, apart from the wire."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from typing import Any
from urllib.parse import parse_qsl

JSON = "application/json"
HTML = "text/html; charset=utf-8"
CSV = "text/csv"  # exactly this: the JavaScript client compares the whole header

# The message each error type carries when nothing better is known.
TYPE_OF_STATUS = {
    400: "InputException",
    403: "TokenException",
    404: "GeneralException",
    405: "GeneralException",
    429: "NetworkException",
    502: "DataException",
    503: "NetworkException",
    504: "NetworkException",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request, its body read."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    def parameters(self) -> list[tuple[str, str]]:
        """The query string, blanks kept."""
        return parse_qsl(self.query, keep_blank_values=True, max_num_fields=5_000)

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()

    def cookies(self) -> dict[str, str]:
        pairs = (part.strip().partition("=") for part in self.header("cookie").split(";"))
        return {name: value for name, _, value in pairs if name}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `drip` is the pause after every byte, in seconds."""

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    drip: float = 0.0
    cut_half: bool = False


class ConnectionTorn(Exception):
    """A fault wants the connection torn down at once, with a reset."""


class HangUp(Exception):
    """A fault wants the connection ended cleanly and without an answer."""


def plain(value: object) -> object:
    """Let money that is still a Decimal travel as a JSON number."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} does not travel as JSON")


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=plain).encode()


def csv_answer(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> Answer:
    """Rows under their headings, quoted only where a comma needs it."""
    text = StringIO()
    table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return Answer(text.getvalue().encode(), content_type=CSV)


def success(data: Any) -> Answer:
    return Answer(encode({"status": "success", "data": data}))


def failure(
    message: str,
    status: int = 400,
    error_type: str = "",
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """The documented error envelope: always all four keys."""
    kind = error_type or TYPE_OF_STATUS.get(status, "GeneralException")
    body = {"status": "error", "message": message, "error_type": kind, "data": None}
    return Answer(encode(body), status, headers=headers)


def redirect(location: str, *cookies: str, status: int = 302) -> Answer:
    headers = [("Location", location), ("Cache-Control", "no-store")]
    headers += [("Set-Cookie", cookie) for cookie in cookies]
    return Answer(b"", status, HTML, tuple(headers))
