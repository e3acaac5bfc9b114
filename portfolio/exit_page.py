"""Closing a position or a part of it: asked once, at the market with protection, never more than is open."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import find_account, why_no_trading
from accounts.brokerage import BrokerAccount, Role
from accounts.brokers.words import Product
from orders import changing, form_keys, front, task_shown
from orders.change_pages import see_other
from orders.engine.accept import Asked, KeyUsed, NotAccepted, PossibleDuplicate
from orders.engine.models import Source
from orders.tickets.forms import TypedField, WordField
from orders.tickets.typed import read_protection, read_whole
from portfolio.closings import Closings, closing_orders, closings_of
from portfolio.conversions import position_of
from portfolio.looking import look
from portfolio.models import PositionRow
from tradedesk.http import DeskRequest
from tradedesk.money import quantity as grouped


class ExitForm(forms.Form):
    """Which position, how much of it, and how far a market order may go."""

    exchange = forms.CharField(max_length=10)
    symbol = forms.CharField(max_length=60)
    product = WordField(Product)
    net = forms.IntegerField(min_value=-(10**9), max_value=10**9)
    quantity = TypedField(read_whole)
    protection = TypedField(read_protection)
    confirms = forms.IntegerField(required=False)

    def clean(self) -> dict[str, Any]:
        """Turn it into what leaves of the position, long or short; nothing typed is all of it."""
        net, quantity = self.cleaned_data.get("net"), self.cleaned_data.get("quantity")
        if net and quantity is not None:
            if not 0 < quantity <= abs(net):
                self.add_error("quantity", f"Give 1 to {grouped(abs(net))}: no more is open.")
            self.cleaned_data["net"] = quantity if net > 0 else -quantity
        return self.cleaned_data

    @property
    def why(self) -> str:
        """Say what is wrong with it, the trader's own typing first."""
        labels = {"quantity": "Quantity", "protection": "Market protection"}
        typed = [
            f"{labels[name]}: {self.errors[name][0]}" for name in labels if name in self.errors
        ]
        return " ".join(typed) or "Name the position from its row."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def exit_position(request: DeskRequest, code: str) -> HttpResponse:
    """Show what closing a position would send, and take it."""
    account = find_account(request.user, code, needs=Role.TRADER)
    if request.method == "POST":
        return submitted(request, account)
    asked = {name: request.GET.get(name, "")[:60] for name in ("exchange", "symbol", "product")}
    return show(request, account, asked, age=look(request.user, account))


def submitted(request: DeskRequest, account: BrokerAccount) -> HttpResponse:
    signed = request.POST.get("key", "")
    form = ExitForm(request.POST)
    if not form.is_valid():
        return show(request, account, request.POST.dict(), why=form.why)
    terms = form.cleaned_data
    try:
        key = form_keys.read(signed, request.user, account)
        asked = Asked(
            account=account,
            key=key,
            source=Source.PAGE,
            user=request.user,
            request=form_keys.request_of(key),
            confirms=terms["confirms"],
        )
        taken = changing.close(
            asked,
            exchange=terms["exchange"],
            symbol=terms["symbol"],
            product=terms["product"],
            net=terms["net"],
            protection=terms["protection"],
            at=timezone.now(),
        )
    except PossibleDuplicate as question:
        return show(request, account, request.POST.dict(), earlier=question.earlier, key=signed)
    except (form_keys.KeyRefused, KeyUsed, NotAccepted, front.Refused) as error:
        return show(request, account, request.POST.dict(), why=str(error))
    tasks = [one.task for one in taken]
    together = reverse("request_tasks", args=[account.code, tasks[0].request])
    href = together if len(tasks) > 1 else task_shown.href(tasks[0])
    return see_other(href, request, *tasks)


def against(position: PositionRow) -> Closings | None:
    """Give what closes this position already."""
    return closings_of(
        closing_orders(position.account, timezone.now()),
        exchange=position.exchange,
        symbol=position.symbol,
        product=position.product,
        net=position.quantity,
    )


def show(
    request: DeskRequest,
    account: BrokerAccount,
    named: dict[str, Any],
    *,
    why: str = "",
    earlier: Any = None,
    key: str = "",
    age: str = "",
) -> HttpResponse:
    position = position_of(account, named)
    facts = {
        "account": account,
        "position": position,
        "size": abs(position.quantity) if position else None,
        "closings": against(position) if position else None,
        "named": {name: named.get(name) or "" for name in ("symbol", "quantity", "protection")},
        "why": why,
        "age": age,
        "earlier": task_shown.line_of(earlier) if earlier else None,
        "key": key or form_keys.make(request.user, account),
        "no_trading": why_no_trading(request.user.pk, account.pk),
        "back": reverse("positions_of", args=[account.code]),
    }
    template = "portfolio/exit.html"
    if request.htmx.request_type == "partial":
        template += "#ticket"
    return render(request, template, facts, status=422 if why or earlier else 200)
