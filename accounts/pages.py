"""The pages below /accounts/: the accounts one may see, and what one may do with each."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import lines, linking, logins
from accounts.access import find_account, role_of, why_no_trading
from accounts.brokerage import COLOURS, RANK, BrokerAccount, Membership, Role, State
from accounts.brokers.errors import BrokerError
from accounts.holder_pages import HolderForm
from accounts.models import User
from tradedesk.http import DeskRequest


class LookForm(forms.ModelForm):  # type: ignore[type-arg]  # Django does not subscript it
    """How the account is named and marked."""

    colour = forms.TypedChoiceField(
        coerce=int, choices=[(number, f"Colour {number}") for number in range(1, COLOURS + 1)]
    )

    class Meta:
        model = BrokerAccount
        fields = ("name", "tag", "colour")


class PauseForm(forms.Form):
    """Why trading is paused."""

    why = forms.CharField(max_length=200, required=False)


def rows_of(user: User, here: str = "") -> list[dict[str, Any]]:
    """Give the accounts this person may see, each with its state now."""
    now = timezone.now()
    mine = Membership.objects.filter(user=user, account__unlinked_at=None).order_by(
        "account__created_at", "account"
    )
    return [row_of(one, now, here) for one in mine.select_related("account__session")]


def row_of(membership: Membership, now: datetime, here: str) -> dict[str, Any]:
    """Give what a tab or a line of the account shows to this member."""
    account = membership.account
    state = account.state(now)
    is_up = state in {State.LIVE, State.EXPIRING}
    is_trader = RANK[Role(membership.role)] >= RANK[Role.TRADER]
    return {
        "account": account,
        "state": state,
        "role": Role(membership.role),
        "needs": keeps_orders(account, state),
        "until": account.session.expires_at if is_up else None,
        "asks_for_log_in": state == State.NEEDS_LOGIN and is_trader,
        "is_here": account.code == here,
    }


def keeps_orders(account: BrokerAccount, state: State) -> str:
    """Say the state, where it is not live, and whatever else keeps orders from leaving."""
    words = [] if state in {State.LIVE, State.EXPIRING} else [state.label]
    if account.paused_at and state != State.PAUSED:
        words.append("paused")
    if not settings.ENABLE_ORDER_PLACEMENT:
        words.append("read-only")
    return ", ".join(words)


@login_required
@require_safe
def accounts(request: DeskRequest) -> HttpResponse:
    """List the accounts one may see."""
    return render(request, "accounts/accounts.html", {"rows": rows_of(request.user)})


@login_required
@require_safe
def rail(request: DeskRequest) -> HttpResponse:
    """Show the rail of accounts; every page fetches it when an account changed."""
    return render(request, "accounts/_rail.html")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: DeskRequest, code: str) -> HttpResponse:
    """Show one account; its owner changes how it looks."""
    needs = Role.OWNER if request.method == "POST" else Role.VIEWER
    found = find_account(request.user, code, needs=needs)
    form = LookForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        linking.rename(found, actor=request.user, request=request)
        messages.success(request, "Saved.")
        return redirect("account", code)
    rank = RANK[role_of(request.user, found) or Role.VIEWER]
    facts = {
        "account": found,
        "form": form,
        "state": logins.state_of(found),
        **logins.clock_trouble(found),
        "holder_form": HolderForm(instance=found),
        "no_trading": why_no_trading(request.user.pk, found.pk),
        "may_act": rank >= RANK[Role.TRADER],
        "is_owner": rank >= RANK[Role.OWNER],
    }
    return render(request, "accounts/account.html", facts, status=422 if form.is_bound else None)


def act(
    needs: Role, done: str
) -> Callable[[Callable[[DeskRequest, BrokerAccount], None]], Callable[..., HttpResponse]]:
    """Make a view of one act on an account: only by POST, only with the role it needs."""

    def decorate(work: Callable[[DeskRequest, BrokerAccount], None]) -> Callable[..., HttpResponse]:
        @login_required
        @require_POST
        def view(request: DeskRequest, code: str) -> HttpResponse:
            found = find_account(request.user, code, needs=needs)
            try:
                work(request, found)
            except BrokerError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, f"{found.name}: {done}")
            return redirect("accounts") if found.unlinked_at else redirect("account", code)

        return view

    return decorate


@act(Role.TRADER, "logged out.")
def log_out(request: DeskRequest, found: BrokerAccount) -> None:
    lines.log_out(found, actor=request.user, request=request)


@act(Role.TRADER, "trading is paused.")
def pause(request: DeskRequest, found: BrokerAccount) -> None:
    form = PauseForm(request.POST)
    # A pause does not wait for its reason to be written well.
    why = form.cleaned_data["why"] if form.is_valid() else ""
    linking.set_paused(found, paused=True, actor=request.user, why=why, request=request)


@act(Role.TRADER, "trading is on again.")
def resume(request: DeskRequest, found: BrokerAccount) -> None:
    linking.set_paused(found, paused=False, actor=request.user, request=request)


@act(Role.OWNER, "unlinked.")
def unlink(request: DeskRequest, found: BrokerAccount) -> None:
    linking.unlink(found, actor=request.user, request=request)
