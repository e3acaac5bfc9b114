"""The pages that belong to no app."""

from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tradedesk.http import DeskRequest
from tradedesk.models import Failure


@login_required
@require_safe
def home(request: DeskRequest) -> HttpResponse:
    """Show the dashboard."""
    return render(request, "home.html")


@staff_member_required(login_url="/login/")
@require_safe
def failures(request: DeskRequest) -> HttpResponse:
    """List unhandled errors, the newest first."""
    return render(request, "failures.html", {"failures": Failure.objects.all()[:200]})
