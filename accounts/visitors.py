"""What a request says about where it comes from."""

import ipaddress

from django.http import HttpRequest


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
