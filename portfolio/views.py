"""Pages of what accounts hold and can spend. Each is a panel at an address of its own."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from orders.datasets import Part
from orders.listing import unshown
from orders.panels import Panel, Scope, answer, open_panel
from portfolio import worth
from portfolio.models import FundsRow
from portfolio.totals import total_funds
from tradedesk.http import DeskRequest

DETAIL = [
    ("opening_balance", "Opening balance"),
    ("live_balance", "Live balance"),
    ("intraday_payin", "Pay-in today"),
    ("payout", "Payout"),
    ("span", "SPAN"),
    ("exposure", "Exposure"),
    ("option_premium", "Option premium"),
    ("delivery", "Delivery margin"),
    ("m2m_realised", "M2M realised"),
    ("m2m_unrealised", "M2M unrealised"),
    ("holding_sales", "Sale of holdings"),
    ("liquid_collateral", "Liquid collateral"),
    ("stock_collateral", "Stock collateral"),
    ("turnover", "Turnover"),
]


@login_required
@require_safe
def funds(request: DeskRequest, code: str = "") -> HttpResponse:
    """Show what each account can spend, has used and has pledged."""
    panel = open_panel(request, code, name="funds", title="Funds", parts=[Part.FUNDS])
    return answer(
        request, panel, "portfolio/funds.html", fill=funds_body, as_json=funds_json, rows=funds_csv
    )


def funds_body(panel: Panel) -> dict[str, Any]:
    """Give a line for each segment that is in use, and totals for each kind of money."""
    used = [
        (seat, value, row)
        for seat, value, row in worth.funds(panel.scope.shown)
        if row is not None and (row.is_enabled or row.net)
    ]
    totals = []
    for seats in panel.scope.environments:
        codes = {seat.account.code for seat in seats}
        values = [value for seat, value, _ in used if seat.account.code in codes]
        if len(values) > 1:
            mark = seats[0].account.money_mark
            totals.append({"money_mark": mark, "sums": total_funds(values)})
    lines = [
        {"seat": seat, "value": value, "row": row, "detail": detail_of(row)}
        for seat, value, row in used
    ]
    return {"lines": lines, "totals": totals}


def detail_of(row: FundsRow) -> list[tuple[str, Any]]:
    return [(label, getattr(row, name)) for name, label in DETAIL]


def funds_csv(panel: Panel) -> Iterator[list[Any]]:
    names = [
        "available_margin",
        "available_cash",
        "used_margin",
        "adhoc_margin",
        "total_collateral",
    ]
    more = [name for name, _ in DETAIL]
    yield ["account", "client_id", "environment", "segment", "net", *names, *more, "synced_at"]
    for line in panel.body["lines"]:
        account, row = line["seat"].account, line["row"]
        yield [
            account.code,
            account.broker_user_id,
            account.environment,
            row.segment,
            row.net,
            *[getattr(line["value"], name) for name in names],
            *[getattr(row, name) for name in more],
            row.synced_at,
        ]


def funds_json(scope: Scope) -> list[dict[str, Any]] | dict[str, Any]:
    """Give the segments under the broker's own names; one account's alone without a list."""
    by_code: dict[str, dict[str, Any]] = {}
    for seat, value, row in worth.funds(scope.shown):
        if row is not None:
            told = by_code.setdefault(
                seat.account.code,
                {
                    "account": seat.account.code,
                    "state": seat.state.value,
                    "synced_at": seat.synced_at("funds"),
                },
            )
            told[value.segment] = row.raw
    found = list(by_code.values()) + unshown(scope)
    return found[0] if scope.code and found else found
