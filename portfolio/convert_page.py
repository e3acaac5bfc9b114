"""Converting one position: how much of it, and what it becomes."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import find_account, why_no_trading
from accounts.brokerage import BrokerAccount, Role
from accounts.brokers.types import Conversion
from accounts.brokers.words import Product, Side
from orders import form_keys, front, task_shown
from orders.change_pages import see_other
from orders.engine.accept import KeyUsed, NotAccepted, PossibleDuplicate
from orders.engine.models import OrderTask
from orders.ticket_pages import asked_by
from orders.ticket_shown import filled, remarks_of
from orders.tickets.forms import JudgedForm, TypedField, WordField
from orders.tickets.typed import read_whole
from portfolio import conversions
from portfolio.looking import look
from portfolio.models import PositionRow
from tradedesk.http import DeskRequest


class ConvertForm(JudgedForm):
    """Which position, how much of it, and under which product it is to stand."""

    exchange = forms.CharField(max_length=10)
    symbol = forms.CharField(max_length=60)
    product = WordField(Product)
    side = WordField(Side)
    quantity = TypedField(read_whole, required=True)
    new_product = WordField(Product)
    is_overnight = forms.BooleanField(required=False)

    @property
    def wanted(self) -> Conversion:
        terms = dict(self.cleaned_data)
        return Conversion(old_product=terms.pop("product"), **terms)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def convert_position(request: DeskRequest, code: str) -> HttpResponse:
    """Show what a position may become, and take the wish."""
    account = find_account(request.user, code, needs=Role.TRADER)
    if request.method == "POST":
        return submitted(request, account)
    named = {name: request.GET.get(name, "")[:60] for name in ("exchange", "symbol", "product")}
    age = look(request.user, account)
    row = conversions.position_of(account, named)
    return show(
        request, account, ConvertForm(initial=named | (starting(account, row))), row, age=age
    )


def starting(account: BrokerAccount, row: PositionRow | None) -> dict[str, Any]:
    """Fill in all that is there, under the first product that it may become."""
    if row is None:
        return {}
    targets = conversions.targets_of(row, account, timezone.now())
    part = conversions.parts_of(row)[0]
    return {
        "side": conversions.side_of(row),
        "quantity": part.quantity,
        "new_product": next(iter(targets), ""),
        "is_overnight": part.is_overnight,
    }


def submitted(request: DeskRequest, account: BrokerAccount) -> HttpResponse:
    """Do what the pressed button says: fill in, look over, or send."""
    signed = request.POST.get("key", "")
    given: QueryDict = filled(request.POST, request.POST.get("fill", ""), ConvertForm)
    form, at = ConvertForm(given), timezone.now()
    row = conversions.position_of(account, given.dict())
    if "fill" in request.POST or "check" in request.POST:
        look_over(form, row, account)
        return show(request, account, form, row, key=signed)
    try:
        asked = asked_by(request, account, form_keys.read(signed, request.user, account))
        if not form.is_valid():
            return show(request, account, form, row, key=signed, status=422)
        task = conversions.convert(asked, form.wanted, at).task
    except front.Refused as refusal:
        form.take(refusal.problems)
        return show(request, account, form, row, key=signed, status=422)
    except PossibleDuplicate as question:
        return show(request, account, form, row, key=signed, earlier=question.earlier, status=422)
    except (form_keys.KeyRefused, KeyUsed, NotAccepted) as error:
        form.add_error(None, str(error))
        return show(request, account, form, row, status=422)
    return see_other(task_shown.href(task), request, task)


def look_over(form: ConvertForm, row: PositionRow | None, account: BrokerAccount) -> None:
    if row and form.is_valid():
        form.take(list(conversions.problems_of(row, form.wanted, account, timezone.now())))


def show(
    request: DeskRequest,
    account: BrokerAccount,
    form: ConvertForm,
    row: PositionRow | None,
    *,
    key: str = "",
    age: str = "",
    earlier: OrderTask | None = None,
    status: int = 200,
) -> HttpResponse:
    targets = conversions.targets_of(row, account, timezone.now()) if row else []
    facts = {
        "account": account,
        "form": form,
        "position": row,
        "size": abs(row.quantity) if row else 0,
        "parts": conversions.parts_of(row) if row else [],
        "targets": [(one, one) for one in targets],
        "remarks": remarks_of(form) if form.is_bound else {},
        "is_filled": status == 200,
        "age": age,
        "earlier": task_shown.line_of(earlier) if earlier else None,
        "key": key or form_keys.make(request.user, account),
        "why_not": why_not(request, account, row, targets),
        "back": reverse("positions_of", args=[account.code]),
    }
    template = "portfolio/convert.html"
    if request.htmx.request_type == "partial":
        template += "#ticket"
    return render(request, template, facts, status=status)


def why_not(
    request: DeskRequest, account: BrokerAccount, row: PositionRow | None, targets: list[str]
) -> str:
    """Say what holds it back before anything is entered."""
    if why := why_no_trading(request.user.pk, account.pk):
        return why
    if row is None:
        return "There is no such position now: it is flat, or was never there."
    if not conversions.may_convert(account, row.product):
        return conversions.NOT_OFFERED
    return "" if targets else f"{row.symbol} can stand under no other product than {row.product}."
