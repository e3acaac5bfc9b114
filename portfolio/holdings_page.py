"""The page of holdings: shares that are the account's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from orders.datasets import Part
from orders.gtt_shown import closing_href
from orders.listing import unshown
from orders.panels import Panel, Scope, Seat, answer, open_panel
from orders.tables import Column, heads, in_order, matches
from orders.ticket_shown import ticket_href
from portfolio import worth
from portfolio.models import HoldingRow
from portfolio.totals import total_holdings
from portfolio.valuation import HoldingValue
from tradedesk.http import DeskRequest
from tradedesk.money import quantity

PARTS = (Part.HOLDINGS,)
KEYS = ("sort", "q")
COLUMNS = [
    Column(label="Account", look="account", is_spoken=True),
    Column(label="Instrument", name="symbol", by=lambda row: row.value.holding.symbol),
    Column(label="Qty", name="quantity", look="num", by=lambda row: row.value.quantity),
    Column(label="Avg cost", name="average", look="num", by=lambda row: row.value.average_price),
    Column(label="LTP", name="last", look="num", by=lambda row: row.value.last_price),
    Column(label="Invested", name="invested", look="num", by=lambda row: row.value.invested),
    Column(label="Value", name="value", look="num", by=lambda row: row.value.current_value),
    Column(label="Day", name="day", look="num", by=lambda row: row.value.day_pnl),
    Column(
        label="Day %", name="day_percent", look="num", by=lambda row: row.value.day_change_percent
    ),
    Column(label="P&L", name="pnl", look="num", by=lambda row: row.value.pnl),
    Column(label="Net %", name="net", look="num", by=lambda row: row.value.pnl_percent),
    Column(label="Acts", look="acts", is_spoken=True),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One holding on the page."""

    seat: Seat
    value: HoldingValue

    @property
    def anchor(self) -> str:
        told = self.value.holding
        return f"holding-{self.seat.account.code}-{told.exchange}-{told.symbol}-{told.product}"

    @property
    def ticket(self) -> str:
        """Name the ticket for more or less of it."""
        told = self.value.holding
        return ticket_href(
            self.seat.account.code, instrument=f"{told.exchange}:{told.symbol}", product="CNC"
        )

    @property
    def gtt_href(self) -> str:
        """Name the trigger that would sell what is free of it; nothing where there is none."""
        told = self.value.holding
        return closing_href(
            self.seat.account,
            key=f"{told.exchange}:{told.symbol}",
            product="CNC",
            net=self.value.free or 0,
        )

    @property
    def marks(self) -> list[tuple[str, str]]:
        """Say what is special about the quantity: short, and in full."""
        told = self.value.holding
        marks = [
            (told.t1_quantity, "T1", "bought, not delivered yet"),
            (told.collateral_quantity, "pledged", "pledged as margin"),
            (told.used_quantity, "sold", "sold today"),
            (told.mtf_quantity, "MTF", "on margin, apart from the quantity"),
        ]
        found = [(f"{label} {quantity(number)}", words) for number, label, words in marks if number]
        if found and self.value.free != self.value.quantity:
            found.append((f"free {quantity(self.value.free)}", "neither pledged nor sold today"))
        if told.has_discrepancy:
            found.append(("discrepancy", "the broker marks a discrepancy in this holding"))
        return found


@login_required
@require_safe
def holdings(request: DeskRequest, code: str = "") -> HttpResponse:
    """Show the shares that accounts own."""
    panel = open_panel(request, code, name="holdings", title="Holdings", parts=PARTS, keys=KEYS)
    return answer(
        request, panel, "portfolio/holdings.html", fill=body, as_json=as_json, rows=as_csv
    )


def body(panel: Panel) -> dict[str, Any]:
    """Give the rows and the totals of each kind of money."""
    seats = {seat.account.code: seat for seat in panel.scope.shown}
    everything = [
        Row(seat=seats[one.account], value=one) for one in worth.holdings(panel.scope.shown)
    ]
    text = panel.query.get("q", "")
    rows = [
        row
        for row in everything
        if matches(text, row.value.holding.symbol, row.value.holding.isin, row.seat.account.name)
    ]
    totals = []
    for some in panel.scope.environments:
        environment = some[0].account.environment
        mine = [row.value for row in rows if row.value.environment == environment]
        if mine:
            totals.append({"environment": environment, "sums": total_holdings(mine)})
    return {
        "heads": heads(panel, COLUMNS, "symbol"),
        "rows": in_order(panel, COLUMNS, rows, "symbol"),
        "totals": totals,
        "count": len(rows),
        "all": len(everything),
    }


def as_csv(panel: Panel) -> Iterator[list[Any]]:
    told_names = ["t1_quantity", "used_quantity", "collateral_quantity", "has_discrepancy"]
    names = ["free", "average_price", "last_price", "invested", "current_value", "pnl", "pnl_percent", "day_pnl", "day_change_percent"]  # fmt: skip
    yield ["account", "client_id", "environment", "exchange", "symbol", "isin", "product",
           "quantity", *told_names, *names, "synced_at"]  # fmt: skip
    for row in panel.body["rows"]:
        account, told = row.seat.account, row.value.holding
        yield [
            account.code, account.broker_user_id, account.environment, told.exchange, told.symbol,
            told.isin, told.product, row.value.quantity,
            *[getattr(told, name) for name in told_names],
            *[getattr(row.value, name) for name in names], row.seat.synced_at("holdings"),
        ]  # fmt: skip


def as_json(scope: Scope) -> list[dict[str, Any]]:
    """Give the rows under the broker's own names."""
    return worth.raw_rows(scope, HoldingRow) + unshown(scope)
