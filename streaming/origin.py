"""A socket carries the person's cookie wherever it is opened, so only our own pages may open one."""

from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host


def same_origin(application: Any) -> Any:
    """Let in handshakes whose Origin is the very host and port they were sent to."""

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        headers = {name: value.decode("latin1") for name, value in scope["headers"]}
        if is_ours(headers.get(b"origin", ""), headers.get(b"host", "")):
            await application(scope, receive, send)
        else:
            await WebsocketDenier()(scope, receive, send)

    return checked


def is_ours(origin: str, host: str) -> bool:
    """Tell whether a page of this desk opened the socket."""
    scheme = "https" if settings.HTTPS else "http"
    domain, _ = split_domain_port(host)
    parts = urlsplit(origin)
    return (
        bool(domain)
        and validate_host(domain, settings.ALLOWED_HOSTS)
        and parts.scheme == scheme
        and parts.netloc.lower() == host.lower()
    )
