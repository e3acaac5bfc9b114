"""A name for every request, so that a line in the log and an error on the screen meet; and its time."""

import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse
from django.utils.log import log_response

from tradedesk.metrics import REQUESTS

current_id: ContextVar[str] = ContextVar("request_id", default="")
GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Give the request an id, or keep the one that the proxy in front gave it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if GIVEN.fullmatch(given) else secrets.token_hex(8)
        token = current_id.set(name)
        began = time.perf_counter()
        try:
            response = self.get_response(request)
            note_refusal(request, response)
        finally:
            current_id.reset(token)
        route = request.resolver_match.route if request.resolver_match else "none"
        REQUESTS.labels(route, response.status_code).observe(time.perf_counter() - began)
        response["X-Request-ID"] = name
        if request_is_signed_in(request):
            response.setdefault("Cache-Control", "no-store")
        return response


def request_is_signed_in(request: HttpRequest) -> bool:
    """Tell whether this answer was made for somebody, without asking the database again."""
    user = request.__dict__.get("_cached_user")
    return user is not None and user.is_authenticated


def note_refusal(request: HttpRequest, response: HttpResponse) -> None:
    """Log what was not answered well while its id is known; Django would do it after that."""
    if response.status_code < 400:
        return
    words = ("%s: %s", response.reason_phrase, request.path)
    # A part that is away is news for /readyz, not a mistake of ours.
    level = "warning" if response.status_code == 503 else None
    log_response(*words, response=response, request=request, level=level)
