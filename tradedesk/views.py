"""The pages that belong to no app."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tradedesk.http import DeskRequest
from tradedesk.models import Failure


@login_required
@require_safe
def home(request: DeskRequest) -> HttpResponse:
    """Show the dashboard."""
    return render(request, "home.html")


@login_required
@require_safe
def failures(request: DeskRequest) -> HttpResponse:
    """List unhandled errors, the newest first."""
    if not request.user.is_staff:
        raise Http404
    return render(request, "failures.html", {"failures": Failure.objects.all()[:200]})
