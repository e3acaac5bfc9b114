"""Tickets and the facts they are judged by, right unless a test makes them wrong."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.brokers.kite import offers
from accounts.brokers.words import OrderType, Product, Side
from orders.tickets import Band, Caps, Facts, LastPrice, Listing, Ticket, check
from tradedesk.times import IST

NOW = datetime(2026, 11, 20, 11, 0, tzinfo=IST)
FREEZE = 1800
LOT = 65


def share(**facts):
    known: dict[str, Any] = {
        "exchange": "NSE", "symbol": "INFY", "kind": "EQ", "lot_size": 1,
        "tick_size": Decimal("0.05"),
    }  # fmt: skip
    return Listing(**(known | facts))


def future(**facts):
    known = {
        "exchange": "NFO", "symbol": "NIFTY26NOVFUT", "kind": "FUT", "lot_size": LOT,
        "freeze_quantity": FREEZE, "expiry": date(2026, 11, 24),
    }  # fmt: skip
    return share(**(known | facts))


def seen(price="1012.50", *, age=1):
    return LastPrice(price=Decimal(price), at=NOW - timedelta(seconds=age))


def circuit(lower="911.25", upper="1113.75", *, age=1):
    return Band(lower=Decimal(lower), upper=Decimal(upper), at=NOW - timedelta(seconds=age))


def facts(listing=None, **others):
    known = {
        "at": NOW, "capabilities": offers.LIVE, "listing": share() if listing is None else listing,
        "caps": Caps(), "restrictions": (), "last": seen(), "band": circuit(),
    }  # fmt: skip
    return Facts(**(known | others))


def ticket(**terms):
    known: dict[str, Any] = {
        "exchange": "NSE", "symbol": "INFY", "side": Side.BUY, "quantity": 10,
        "order_type": OrderType.LIMIT, "price": "1012.50", "product": Product.CNC,
    } | terms  # fmt: skip
    for name in ("price", "trigger_price", "protection"):
        if isinstance(known.get(name), str):
            known[name] = Decimal(known[name])
    return Ticket(**known)


def on_future(**terms):
    known = {"exchange": "NFO", "symbol": "NIFTY26NOVFUT", "quantity": LOT, "product": Product.NRML}
    return ticket(**(known | terms))


def texts(asked, known=None):
    return [problem.text for problem in check(asked, known or facts())]
