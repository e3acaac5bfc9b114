"""The pages of activity: one account's for its members, the whole desk's for those who run it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import find_account, role_of
from accounts.activity import as_csv, details, in_words
from accounts.brokerage import Role
from accounts.guard import staff_only
from accounts.models import AuditEvent, AuditEventQuerySet
from tradedesk.http import DeskRequest
from tradedesk.times import in_ist

SHOWN = 50


@login_required
@require_safe
def activity(request: DeskRequest, code: str) -> HttpResponse:
    """Show who did what in the account, the newest first."""
    account = find_account(request.user, code)
    # Where the others sit is the owners' business.
    with_address = role_of(request.user, account) == Role.OWNER
    found = page_of(AuditEvent.objects.of_account(code), request)
    facts = {"account": account, "with_address": with_address, **found}
    return render(request, "accounts/activity.html", facts)


@login_required
@require_safe
def export(request: DeskRequest, code: str) -> HttpResponseBase:
    """Give the same as a file, all of it."""
    account = find_account(request.user, code)
    with_address = role_of(request.user, account) == Role.OWNER
    lines = as_csv(AuditEvent.objects.of_account(code), with_address=with_address)
    return download(request, lines, f"activity-{code}")


@staff_only
@require_safe
def whole_activity(request: DeskRequest) -> HttpResponse:
    """Show who did what at this desk, the newest first."""
    found = page_of(AuditEvent.objects.all(), request)
    return render(request, "accounts/activity.html", {"with_address": True, **found})


@staff_only
@require_safe
def export_whole(request: DeskRequest) -> HttpResponseBase:
    """Give the same as a file, all of it."""
    lines = as_csv(AuditEvent.objects.all(), with_address=True)
    return download(request, lines, "activity")


def page_of(events: AuditEventQuerySet, request: HttpRequest) -> dict[str, Any]:
    """Cut one page out; it begins below a number, so that new events do not push rows about."""
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    rows = list(events.older_than(before)[: SHOWN + 1])
    shown = rows[:SHOWN]
    return {
        "rows": [{"event": one, "words": in_words(one), "details": details(one)} for one in shown],
        "older": shown[-1].number if len(rows) > SHOWN else None,
        "is_later_page": before is not None,
    }


def download(request: HttpRequest, lines: Iterator[str], name: str) -> StreamingHttpResponse:
    """Send the file while it is being written."""
    content = without_blocking(lines) if isinstance(request, ASGIRequest) else lines
    day = in_ist(timezone.now()).date().isoformat()
    headers = {"Content-Disposition": f'attachment; filename="{name}-{day}.csv"'}
    return StreamingHttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)


async def without_blocking(lines: Iterator[str]) -> AsyncIterator[str]:
    """Fetch each piece in the thread of the request, while the event loop serves the others."""
    fetch = sync_to_async(lambda: next(lines, None))
    while (piece := await fetch()) is not None:
        yield piece
