"""Reading orders, trades and the ledger."""

from collections.abc import Callable
from typing import Any

from .answers import history_rows, order_row, trade_row
from .floor import Floor
from .gtt import row as gtt_row
from .portfolio import positions
from .state import REJECTED, Account, Order
from .units import rupees, stamp


def orders(floor: Floor, user: str) -> Any:
    """The order book of the day."""
    account, found = floor.account(user), floor.state.orders
    return [order_row(found[order_id]) for order_id in account.orders]


def history(floor: Floor, user: str, *, order_id: str) -> Any:
    """Every step of one order."""
    return history_rows(floor.own_order(user, order_id))


def trades(floor: Floor, user: str) -> Any:
    """The executions of the day."""
    return [trade_row(each) for each in floor.account(user).trades]


def order_trades(floor: Floor, user: str, *, order_id: str) -> Any:
    """The executions of one order."""
    order = floor.own_order(user, order_id)
    mine = floor.account(user).trades
    return [trade_row(each) for each in mine if each.order_id == order.order_id]


def ledger(floor: Floor, user: str, *, user_id: str | None = None) -> Any:
    """What really happened to an account: the truth that tests compare with."""
    account = floor.account(user_id or user)
    kept = [*account.past_orders, *account.orders]
    rows = [floor.state.orders[order_id] for order_id in kept]
    refused = [_ledger_row(floor, account, each) for each in rows if each.status == REJECTED]
    return {
        "user_id": account.user_id,
        "api_key": next(
            (each.api_key for each in floor.state.apps.values() if each.user == account.user_id),
            "",
        ),
        "orders": [_ledger_row(floor, account, each) for each in rows if each.status != REJECTED],
        "refused": [*account.refused, *refused],
        "trades": [trade_row(each) for each in (*account.past_trades, *account.trades)],
        "gtts": [
            gtt_row(each) for each in floor.state.gtts.values() if each.user == account.user_id
        ],
        "cash": rupees(account.cash),
        "opening": rupees(account.opening),
        "blocked": rupees(account.blocked),
        "margin": rupees(account.margin),
        "held_back": rupees(account.held_back),
        "net": rupees(account.net),
        "positions": positions(floor, account.user_id)["net"],
        "postings": [
            {"at": stamp(at), "amount": rupees(amount), "text": text}
            for at, amount, text in account.postings
        ],
    }


def _ledger_row(floor: Floor, account: Account, order: Order) -> dict[str, Any]:
    row = order_row(order)
    row["tags"] = list(order.tags)
    row["placed_at"] = stamp(order.placed_at)
    row["placed_at_ms"] = order.placed_at
    if order.filled:
        row["fills"] = [
            {"trade_id": each.trade_id, "quantity": each.quantity, "price": rupees(each.price)}
            for each in (*account.past_trades, *account.trades)
            if each.order_id == order.order_id
        ]
    else:
        row["fills"] = []
    return row


def all_orders(floor: Floor, user: str) -> Any:
    """Everybody's working orders, for the page about the exchange."""
    return [
        order_row(floor.state.orders[order_id])
        for account in floor.state.accounts.values()
        for order_id in account.orders
        if floor.state.orders[order_id].status not in ("COMPLETE", "CANCELLED", "REJECTED")
    ]


QUERIES: dict[str, Callable[..., Any]] = {
    "orders": orders,
    "order.history": history,
    "trades": trades,
    "order.trades": order_trades,
    "ledger": ledger,
    "open_orders": all_orders,
}
