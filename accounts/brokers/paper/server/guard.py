"""Who may use the control API: this machine, with the token of this exchange's home."""

import hmac
import ipaddress
import os
import secrets
from pathlib import Path
from typing import Final

from .messages import Request

HEADER: Final = "x-paper-token"
LOCAL_NAMES: Final = {"localhost", "127.0.0.1", "::1"}


def control_token(home: Path) -> str:
    """The secret of this exchange, made on the first start and kept."""
    path = home / "control.token"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = path.read_text().strip()
        if found:
            return found
        handle = os.open(path, os.O_WRONLY)
    with os.fdopen(handle, "w") as file:
        token = secrets.token_urlsafe(32)
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    return token


def is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_local(request: Request) -> bool:
    """Whether the request really starts on this machine.

    A page from elsewhere may point its name at loopback, and a proxy here may speak for
    strangers; both betray themselves in the headers.
    """
    if not is_loopback(request.peer):
        return False
    host = request.header("host")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    forwarded = any(header in request.headers for header in ("x-forwarded-for", "forwarded"))
    return name.strip("[]").lower() in LOCAL_NAMES and not forwarded


def knows_token(request: Request, token: str) -> bool:
    return hmac.compare_digest(request.header(HEADER).encode(), token.encode())
