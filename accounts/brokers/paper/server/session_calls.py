"""Exchanging, renewing and ending tokens."""

import hashlib
import hmac
import secrets
from typing import Any

from accounts.brokers.paper.engine import Refusal

from .routes import Call, Route

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def new_token(length: int = 32) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def refused_token() -> Refusal:
    message = "Token is invalid or has expired."
    return Refusal(message, status=403, error_type="TokenException")


def check(call: Call, api_key: str, token: str, checksum: str) -> dict[str, Any]:
    """The app, once its checksum proves that the caller knows its secret."""
    app: dict[str, Any] | None = call.clerk.exchange.query("app", api_key=api_key)
    if app is None:
        raise Refusal("Invalid `api_key`.", status=403, error_type="TokenException")
    expected = hashlib.sha256(f"{api_key}{token}{app['api_secret']}".encode()).hexdigest()
    if not hmac.compare_digest(expected.encode(), checksum.encode()):
        raise Refusal("Invalid `checksum`.", status=403, error_type="TokenException")
    return app


async def create(call: Call) -> Any:
    form = call.form()
    api_key, token = form.text("api_key"), form.text("request_token")
    checksum = form.text("checksum").lower()
    app = check(call, api_key, token, checksum)
    return await call.clerk.carry_out(
        "session.create",
        {"api_key": api_key, "request_token": token, "checksum": checksum},
        app["user_id"],
    )


async def renew(call: Call) -> Any:
    form = call.form()
    api_key, token = form.text("api_key"), form.text("refresh_token")
    checksum = form.text("checksum").lower()
    app = check(call, api_key, token, checksum)
    return await call.clerk.carry_out(
        "session.renew",
        {"api_key": api_key, "refresh_token": token, "checksum": checksum},
        app["user_id"],
    )


async def end(call: Call) -> Any:
    """Log out: the token itself is the proof of being allowed to."""
    query = call.query()
    api_key = query.text("api_key")
    access, refresh = query.maybe("access_token"), query.maybe("refresh_token")
    if not access and not refresh:
        raise Refusal("Missing `access_token`.")
    return await call.clerk.carry_out(
        "session.invalidate",
        {"api_key": api_key, "access_token": access, "refresh_token": refresh},
    )


ROUTES = [
    Route("session.create", "POST", "/session/token", create, signed=False),
    Route("session.end", "DELETE", "/session/token", end, signed=False),
    Route("session.renew", "POST", "/session/refresh_token", renew, signed=False),
]
