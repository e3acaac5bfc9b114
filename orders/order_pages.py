"""The order book of the day, its trades, and one order with all that was heard of it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.brokers.types import Side
from orders import form_keys
from orders.datasets import Part
from orders.ledger import Order, OrderStep, Trade
from orders.listing import told, unshown
from orders.naming import names_of
from orders.panels import Panel, Scope, answer, open_panel, scope_of
from orders.shown import (
    TELLERS,
    OrderLine,
    TradeLine,
    heard_of,
    order_lines,
    raw_of,
    state_of,
    told_by,
    trade_lines,
)
from orders.tables import Column, Tab, heads, in_order, matches
from orders.task_pages import task_list
from tradedesk.http import DeskRequest

TABS = {"today": "Today", "open": "Open", "executed": "Executed", "trades": "Trades"}
NEWEST_FIRST = "-time"
MOST_ROWS = 500
WORDS = ["PENDING", "TRIGGER PENDING", "PARTIAL", "COMPLETE", "REJECTED", "CANCELLED"]
# What the seeds name, whichever broker told it.
SEED_FIELDS = {
    "order_id": "order_id",
    "exchange_order_id": "exchange_order_id",
    "tradingsymbol": "symbol",
    "exchange": "exchange",
    "transaction_type": "side",
    "order_type": "order_type",
    "product": "product",
    "quantity": "quantity",
    "pending_quantity": "pending_quantity",
    "filled_quantity": "filled_quantity",
    "price": "price",
    "average_price": "average_price",
    "status": "status_text",
    "status_message": "message",
    "order_timestamp": "ordered_at",
}

COLUMNS = [
    Column(label="Time", name="time", by=lambda line: line.at),
    Column(label="Account", look="account", is_spoken=True),
    Column(label="Side", name="side", by=lambda line: line.order.side),
    Column(label="Instrument", name="instrument", by=lambda line: str(line.label)),
    Column(label="Product", name="product", by=lambda line: line.order.product),
    Column(label="Filled", name="filled", look="num", by=lambda line: line.order.filled_quantity),
    Column(label="Price", name="price", look="num", by=lambda line: line.price),
    Column(label="Average", name="average", look="num", by=lambda line: line.average),
    Column(label="Status", name="status", by=lambda line: line.state.word),
    Column(label="Acts", look="acts", is_spoken=True),
]
TRADE_COLUMNS = [
    Column(label="Time", name="time", by=lambda line: line.at),
    Column(label="Account", look="account", is_spoken=True),
    Column(label="Side", name="side", by=lambda line: line.trade.side),
    Column(label="Instrument", name="instrument", by=lambda line: str(line.label)),
    Column(label="Product", name="product", by=lambda line: line.trade.product),
    Column(label="Quantity", name="quantity", look="num", by=lambda line: line.trade.quantity),
    Column(label="Price", name="price", look="num", by=lambda line: line.trade.price),
    Column(label="Order", name="order", by=lambda line: line.trade.order_id),
]


@login_required
@require_safe
def orders(request: DeskRequest, code: str = "") -> HttpResponse:
    """Show the orders and the trades of the day."""
    panel = open_panel(
        request,
        code,
        name="orders",
        title="Orders",
        parts=[Part.ORDERS, Part.TRADES],
        keys=["tab", "sort", "q", "side", "status"],
    )
    is_trades = tab_of(panel) == "trades"
    return answer(
        request,
        panel,
        "orders/orders.html",
        fill=orders_body,
        as_json=trades_json if is_trades else orders_json,
        rows=trades_csv if is_trades else orders_csv,
    )


def tab_of(panel: Panel) -> str:
    asked = panel.query.get("tab", "")
    return asked if asked in TABS else "today"


def orders_body(panel: Panel) -> dict[str, Any]:
    """Give the rows of the tab that is asked for, and how many each of the tabs has."""
    here = tab_of(panel)
    today = order_lines(panel.scope.shown, panel.scope.at)
    trades = trade_lines(panel.scope.shown, panel.scope.at)
    found: dict[str, list[Any]] = {
        "today": today,
        "open": [line for line in today if line.order.is_working],
        "executed": [line for line in today if line.order.filled_quantity],
        "trades": trades,
    }
    columns = TRADE_COLUMNS if here == "trades" else COLUMNS
    kept = [line for line in found[here] if fits(panel, line)]
    rows = with_keys(panel.scope, in_order(panel, columns, kept, NEWEST_FIRST))
    return {
        "tab": here,
        "tabs": [
            Tab(
                name=TABS[tab],
                href=panel.link(tab="" if tab == "today" else tab, sort="", status=""),
                count=len(found[tab]),
                is_here=tab == here,
            )
            for tab in TABS
        ],
        "heads": heads(panel, columns, NEWEST_FIRST),
        "rows": rows,
        "shown": rows[:MOST_ROWS],
        "is_filtered": any(panel.query.get(name) for name in ("q", "side", "status")),
        "unfiltered": panel.link(q="", side="", status=""),
        "sides": list(Side),
        "states": WORDS,
        "tasks": task_list(panel.scope),
        "traders": [seat.account for seat in panel.scope.seats if seat.may_trade],
    }


def with_keys(scope: Scope, lines: Iterable[Any]) -> list[Any]:
    """Give each line that its reader may cancel the key of the form that does it."""
    return [
        replace(line, key=form_keys.make(scope.user, line.seat.account))
        if isinstance(line, OrderLine) and line.seat.may_trade and line.order.is_working
        else line
        for line in lines
    ]


def fits(panel: Panel, line: OrderLine | TradeLine) -> bool:
    """Tell whether a row is among what was asked for."""
    row = line.order if isinstance(line, OrderLine) else line.trade
    query = panel.query
    if query.get("side", row.side) != row.side:
        return False
    if isinstance(line, OrderLine) and query.get("status", line.state.word) != line.state.word:
        return False
    account = line.seat.account
    words = [row.symbol, str(line.label), row.order_id, account.name, account.tag]
    if isinstance(row, Order):
        words.append(row.strategy)
    return matches(query.get("q", ""), *words)


def orders_csv(panel: Panel) -> Iterator[list[Any]]:
    names = [
        "order_id", "ordered_at", "exchange", "symbol", "side", "order_type", "product", "variety",
        "validity", "quantity", "filled_quantity", "pending_quantity", "cancelled_quantity", "price",
        "trigger_price", "average_price",
    ]  # fmt: skip
    more = ["status_text", "message", "exchange_order_id", "tag", "strategy", "synced_at"]
    yield ["account", "client_id", "environment", *names, "status", *more]
    for line in panel.body["rows"]:
        account, order = line.seat.account, line.order
        yield [
            account.code,
            account.broker_user_id,
            account.environment,
            *[getattr(order, name) for name in names],
            line.state.word,
            *[getattr(order, name) for name in more],
        ]


def trades_csv(panel: Panel) -> Iterator[list[Any]]:
    names = [
        "trade_id", "order_id", "filled_at", "exchange", "symbol", "side", "product", "quantity",
        "price", "exchange_order_id", "synced_at",
    ]  # fmt: skip
    yield ["account", "client_id", "environment", *names]
    for line in panel.body["rows"]:
        account = line.seat.account
        facts = [getattr(line.trade, name) for name in names]
        yield [account.code, account.broker_user_id, account.environment, *facts]


def orders_json(scope: Scope) -> list[dict[str, Any]]:
    """Give the orders of the day under the broker's own names, the newest first."""
    return [order_json(line) for line in order_lines(scope.shown, scope.at)] + unshown(scope)


