"""The page that tells whoever runs the desk how ready it is."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import readiness
from accounts.guard import staff_only
from tradedesk.http import DeskRequest


@staff_only
@require_safe
def setup(request: DeskRequest) -> HttpResponse:
    """Check every part of the desk now, and say what to do next."""
    return render(request, "accounts/setup.html", {"found": readiness.look()})
