"""The page of positions: grouped, sorted, filtered and added up on the server."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from orders.datasets import Part
from orders.gtt_shown import closing_href
from orders.instruments.labels import Label
from orders.listing import unshown
from orders.naming import key_of, names_of
from orders.panels import Panel, Scope, Seat, answer, open_panel
from orders.tables import Column, heads, in_order, matches
from orders.ticket_shown import ticket_href
from portfolio import worth
from portfolio.conversions import may_convert
from portfolio.models import PositionRow
from portfolio.totals import total, total_positions
from portfolio.valuation import PositionValue
from tradedesk.http import DeskRequest
from tradedesk.money import rounded

PARTS = (Part.POSITIONS,)
KEYS = ("sort", "q", "product", "segment", "group", "set")
GROUPS = {"underlying": "Underlying", "account": "Account", "none": "None"}
EQUITY = "Equity"
SHARES = frozenset({"NSE", "BSE"})
SEGMENTS = {
    "equity": (EQUITY, SHARES),
    "derivatives": ("F&O", {"NFO", "BFO"}),
    "currency": ("Currency", {"CDS", "BCD"}),
    "commodity": ("Commodity", {"MCX", "NCO"}),
}
COLUMNS = [
    Column(label="Account", look="account", is_spoken=True),
    Column(label="Instrument", name="symbol", by=lambda row: (row.name, row.contract)),
    Column(label="Product", name="product", by=lambda row: row.value.position.product),
    Column(label="Qty", name="quantity", look="num", by=lambda row: row.value.position.quantity),
    Column(label="Avg", name="average", look="num", by=lambda row: row.value.average_price),
    Column(label="LTP", name="last", look="num", by=lambda row: row.value.last_price),
    Column(label="Chg", name="change", look="num", by=lambda row: row.value.change_percent),
    Column(label="Value", name="value", look="num", by=lambda row: row.value.current_value),
    Column(label="P&L", name="pnl", look="num", by=lambda row: row.value.pnl),
    Column(label="Acts", look="acts", is_spoken=True),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One position on the page."""

    seat: Seat
    value: PositionValue
    label: Label

    @property
    def name(self) -> str:
        return self.label.name

    @property
    def contract(self) -> str:
        return self.label.contract

    @property
    def tick(self) -> Decimal:
        return self.label.tick

    @property
    def anchor(self) -> str:
        told = self.value.position
        return f"position-{self.seat.account.code}-{told.exchange}-{told.symbol}-{told.product}"

    @property
    def ticket(self) -> str:
        """Name the ticket for more or less of it."""
        told = self.value.position
        return ticket_href(
            self.seat.account.code,
            instrument=f"{told.exchange}:{told.symbol}",
            product=told.product,
        )

    @property
    def named(self) -> str:
        """Name the position in an address."""
        told = self.value.position
        return urlencode(
            {"exchange": told.exchange, "symbol": told.symbol, "product": told.product}
        )

    @property
    def exit_href(self) -> str:
        return f"{reverse('exit_position', args=[self.seat.account.code])}?{self.named}"

    @property
    def convert_href(self) -> str:
        """Name the page that converts it; nothing where the broker does not."""
        if not may_convert(self.seat.account, self.value.position.product):
            return ""
        return f"{reverse('convert_position', args=[self.seat.account.code])}?{self.named}"

    @property
    def gtt_href(self) -> str:
        """Name the trigger that would close it; nothing where there is none."""
        told = self.value.position
        return closing_href(
            self.seat.account,
            key=f"{told.exchange}:{told.symbol}",
            product=told.product,
            net=told.quantity,
        )

    @property
    def side(self) -> str:
        quantity = self.value.position.quantity
        return "is-long" if quantity > 0 else "is-short" if quantity < 0 else "is-closed"

    @property
    def segment(self) -> str:
        exchange = self.value.position.exchange
        return next((key for key, (_, some) in SEGMENTS.items() if exchange in some), "")

    @property
    def paise(self) -> int | None:
        """Give the P&L, rounded as it is shown, as a whole number: for the sum of what is selected."""
        return None if self.value.pnl is None else int(rounded(self.value.pnl) * 100)


@login_required
@require_safe
def positions(request: DeskRequest, code: str = "") -> HttpResponse:
    """Show what is open, and what was closed today."""
    panel = open_panel(request, code, name="positions", title="Positions", parts=PARTS, keys=KEYS)
    return answer(
        request, panel, "portfolio/positions.html", fill=body, as_json=as_json, rows=as_csv
    )


