"""The dashboard: today, positions, orders, funds and holdings of one account or of all."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from orders.datasets import Part
from orders.order_pages import orders_body
from orders.panels import Panel, answer, open_panel, scope_of
from portfolio import holdings_page, positions_page
from portfolio import today as day
from portfolio.views import funds_body
from tradedesk.http import DeskRequest


class Shown(NamedTuple):
    """One panel of the dashboard, the same as on its own page."""

    name: str
    title: str
    parts: Sequence[str]
    template: str
    fill: Callable[[Panel], Any]


PANELS = [
    Shown("today", "Today", day.PARTS, "portfolio/today.html", day.body),
    Shown(
        "positions",
        "Positions",
        positions_page.PARTS,
        "portfolio/positions.html",
        positions_page.body,
    ),
    Shown("orders", "Orders", [Part.ORDERS, Part.TRADES], "orders/orders.html", orders_body),
    Shown("funds", "Funds", [Part.FUNDS], "portfolio/funds.html", funds_body),
    Shown(
        "holdings", "Holdings", holdings_page.PARTS, "portfolio/holdings.html", holdings_page.body
    ),
]


@login_required
@require_safe
def home(request: DeskRequest, code: str = "") -> HttpResponse:
    """Show the dashboard; before the first account, how to begin."""
    scope = scope_of(request.user, code)
    facts: dict[str, Any] = {"has_second_factor": is_mfa_enabled(request.user)}
    if not scope.seats:
        return render(request, "home.html", facts)
    panels = []
    for shown in PANELS:
        panel = open_panel(
            request, code, name=shown.name, title=shown.title, parts=shown.parts, scope=scope
        )
        panel.body = shown.fill(panel)
        panels.append({"panel": panel, "template": f"{shown.template}#panel"})
    facts |= {"scope": scope, "panels": panels}
    return render(request, "portfolio/dashboard.html", facts)


@login_required
@require_safe
def today(request: DeskRequest, code: str = "") -> HttpResponse:
    """Show what the day brought."""
    panel = open_panel(request, code, name="today", title="Today", parts=day.PARTS)
    return answer(request, panel, "portfolio/today.html", fill=day.body, as_json=day.as_json)