def order_json(line: OrderLine) -> dict[str, Any]:
    seeds = {name: getattr(line.order, field) for name, field in SEED_FIELDS.items()}
    ours = {"strategy": line.order.strategy} if line.order.strategy else {}
    row = seeds | line.order.raw | ours
    return told(row, line.seat.account, line.seat.synced_at(Part.ORDERS))


def trades_json(scope: Scope) -> list[dict[str, Any]]:
    return [
        told(line.trade.raw, line.seat.account, line.seat.synced_at(Part.TRADES))
        for line in trade_lines(scope.shown, scope.at)
    ] + unshown(scope)


# One order ------------------------------------------------------------------------------------


@login_required
@require_safe
def order(request: DeskRequest, code: str, order_id: str) -> HttpResponse:
    """Show one order: what became of it, when, and who said so."""
    scope = scope_of(request.user, code)
    found = get_object_or_404(Order, account=scope.seats[0].account, order_id=order_id)
    panel = open_panel(
        request,
        code,
        name="order",
        title=f"{found.side} {found.quantity} {found.symbol}",
        parts=[Part.ORDERS, Part.TRADES],
        scope=scope,
        address=reverse("order", args=[code, order_id]),
    )

    return answer(
        request,
        panel,
        "orders/order.html",
        fill=partial(order_body, order=found),
        as_json=partial(whole_order_json, order=found),
    )


def order_body(panel: Panel, *, order: Order) -> dict[str, Any]:
    """Give the order as it stands now, what led to it, and its trades."""
    if not panel.scope.shown:
        return {}
    [line] = with_keys(panel.scope, [line_of(panel.scope, order)])
    return {
        "line": line,
        "steps": [step_of(step) for step in line.order.steps.order_by("at", "heard_at", "pk")],
        "trades": list(trades_of(order)),
        "heard": [raw_of(one) for one in heard_of(order)],
    }


def whole_order_json(scope: Scope, *, order: Order) -> dict[str, Any]:
    """Give the order with its trades; of an account that is logged out, only why there is none."""
    if not scope.shown:
        return unshown(scope)[0] | {"order_id": order.order_id}
    trades = [trade.raw for trade in trades_of(order)]
    heard = [told_by(one) for one in heard_of(order)]
    return order_json(line_of(scope, order)) | {"trades": trades, "heard": heard}


def line_of(scope: Scope, order: Order) -> OrderLine:
    order.refresh_from_db()  # the page may have waited for news
    [label] = names_of([(scope.seats[0], order)], scope.at).values()
    return OrderLine(seat=scope.seats[0], order=order, label=label)


def trades_of(order: Order) -> QuerySet[Trade]:
    return Trade.objects.filter(account=order.account_id, order_id=order.order_id)


def step_of(step: OrderStep) -> dict[str, Any]:
    """Tell one thing that was heard of an order."""
    return {
        "row": step,
        "state": state_of(step.status, step.filled_quantity),
        "teller": TELLERS.get(step.heard_from, step.heard_from),
    }
