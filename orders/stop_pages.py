"""Pages of the kill switch: stop trading, let it go on, and the bar that says so on every page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.guard import insist_on_proof
from orders import stopping
from orders.engine import switch
from orders.engine.models import KillSwitch
from tradedesk.http import DeskRequest, SeeOther

SAY_WHY = {"required": "Say why, for the record."}


class StopForm(forms.Form):
    """What to stop, why, and until when."""

    what = forms.ChoiceField(
        label="What to stop", error_messages={"required": "Choose what to stop."}
    )
    why = forms.CharField(max_length=200, label="Why", error_messages=SAY_WHY)
    until = forms.DateTimeField(
        required=False,
        help_text="Indian time. Left empty: until somebody lets it go on.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": "Give a day and a time, or nothing."},
    )

    def __init__(self, *args: Any, choices: Sequence[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["what"].choices = choices  # type: ignore[attr-defined]

    def clean_until(self) -> datetime | None:
        until: datetime | None = self.cleaned_data["until"]
        if why := switch.why_not_until(until, timezone.now()):
            raise ValidationError(why)
        return until


class ReleaseForm(forms.Form):
    """Why trading may go on."""

    why = forms.CharField(max_length=200, label="Why it may go on", error_messages=SAY_WHY)


@login_required
@require_safe
def bar(request: DeskRequest) -> HttpResponse:
    """Show what is stopped; every page asks for it when that changed."""
    return render(request, "partials/_stops.html")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def stop_trading(request: DeskRequest) -> HttpResponse:
    """Ask what to stop, why and until when, of what this person may; the bar says what is stopped."""
    accounts = stopping.tradable(request.user)
    is_operator = stopping.runs_desk(request)
    choices = stopping.choices(accounts, is_operator=is_operator)
    if request.method == "POST" and not choices:
        raise PermissionDenied
    given = request.POST if request.method == "POST" else None
    form = StopForm(given, choices=choices, initial={"what": request.GET.get("at", "")})
    if form.is_valid():
        stopping.stop(accounts=accounts, actor=request.user, **form.cleaned_data)
        messages.success(request, f"Stopped: {dict(choices)[form.cleaned_data['what']]}.")
        return SeeOther(reverse("stop_trading"))
    facts = {"form": form, "may_stop": bool(choices)}
    return render(request, "orders/stop.html", facts, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def release_stop(request: DeskRequest, pk: int) -> HttpResponse:
    """Let trading go on: by hand, with a reason, by whoever just proved who they are."""
    stop = get_object_or_404(KillSwitch.objects.select_related("account"), pk=pk)
    roles = stopping.roles_of(request.user)
    if stop.account_id and stop.account_id not in roles:
        raise Http404
    if not stopping.may_release(stop, roles, is_operator=stopping.runs_desk(request)):
        raise PermissionDenied
    insist_on_proof(request)
    form = ReleaseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        here = KillSwitch.objects.filter(pk=pk)
        why = form.cleaned_data["why"]
        if switch.release(here, who=request.user.email, why=why, actor=request.user):
            messages.success(request, "Released. What was refused meanwhile stays refused.")
        else:
            messages.info(request, "Somebody had released it already.")
        return SeeOther(reverse("stop_trading"))
    facts = {"form": form, "line": stopping.StopLine(stop=stop, may_release=True)}
    return render(request, "orders/release.html", facts, status=422 if form.is_bound else 200)
