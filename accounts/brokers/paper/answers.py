"""Orders and trades in the words of Kite Connect."""

from typing import Any

from .state import BUY, FINAL, OPEN, Order, Snapshot, Trade
from .units import ratio, rupees, stamp, stamp_or_none

SIDES = {BUY: "BUY", -BUY: "SELL"}


def order_row(order: Order) -> dict[str, Any]:
    """One row of the order book."""
    exchange, _, symbol = order.key.partition(":")
    rejected = order.status == "REJECTED"
    row: dict[str, Any] = {
        "account_id": order.user,
        "placed_by": order.user,
        "order_id": order.order_id,
        "exchange_order_id": order.exchange_id,
        "parent_order_id": order.parent,
        "status": order.status,
        "status_message": order.message,
        "status_message_raw": order.raw,
        "order_timestamp": stamp(order.ordered_at),
        "exchange_update_timestamp": stamp_or_none(order.updated_at),
        "exchange_timestamp": stamp_or_none(order.exchange_at),
        "variety": order.variety,
        "modified": order.modified,
        "exchange": exchange,
        "tradingsymbol": symbol,
        "instrument_token": order.token,
        "order_type": order.order_type,
        "transaction_type": SIDES[order.side],
        "validity": order.validity,
        "validity_ttl": order.ttl,
        "product": order.product,
        "quantity": order.quantity,
        "disclosed_quantity": order.disclosed,
        "price": rupees(order.price),
        "trigger_price": rupees(order.trigger),
        "auction_number": None,
        "average_price": ratio(order.value, order.filled),
        "filled_quantity": order.filled,
        "pending_quantity": 0 if rejected else order.pending,
        "cancelled_quantity": order.cancelled,
        "market_protection": 0,
        "meta": order.meta,
        "tag": order.tag,
        "guid": order.guid,
    }
    if order.tags:
        row["tags"] = list(order.tags)
    return row


def order_news(order: Order, status: str, app_id: int) -> dict[str, Any]:
    """What sockets and postbacks send about an order."""
    row = order_row(order)
    row["status"] = status
    row["user_id"] = order.user
    row["app_id"] = app_id
    row["unfilled_quantity"] = 0 if status in FINAL else order.pending
    return row


def record(order: Order, status: str, at: int) -> None:
    """Move an order to a status and keep the step in its history."""
    order.status = status
    order.history.append((
        status, order.ordered_at, order.exchange_id, order.exchange_at, order.order_type,
        order.price, order.trigger, order.quantity, order.disclosed, order.validity,
        order.filled, 0 if status == "REJECTED" else order.pending, order.cancelled,
        order.value, order.message, at,
    ))  # fmt: skip


def history_rows(order: Order) -> list[dict[str, Any]]:
    """The life of an order, oldest first."""
    exchange, _, symbol = order.key.partition(":")
    same = {
        "exchange": exchange,
        "instrument_token": order.token,
        "order_id": order.order_id,
        "parent_order_id": order.parent,
        "placed_by": order.user,
        "product": order.product,
        "tag": order.tag,
        "tradingsymbol": symbol,
        "transaction_type": SIDES[order.side],
        "variety": order.variety,
        "modified": False,
    }
    return [_history_row(snapshot) | same for snapshot in order.history]


def _history_row(snapshot: Snapshot) -> dict[str, Any]:
    (
        status, ordered_at, exchange_id, exchange_at, order_type, price, trigger, quantity,
        disclosed, validity, filled, pending, cancelled, value, message, _,
    ) = snapshot  # fmt: skip
    return {
        "average_price": ratio(value, filled),
        "cancelled_quantity": cancelled,
        "disclosed_quantity": disclosed,
        "exchange_order_id": exchange_id,
        "exchange_timestamp": stamp_or_none(exchange_at),
        "filled_quantity": filled,
        "order_timestamp": stamp(ordered_at),
        "order_type": order_type,
        "pending_quantity": pending,
        "price": rupees(price),
        "quantity": quantity,
        "status": status,
        "status_message": message,
        "trigger_price": rupees(trigger),
        "validity": validity,
    }


def trade_row(trade: Trade) -> dict[str, Any]:
    """One execution."""
    exchange, _, symbol = trade.key.partition(":")
    return {
        "trade_id": trade.trade_id,
        "order_id": trade.order_id,
        "exchange": exchange,
        "tradingsymbol": symbol,
        "instrument_token": trade.token,
        "product": trade.product,
        "average_price": rupees(trade.price),
        "quantity": trade.quantity,
        "exchange_order_id": trade.exchange_id,
        "transaction_type": SIDES[trade.side],
        "fill_timestamp": stamp(trade.at),
        "order_timestamp": stamp(trade.ordered_at)[11:],
        "exchange_timestamp": stamp(trade.at),
    }


def news_status(order: Order) -> str:
    """How news of a change that left the order alive is headed."""
    return "UPDATE" if order.status == OPEN else order.status