def body(panel: Panel) -> dict[str, Any]:
    """Give the groups, the totals of each kind of money, and what the page can be narrowed by."""
    everything = rows_of(panel.scope, is_day=panel.query.get("set") == "day")
    rows = in_order(panel, COLUMNS, [row for row in everything if is_wanted(row, panel)], "symbol")
    rows.sort(key=lambda row: row.value.is_closed)
    grouping = panel.query.get("group", "underlying")
    totals = []
    for seats in panel.scope.environments:
        environment = seats[0].account.environment
        mine = [row.value for row in rows if row.value.environment == environment]
        if mine:
            totals.append({"environment": environment, "sums": total_positions(mine)})
    return {
        "heads": heads(panel, COLUMNS, "symbol"),
        "groups": groups_of(rows, grouping if grouping in GROUPS else "underlying"),
        "totals": totals,
        "count": len(rows),
        "traders": [seat.account for seat in panel.scope.seats if seat.may_trade],
        "all": len(everything),
        "groupings": GROUPS.items(),
        "grouping": grouping,
        "products": sorted({row.value.position.product for row in everything}),
        "segments": [
            (key, label)
            for key, (label, _) in SEGMENTS.items()
            if any(row.segment == key for row in everything)
        ],
    }


def rows_of(scope: Scope, *, is_day: bool = False) -> list[Row]:
    values = worth.positions(scope.shown, is_day=is_day)
    seats = {seat.account.code: seat for seat in scope.shown}
    rows = [(seats[value.account], value) for value in values]
    labels = names_of(((seat, value.position) for seat, value in rows), scope.at)
    return [
        Row(seat=seat, value=value, label=labels[key_of(seat, value.position)])
        for seat, value in rows
    ]


def is_wanted(row: Row, panel: Panel) -> bool:
    told, query = row.value.position, panel.query
    if query.get("product") and told.product != query["product"]:
        return False
    if query.get("segment") and row.segment != query["segment"]:
        return False
    account = row.seat.account
    return matches(
        query.get("q", ""), told.symbol, row.name, row.contract, told.exchange, account.name
    )


def groups_of(rows: list[Row], grouping: str) -> list[dict[str, Any]]:
    """Part the rows; paper and real money stand in groups of their own."""
    traded = {row.name for row in rows if row.value.position.exchange not in SHARES}
    keys: dict[str, Callable[[Row], str]] = {
        # Shares without a contract beside them would each be a group of one.
        "underlying": lambda row: row.name if row.name in traded else EQUITY,
        "account": lambda row: row.seat.account.name,
        "none": lambda row: "",
    }
    parted: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        parted.setdefault((row.value.environment, keys[grouping](row)), []).append(row)
    if grouping == "underlying":  # contracts first
        parted = dict(sorted(parted.items(), key=lambda part: part[0][1] == EQUITY))
    return [
        {
            "environment": environment,
            "name": name,
            "rows": some,
            "pnl": total([row.value for row in some], "pnl"),
        }
        for (environment, name), some in parted.items()
    ]


def as_csv(panel: Panel) -> Iterator[list[Any]]:
    names = ["value", "current_value", "pnl", "m2m", "booked", "open_pnl", "breakeven"]
    yield ["account", "client_id", "environment", "exchange", "symbol", "underlying", "product",
           "quantity", "average_price", "last_price", "close_price", *names, "synced_at"]  # fmt: skip
    for group in panel.body["groups"]:
        for row in group["rows"]:
            account, told = row.seat.account, row.value.position
            yield [
                account.code, account.broker_user_id, account.environment, told.exchange,
                told.symbol, row.name, told.product, told.quantity, row.value.average_price,
                row.value.last_price, told.close_price,
                *[getattr(row.value, name) for name in names], row.seat.synced_at("positions"),
            ]  # fmt: skip


def as_json(scope: Scope) -> dict[str, Any] | list[dict[str, Any]]:
    """Give net and day rows under the broker's own names; of several accounts a list."""
    found: list[dict[str, Any]] = []
    for seat in scope.shown:
        rows = list(PositionRow.objects.filter(account=seat.account))
        found.append(
            {
                "account": seat.account.code,
                "state": seat.state.value,
                "synced_at": seat.synced_at("positions"),
                "net": [row.raw for row in rows if not row.is_day],
                "day": [row.raw for row in rows if row.is_day],
            }
        )
    found += [one | {"net": [], "day": []} for one in unshown(scope)]
    return found[0] if scope.code else found
