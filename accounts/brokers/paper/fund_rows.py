"""Mutual funds in the words of Kite Connect."""

from collections.abc import Callable
from typing import Any

from .floor import Floor
from .funds import THOUSANDTH, day_text, own, schemes, value_of, yesterday
from .units import ratio, rupees, stamp


def order_row(floor: Floor, order_id: str, order: dict[str, Any], user: str) -> dict[str, Any]:
    """An order as Kite shows it."""
    day = yesterday(floor)
    done = order["status"] == "COMPLETE"
    settled = order_id.replace("-", "")[:8] if done else None
    return {
        "order_id": order_id,
        "exchange_order_id": settled,
        "tradingsymbol": order["isin"],
        "status": order["status"],
        "status_message": order["message"],
        "folio": order["folio"],
        "fund": schemes()[order["isin"]]["name"],
        "order_timestamp": stamp(order["at"]),
        "exchange_timestamp": day_text(order["day"]) if done else None,
        "settlement_id": settled,
        "transaction_type": order["side"],
        "amount": rupees(order["amount"]),
        "variety": order["variety"],
        "purchase_type": order["purchase"],
        "quantity": order["quantity"] / THOUSANDTH,
        "last_price": rupees(value_of(floor, order["isin"], day)),
        "last_price_date": day_text(day),
        "average_price": rupees(order["average"]),
        "placed_by": user,
        "tag": order["tag"],
    }


def sip_row(sip_id: str, sip: dict[str, Any]) -> dict[str, Any]:
    """A SIP as Kite shows it."""
    endless = sip["instalments"] < 0
    return {
        "sip_id": sip_id,
        "sip_reg_num": None,
        "tradingsymbol": sip["isin"],
        "fund": schemes()[sip["isin"]]["name"],
        "dividend_type": schemes()[sip["isin"]]["dividend_type"],
        "transaction_type": "BUY",
        "status": sip["status"],
        "created": stamp(sip["created"]),
        "frequency": sip["frequency"],
        "instalment_amount": rupees(sip["amount"]),
        "instalments": sip["instalments"],
        "last_instalment": stamp(sip["last"] or sip["created"]),
        "next_instalment": day_text(sip["next"]),
        "pending_instalments": -1 if endless else max(sip["instalments"] - sip["done"], 0),
        "completed_instalments": sip["done"],
        "instalment_day": sip["day"],
        "trigger_price": 0.0,
        "step_up": {},
        "sip_type": "sip",
        "fund_source": "",
        "tag": sip["tag"],
    }


def holding_row(floor: Floor, isin: str, holding: dict[str, Any]) -> dict[str, Any]:
    """A holding as Kite shows it."""
    day = yesterday(floor)
    price = value_of(floor, isin, day)
    worth = holding["quantity"] * price // THOUSANDTH
    return {
        "folio": holding["folio"],
        "fund": schemes()[isin]["name"],
        "tradingsymbol": isin,
        "average_price": ratio(holding["cost"] * THOUSANDTH, holding["quantity"]),
        "last_price": rupees(price),
        "last_price_date": day_text(day),
        "pledged_quantity": 0.0,
        "pnl": rupees(worth - holding["cost"]),
        "quantity": holding["quantity"] / THOUSANDTH,
    }


def orders(floor: Floor, user: str, *, begins: Any = None, ends: Any = None) -> Any:
    """Orders, newest first."""
    kept = floor.account(user).fund_orders
    rows = [order_row(floor, each, order, user) for each, order in kept.items()]
    first, last = str(begins or "")[:10], str(ends or "9999")[:10]
    return [row for row in reversed(rows) if first <= row["order_timestamp"][:10] <= last]


def order(floor: Floor, user: str, *, order_id: str) -> Any:
    """One order."""
    found = own(floor.account(user).fund_orders, order_id, "order_id")
    return order_row(floor, order_id, found, user)


def sips(floor: Floor, user: str) -> Any:
    """All SIPs."""
    return [sip_row(each, sip) for each, sip in floor.account(user).sips.items()]


def sip(floor: Floor, user: str, *, sip_id: str) -> Any:
    """One SIP."""
    return sip_row(sip_id, own(floor.account(user).sips, sip_id, "sip_id"))


def holdings(floor: Floor, user: str, *, isin: str | None = None) -> Any:
    """Units held; of one fund, the lots they were bought in."""
    account = floor.account(user)
    if isin is not None:
        return [
            {
                "fund": row["fund"],
                "tradingsymbol": row["tradingsymbol"],
                "trade_id": row["settlement_id"],
                "exchange_timestamp": row["exchange_timestamp"],
                "amount": row["amount"],
                "folio": row["folio"],
                "average_price": row["average_price"],
                "quantity": row["quantity"],
                "variety": row["variety"],
            }
            for row in allotments(floor, user)
            if row["tradingsymbol"] == isin
        ]
    return [
        holding_row(floor, each, holding)
        for each, holding in account.fund_holdings.items()
        if holding["quantity"]
    ]


def allotments(floor: Floor, user: str) -> Any:
    """Orders that became units."""
    return [row for row in orders(floor, user) if row["status"] == "COMPLETE"]


def instruments(floor: Floor, user: str) -> Any:
    """The schemes, one row each for the CSV."""
    day = yesterday(floor)
    return [
        row | {"last_price": rupees(value_of(floor, isin, day)), "last_price_date": day_text(day)}
        for isin, row in schemes().items()
    ]


QUERIES: dict[str, Callable[..., Any]] = {
    "mf.orders": orders,
    "mf.order": order,
    "mf.sips": sips,
    "mf.sip": sip,
    "mf.holdings": holdings,
    "mf.allotments": allotments,
    "mf.instruments": instruments,
}
