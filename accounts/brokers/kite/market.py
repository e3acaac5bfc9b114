"""Prices and instruments from Kite, and what orders would cost there."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from io import TextIOWrapper
from itertools import batched
from typing import Any

from accounts.brokers.capabilities import IST
from accounts.brokers.errors import BrokerUnavailable
from accounts.brokers.kite.client import Client, reading
from accounts.brokers.kite.market_rows import (
    basket_from,
    candle_from,
    charges_from,
    instruments_in,
    margin_from,
    ohlc_from,
    quote_from,
    range_from,
)
from accounts.brokers.kite.values import KITE_TIME, as_number, money
from accounts.brokers.types import (
    BasketMargin,
    Candle,
    ChargedOrder,
    Charges,
    Instrument,
    Interval,
    Margin,
    Ohlc,
    OrderRequest,
    Quote,
    Side,
    TriggerRange,
)

INSTRUMENTS = "read the instruments"
MARGINS = "calculate the margins"
COLUMNS = {
    "instrument_token", "exchange_token", "tradingsymbol", "name", "last_price", "expiry",
    "strike", "tick_size", "lot_size", "instrument_type", "segment", "exchange",
}  # fmt: skip


class Market(Client):
    """Quotes, candles, the master list, and the calculators."""

    def quote(self, keys: Iterable[str]) -> dict[str, Quote]:
        found: dict[str, Quote] = {}
        for some in batched(keys, self.offers.quotes_per_call):
            with reading("read the quotes"):
                answer = self.kite.quote(list(some))
                found |= {key: quote_from(row) for key, row in answer.items()}
        return found

    def ohlc(self, keys: Iterable[str]) -> dict[str, Ohlc]:
        found: dict[str, Ohlc] = {}
        for some in batched(keys, self.offers.prices_per_call):
            with reading("read the day's prices"):
                found |= {key: ohlc_from(row) for key, row in self.kite.ohlc(list(some)).items()}
        return found

    def ltp(self, keys: Iterable[str]) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for some in batched(keys, self.offers.prices_per_call):
            with reading("read the last prices"):
                answer = self.kite.ltp(list(some))
                found |= {key: money(row["last_price"]) for key, row in answer.items()}
        return found

    def trigger_range(self, side: Side, keys: Iterable[str]) -> dict[str, TriggerRange]:
        with reading("read the trigger range"):
            answer = self.kite.trigger_range(side.value, list(keys))
            return {key: range_from(row) for key, row in answer.items()}

    def candles(
        self,
        instrument_token: int,
        interval: Interval,
        since: datetime,
        until: datetime,
        *,
        continuous: bool = False,
        with_oi: bool = False,
    ) -> list[Candle]:
        with reading("read the candles"):
            rows = self.kite.historical_data(
                instrument_token,
                indian(since),
                indian(until),
                interval.value,
                continuous=continuous,
                oi=with_oi,
            )
            return [candle_from(row) for row in rows]

    @contextmanager
    def instruments(self, exchange: str | None = None) -> Iterator[Iterator[Instrument]]:
        """Fetch the master to a file, then yield it row by row.

        The official client would hold a hundred thousand dicts; only its route is used.
        """
        route = "market.instruments" if exchange else "market.instruments.all"
        body = self.kite._get(route, url_args={"exchange": exchange} if exchange else None)
        if not hasattr(body, "read"):
            raise BrokerUnavailable(INSTRUMENTS, text="the answer is no list of instruments")
        with body:
            rows = csv.DictReader(TextIOWrapper(body, "utf-8", newline=""))
            with reading(INSTRUMENTS):
                if not set(rows.fieldnames or ()) >= COLUMNS:
                    raise LookupError("columns are missing")
            yield instruments_in(rows)

    def margins(self, orders: Iterable[OrderRequest]) -> list[Margin]:
        self.need(MARGINS, offered=self.offers.has_margins)
        with reading(MARGINS):
            return [margin_from(row) for row in self.kite.order_margins(terms_of(orders))]

    def basket_margin(
        self, orders: Iterable[OrderRequest], *, with_positions: bool = True
    ) -> BasketMargin:
        self.need(MARGINS, offered=self.offers.has_basket_margins)
        with reading(MARGINS):
            answer = self.kite.basket_order_margins(
                terms_of(orders), consider_positions=with_positions
            )
            return basket_from(answer)

    def charges(self, orders: Iterable[ChargedOrder]) -> list[Charges]:
        self.need("calculate the charges", offered=self.offers.has_charges)
        with reading("calculate the charges"):
            rows = self.kite.get_virtual_contract_note([charged_terms(order) for order in orders])
            return [charges_from(row["charges"]) for row in rows]


def indian(moment: datetime) -> str:
    """Spell a moment as Kite expects it: Indian time without an offset."""
    return moment.astimezone(IST).strftime(KITE_TIME)


def terms_of(orders: Iterable[OrderRequest]) -> list[dict[str, Any]]:
    return [
        {
            "exchange": order.exchange,
            "tradingsymbol": order.symbol,
            "transaction_type": order.side.value,
            "variety": order.variety.value,
            "product": order.product.value,
            "order_type": order.order_type.value,
            "quantity": order.quantity,
            "price": as_number(order.price or Decimal(0)),
            "trigger_price": as_number(order.trigger_price or Decimal(0)),
        }
        for order in orders
    ]


def charged_terms(order: ChargedOrder) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "exchange": order.exchange,
        "tradingsymbol": order.symbol,
        "transaction_type": order.side.value,
        "variety": order.variety,
        "product": order.product,
        "order_type": order.order_type,
        "quantity": order.quantity,
        "average_price": as_number(order.average_price),
    }
