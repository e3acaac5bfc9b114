"""The pages that belong to no app."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from tradedesk import health, specimens
from tradedesk.http import DeskRequest
from tradedesk.models import Failure, FailureCase

FAILURES_SHOWN = 200


def for_staff(view: Callable[[DeskRequest], HttpResponse]) -> Callable[[DeskRequest], HttpResponse]:
    """Show the page to staff; to everyone else it does not exist."""

    @wraps(view)
    def checked(request: DeskRequest) -> HttpResponse:
        if not request.user.is_staff:
            raise Http404
        return view(request)

    return login_required(checked)


@for_staff
@require_safe
def parts(request: DeskRequest) -> HttpResponse:
    """Show how the desk's own parts are; the page fetches this once it stands."""
    found = health.look()
    ready = all(part["ok"] for part in found.values())
    return render(request, "partials/_parts.html", {"parts": found, "ready": ready})


@for_staff
@require_safe
def failures(request: DeskRequest) -> HttpResponse:
    """List unhandled errors, the newest first, or those of one request."""
    wanted = request.GET.get("request_id", "").strip(" []")
    found = Failure.objects.of_request(wanted)
    cases = FailureCase.objects.filter(request_id__startswith=wanted)
    facts = {
        "failures": found[:FAILURES_SHOWN],
        "cases": cases.filter(failure__in=found)[:FAILURES_SHOWN] if wanted else [],
        "wanted": wanted,
        "kinds": found.count(),
        "times": found.aggregate(times=Sum("count"))["times"] or 0,
    }
    return render(request, "failures.html", facts)


@for_staff
@require_safe
def style(request: DeskRequest) -> HttpResponse:
    """Show every component in every state."""
    return render(request, "style.html", specimens.everything())


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Send those who ask at the old place, like the administration's pages, to our mark."""
    return redirect(static("icon.svg"))
