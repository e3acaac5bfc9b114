"""Rows as a broker lists them, and a small market of them."""

from datetime import date, datetime
from decimal import Decimal

from accounts.brokers.types import Instrument
from orders.instruments import find, import_master
from tradedesk.times import IST

MASTER = "kite-live"
FRIDAY = datetime(2026, 11, 20, 8, 30, tzinfo=IST)
MONDAY = datetime(2026, 11, 23, 8, 30, tzinfo=IST)


def listed(symbol, *, exchange="NSE", kind="EQ", token=None, **facts):
    segment = {"EQ": exchange, "FUT": f"{exchange}-FUT"}.get(kind, f"{exchange}-OPT")
    token = token or abs(hash((exchange, symbol))) % 10**9 + 1
    facts = {
        "name": symbol, "segment": segment, "exchange_token": "1", "lot_size": 1,
        "tick_size": Decimal("0.05"),
    } | facts  # fmt: skip
    return Instrument(exchange=exchange, symbol=symbol, kind=kind, instrument_token=token, **facts)


def contract(symbol, kind, expiry, strike=None, *, exchange="NFO", name="NIFTY", **facts):
    strike = None if strike is None else Decimal(str(strike))
    return listed(
        symbol, exchange=exchange, kind=kind, expiry=date.fromisoformat(expiry), strike=strike,
        name=name, **facts,
    )  # fmt: skip


def market():
    """A handful of everything."""
    return [
        listed("NIFTY 50", name="NIFTY 50", segment="INDICES"),
        listed("NIFTY BANK", name="NIFTY BANK", segment="INDICES"),
        listed("INFY", name="INFOSYS"),
        listed("INFY", exchange="BSE", name="INFOSYS"),
        listed("INFIBEAM", name="INFIBEAM AVENUES"),
        listed("TATASTEEL", name="TATA STEEL"),
        listed("TATAMOTORS", name="TATA MOTORS LTD"),
        listed("TATAINVEST", name="TATA INVESTMENT CORP"),
        listed("STEELXIND", name="STEEL EXCHANGE INDIA"),
        listed("M&M", name="MAHINDRA & MAHINDRA"),
        listed("BAJAJ-AUTO", name="BAJAJ AUTO"),
        listed("LT", name="LARSEN & TOUBRO"),
        contract("INFY26NOVFUT", "FUT", "2026-11-24", name="INFY"),
        contract("M&M26NOVFUT", "FUT", "2026-11-24", name="M&M"),
        contract("TATASTEEL26NOVFUT", "FUT", "2026-11-24", name="TATASTEEL"),
        contract("NIFTY27JANFUT", "FUT", "2027-01-26"),
        contract("NIFTY26DECFUT", "FUT", "2026-12-29"),
        contract("NIFTY26NOVFUT", "FUT", "2026-11-24"),
        contract("NIFTY26NOV24000CE", "CE", "2026-11-24", 24000),
        contract("NIFTY26NOV24500CE", "CE", "2026-11-24", 24500),
        contract("NIFTY26NOV24500PE", "PE", "2026-11-24", 24500),
        contract("NIFTY26D0124500CE", "CE", "2026-12-01", 24500),
        contract("NIFTY27JAN24500CE", "CE", "2027-01-26", 24500),
        contract("NIFTYNXT5026NOVFUT", "FUT", "2026-11-24", name="NIFTYNXT50"),
        contract("SENSEX26NOVFUT", "FUT", "2026-11-26", exchange="BFO", name="SENSEX"),
        contract("USDINR26NOV84.25CE", "CE", "2026-11-26", "84.25", exchange="CDS", name="USDINR"),
        contract("GOLD26DECFUT", "FUT", "2026-12-04", exchange="MCX", name="GOLD"),
    ]


def brought_in(rows=None, *, at=FRIDAY, master=MASTER, **options):
    return import_master(master, market() if rows is None else rows, at=at, **options)


def kept(symbol, *, exchange="NSE", master=MASTER):
    return find(master, exchange, symbol)
