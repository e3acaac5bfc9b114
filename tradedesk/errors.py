"""What happens when something goes wrong: a plain page for people, a record for the operator."""

import hashlib
import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import redis.exceptions
from celery.signals import task_failure
from django.core.signals import got_request_exception
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone

from tradedesk.logs import scrub
from tradedesk.metrics import ERRORS
from tradedesk.requests import current_id

logger = logging.getLogger(__name__)

# A server of ours that is away, not a mistake in the code: answered 503, and tried again.
OUTAGES = (
    OperationalError,
    InterfaceError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
)
CASES_KEPT = 1000  # of one mistake, each with the number of its request
TITLES = {
    400: ("That request could not be read", "Go back, reload the page and try again."),
    403: ("This is not open to you", "Ask the owner of the desk if you should see it."),
    404: ("There is nothing here", "The address is wrong, or what stood here is not yours to see."),
    405: ("That cannot be done here", "Use the links and buttons of the page."),
    429: ("Too many tries", "Wait five minutes, then try again."),
    500: (
        "Something broke on our side",
        "Nothing was sent twice. Try again, or give the operator this number.",
    ),
    503: (
        "The desk is not ready",
        "A part of it is starting again. This page tries by itself every few seconds.",
    ),
}


def page(request: HttpRequest, status: int, detail: str = "") -> HttpResponse:
    """Answer with a page that needs neither the database nor Redis."""
    title, advice = TITLES[status]
    facts = {
        "title": title,
        "advice": detail or advice,
        "status": status,
        "request_id": current_id.get(),
    }
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"error": title, "request_id": facts["request_id"]}, status=status)
    response = HttpResponse(render_to_string("error.html", facts), status=status)
    response["Cache-Control"] = "no-store"
    if status == 503:
        response["Retry-After"] = "3"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return page(
        request,
        403,
        "The form was too old or came from elsewhere. Reload the page and send it again.",
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Tell an outage of Postgres or Redis from a mistake of ours."""
    return page(request, 503 if isinstance(sys.exc_info()[1], OUTAGES) else 500)


def watch() -> None:
    """Record whatever nobody handled, in requests and in tasks."""
    got_request_exception.connect(on_request, dispatch_uid="failures")
    task_failure.connect(on_task, dispatch_uid="failures")


def on_request(sender: Any, request: HttpRequest | None = None, **facts: Any) -> None:
    if error := sys.exc_info()[1]:
        record(
            error,
            place=f"{request.method} {request.path}" if request else "a request",
            kind="request",
        )


def on_task(sender: Any, exception: BaseException, **facts: Any) -> None:
    record(exception, place=sender.name, kind="task")


def record(error: BaseException, *, place: str, kind: str) -> None:
    """Count the error and keep its newest case, without secrets."""
    ERRORS.labels(kind).inc()
    if isinstance(error, OUTAGES):
        logger.warning("%s: %s is away: %s", place, type(error).__name__, str(error).strip()[:200])
        return
    from tradedesk.models import Failure, FailureCase

    text = scrub("".join(traceback.format_exception(error)))
    facts = {
        "kind": type(error).__name__,
        "place": scrub(place)[:200],
        "message": scrub(str(error))[:2000],
        "traceback": text[-8000:],
        "request_id": current_id.get(),
    }
    fingerprint = hashlib.sha256(
        f"{facts['kind']} {origin(error.__traceback__)}".encode()
    ).hexdigest()
    try:
        with transaction.atomic():
            failure, created = Failure.objects.get_or_create(
                fingerprint=fingerprint, defaults=facts
            )
            if not created:
                changed = {"count": F("count") + 1, "last_at": timezone.now(), **facts}
                Failure.objects.filter(fingerprint=fingerprint).update(**changed)
            if facts["request_id"]:
                FailureCase.objects.create(
                    failure=failure, request_id=facts["request_id"], place=facts["place"]
                )
            if failure.count % 100 == 0:
                old = failure.cases.values("pk")[CASES_KEPT:]
                FailureCase.objects.filter(pk__in=old).delete()
    except DatabaseError:
        logger.warning("the record of an error could not be kept")


def origin(trace: TracebackType | None) -> str:
    """Name the line that raised: the same mistake has the same origin."""
    frames = traceback.extract_tb(trace)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
