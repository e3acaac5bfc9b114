"""What a request says about where it comes from."""

import ipaddress
from typing import Any

from django.http import HttpRequest
from django.http.request import split_domain_port


def address_of(request: HttpRequest) -> str | None:
    """Give the address of the browser; the guards have already weighed forwarded headers."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None  # a Unix socket has none


def browser_of(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")[:200]


def is_background(request: HttpRequest) -> bool:
    """Tell whether a page asked by itself, with nobody at the keyboard."""
    return "X-Background" in request.headers


def is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def where_passkeys_work(request: HttpRequest) -> dict[str, Any]:
    """Tell whether browsers allow passkeys at this address, and which one they would allow."""
    host, port = split_domain_port(request.get_host())
    works = not is_ip_address(host) and (request.is_secure() or is_local_name(host))
    return {
        "passkeys_work": works,
        "passkey_address": f"http://localhost{':' if port else ''}{port}/",
    }


def is_local_name(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")
