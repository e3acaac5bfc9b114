"""Closing all positions of an account: listed and asked once, then sent as one request, shorts first."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import find_account, why_no_trading
from accounts.brokerage import BrokerAccount, Role
from accounts.brokers.words import Product
from orders import changing, form_keys, front
from orders.engine.accept import Asked, NotAccepted
from orders.engine.models import OrderTask, Source
from orders.tickets.forms import TypedField
from orders.tickets.typed import read_protection
from portfolio.closings import Closings, closing_orders, closings_of
from portfolio.looking import look
from portfolio.models import PositionRow
from tradedesk.http import DeskRequest, SeeOther

MOST_LEGS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One position as the page showed it: no more than this is closed, and nothing that came since."""

    exchange: str
    symbol: str
    product: Product
    net: int

    @property
    def value(self) -> str:
        return f"{self.exchange}:{self.symbol}:{self.product}:{self.net}"

    @property
    def side(self) -> str:
        return "SELL" if self.net > 0 else "BUY"

    @property
    def size(self) -> int:
        return abs(self.net)


class LegsField(forms.Field):
    """The legs of the form, in its order."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[Leg]:
        if not isinstance(value, list) or not 0 < len(value) <= MOST_LEGS:
            raise forms.ValidationError("No position is named. Look at the list once more.")
        return [read_leg(str(one)) for one in value]


def read_leg(text: str) -> Leg:
    exchange, _, rest = text.partition(":")
    symbol, product, net = ([*rest.rsplit(":", 2), "", ""])[:3]
    digits = net.removeprefix("-")
    is_known = product in set(Product) and digits.isdecimal() and 0 < len(digits) < 10
    if not (is_known and exchange and symbol and len(text) <= 100 and int(net)):
        raise forms.ValidationError("A position could not be read. Look at the list once more.")
    return Leg(exchange=exchange, symbol=symbol, product=Product(product), net=int(net))


class ExitAllForm(forms.Form):
    """Which positions, and how far a market order may go."""

    leg = LegsField(required=False)
    protection = TypedField(read_protection)


def legs_of(account: BrokerAccount) -> list[Leg]:
    """Give what is open, in the order in which it leaves: whoever closes a short needs less margin for the rest."""
    rows = PositionRow.objects.filter(account=account, is_day=False).exclude(quantity=0)
    legs = [
        Leg(
            exchange=row.exchange,
            symbol=row.symbol,
            product=Product(row.product),
            net=row.quantity,
        )
        for row in rows
        if row.product in set(Product)
    ]
    return sorted(legs, key=lambda leg: leg.net > 0)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def exit_all(request: DeskRequest, code: str) -> HttpResponse:
    """Show each order that closing everything would send, and take them all."""
    account = find_account(request.user, code, needs=Role.TRADER)
    if request.method != "POST":
        return show(request, account, age=look(request.user, account))
    form = ExitAllForm(request.POST)
    if not form.is_valid():
        return show(
            request, account, why=[str(one) for some in form.errors.values() for one in some]
        )
    try:
        key = form_keys.read(request.POST.get("key", ""), request.user, account)
    except form_keys.KeyRefused as error:
        return show(request, account, why=[str(error)])
    asked = Asked(
        account=account, key=key, source=Source.PAGE, user=request.user,
        request=form_keys.request_of(key),
    )  # fmt: skip
    terms = form.cleaned_data
    taken, refused = leave(asked, terms["leg"], terms["protection"], timezone.now())
    if not taken:
        return show(request, account, why=refused)
    for why in refused:
        messages.error(request, f"Not sent: {why}")
    return SeeOther(reverse("request_tasks", args=[code, taken[0].request]))


def leave(
    asked: Asked, legs: list[Leg], protection: Decimal | None, at: datetime
) -> tuple[list[OrderTask], list[str]]:
    """Have every leg closed; one that is refused holds no other back."""
    taken: list[OrderTask] = []
    refused: list[str] = []
    for number, leg in enumerate(sorted(legs, key=lambda one: one.net > 0)):
        try:
            accepted = changing.close(
                replace(asked, key=f"{asked.key}.{number}"),
                exchange=leg.exchange,
                symbol=leg.symbol,
                product=leg.product,
                net=leg.net,
                protection=protection,
                at=at,
            )
        except (NotAccepted, front.Refused) as error:
            refused.append(f"{leg.symbol} {leg.product}: {error}")
        else:
            taken += [one.task for one in accepted]
    return taken, refused


def with_closings(
    account: BrokerAccount, legs: list[Leg], at: datetime
) -> list[tuple[Leg, Closings | None]]:
    """Give each leg with the orders that close it already."""
    working = closing_orders(account, at)
    return [
        (
            leg,
            closings_of(
                working,
                exchange=leg.exchange,
                symbol=leg.symbol,
                product=leg.product,
                net=leg.net,
            ),
        )
        for leg in legs
    ]


def show(
    request: DeskRequest, account: BrokerAccount, *, why: list[str] | None = None, age: str = ""
) -> HttpResponse:
    facts = {
        "account": account,
        "legs": (legs := legs_of(account)),
        "rows": with_closings(account, legs, timezone.now()),
        "protection": request.POST.get("protection", "auto")[:10],
        "why": why,
        "age": age,
        "key": form_keys.make(request.user, account),
        "no_trading": why_no_trading(request.user.pk, account.pk),
        "back": reverse("positions_of", args=[account.code]),
    }
    return render(request, "portfolio/exit_all.html", facts, status=422 if why else 200)
