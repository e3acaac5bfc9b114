"""What holds for every request before Django sees it, and for every answer, whoever made it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.utils.csp import build_policy

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded")


def guarded(application: Application) -> Application:
    """Wrap the application: honest peers' headers only, known methods only, full headers out."""

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope = with_true_peer(scope)
        if scope["type"] != "http":
            await application(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = complete(list(message.get("headers", [])))
            await send(message)

        if scope["method"] not in METHODS:
            await refuse_method(send_with_headers)
            return
        await application(scope, receive, send_with_headers)

    return outer


def with_true_peer(scope: Scope) -> Scope:
    """Believe forwarded headers from our proxy alone; nobody else's reach Django."""
    client = scope.get("client")
    peer = client[0] if client else "unix"
    if peer in settings.TRUSTED_PROXIES:
        named = dict(scope["headers"]).get(b"x-forwarded-for", b"").decode("latin1")
        address = named.split(",")[-1].strip()
        return {**scope, "client": (address, 0)} if address else scope
    kept = [(name, value) for name, value in scope["headers"] if name not in FORWARDED]
    return {**scope, "headers": kept}


def complete(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Add each security header that the answer does not carry yet."""
    given = {name.lower() for name, _ in headers}
    return headers + [(name, value) for name, value in ALWAYS.items() if name not in given]


def always() -> dict[bytes, bytes]:
    wanted = {
        "content-security-policy": build_policy(settings.SECURE_CSP),
        "permissions-policy": settings.PERMISSIONS_POLICY,
        "referrer-policy": settings.SECURE_REFERRER_POLICY,
        "cross-origin-opener-policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": settings.X_FRAME_OPTIONS,
    }
    if settings.SECURE_HSTS_SECONDS:
        hsts = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
        wanted["strict-transport-security"] = hsts
    return {name.encode(): value.encode() for name, value in wanted.items()}


ALWAYS = always()


async def refuse_method(send: Send) -> None:
    allowed = ", ".join(sorted(METHODS)).encode()
    headers = [(b"content-type", b"text/plain"), (b"allow", allowed)]
    await send({"type": "http.response.start", "status": 405, "headers": headers})
    await send({"type": "http.response.body", "body": b"This method is not used here.\n"})
