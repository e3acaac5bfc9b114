"""Kite's rows of instruments, prices, margins and charges, in our words."""

import logging
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from accounts.brokers.kite.values import Unreadable, day, ist, money, raw, text, whole
from accounts.brokers.types import (
    BasketMargin,
    Candle,
    Charges,
    Depth,
    Instrument,
    Margin,
    Ohlc,
    Quote,
    TriggerRange,
)

logger = logging.getLogger(__name__)

type Row = Mapping[str, Any]


def instruments_in(rows: Iterator[Row]) -> Iterator[Instrument]:
    """Yield what can be read; one bad row does not cost the trader the other hundred thousand."""
    bad = 0
    for row in rows:
        try:
            yield instrument_from(row)
        except (Unreadable, TypeError):
            bad += 1
    if bad:
        logger.warning("%s rows of the instrument master could not be read", bad)


def instrument_from(row: Row) -> Instrument:
    """Read one line. Strikes may be blank and lots may be written 1.0, which stop the official client."""
    return Instrument(
        exchange=row["exchange"],
        symbol=row["tradingsymbol"],
        instrument_token=whole(row["instrument_token"]),
        exchange_token=row["exchange_token"],
        name=row["name"],
        kind=row["instrument_type"],
        segment=row["segment"],
        lot_size=whole(row["lot_size"]),
        tick_size=money(row["tick_size"]),
        expiry=day(row["expiry"]),
        strike=money(row["strike"]) or None,
        last_price=money(row["last_price"]) or None,
    )


def ohlc_from(row: Row) -> Ohlc:
    return Ohlc(
        instrument_token=whole(row["instrument_token"]),
        last_price=money(row["last_price"]),
        **day_of(row),
        raw=raw(row),
    )


def day_of(row: Row) -> dict[str, Decimal]:
    prices = row.get("ohlc") or {}
    return {name: money(prices.get(name)) for name in ("open", "high", "low", "close")}


def quote_from(row: Row) -> Quote:
    """Read a quote; indices come with fewer fields."""
    depth = row.get("depth") or {}
    return Quote(
        instrument_token=whole(row["instrument_token"]),
        last_price=money(row["last_price"]),
        **day_of(row),
        last_quantity=whole(row.get("last_quantity")),
        average_price=money(row.get("average_price")),
        volume=whole(row.get("volume")),
        buy_quantity=whole(row.get("buy_quantity")),
        sell_quantity=whole(row.get("sell_quantity")),
        oi=whole(row.get("oi")),
        oi_high=whole(row.get("oi_day_high")),
        oi_low=whole(row.get("oi_day_low")),
        lower_circuit=money(row.get("lower_circuit_limit")),
        upper_circuit=money(row.get("upper_circuit_limit")),
        bids=tuple(depth_from(step) for step in depth.get("buy") or ()),
        offers=tuple(depth_from(step) for step in depth.get("sell") or ()),
        quoted_at=ist(row.get("timestamp")),
        traded_at=ist(row.get("last_trade_time")),
        raw=raw(row),
    )


def depth_from(step: Row) -> Depth:
    return Depth(
        price=money(step["price"]), quantity=whole(step["quantity"]), orders=whole(step["orders"])
    )


def candle_from(row: Row) -> Candle:
    at = ist(row["date"])
    if at is None:
        raise Unreadable("a candle without a time")
    return Candle(
        at=at,
        open=money(row["open"]),
        high=money(row["high"]),
        low=money(row["low"]),
        close=money(row["close"]),
        volume=whole(row["volume"]),
        oi=whole(row["oi"]) if "oi" in row else None,
    )


def range_from(row: Row) -> TriggerRange:
    return TriggerRange(
        instrument_token=whole(row["instrument_token"]),
        lower=money(row["lower"]),
        upper=money(row["upper"]),
    )


def margin_from(row: Row) -> Margin:
    names = (
        "total", "span", "exposure", "option_premium", "additional", "cash", "var", "leverage",
    )  # fmt: skip
    charges = row.get("charges")
    return Margin(
        exchange=text(row.get("exchange")),
        symbol=text(row.get("tradingsymbol")),
        **{name: money(row.get(name)) for name in names},
        charges=charges_from(charges) if charges else None,
        raw=raw(row),
    )


def basket_from(row: Row) -> BasketMargin:
    charges = row.get("charges")
    return BasketMargin(
        initial=margin_from(row["initial"]),
        final=margin_from(row["final"]),
        orders=tuple(margin_from(one) for one in row["orders"]),
        charges=charges_from(charges) if charges else None,
    )


def charges_from(row: Row) -> Charges:
    return Charges(
        total=money(row["total"]),
        brokerage=money(row.get("brokerage")),
        transaction_tax=money(row.get("transaction_tax")),
        transaction_tax_kind=text(row.get("transaction_tax_type")),
        exchange_fee=money(row.get("exchange_turnover_charge")),
        sebi_fee=money(row.get("sebi_turnover_charge")),
        stamp_duty=money(row.get("stamp_duty")),
        gst=money((row.get("gst") or {}).get("total")),
        raw=raw(row),
    )
