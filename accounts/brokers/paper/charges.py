"""What trading costs, by a dated schedule."""

import json
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from .floor import Floor
from .instruments import Instrument
from .state import BUY, SELL, Trade
from .units import RUPEE, ordinal, to_paisa

ZERO = Decimal(0)
PERCENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Charges:
    """The parts of what one executed order costs, in rupees."""

    tax: Decimal = ZERO
    tax_type: str = "stt"
    exchange: Decimal = ZERO
    sebi: Decimal = ZERO
    brokerage: Decimal = ZERO
    stamp: Decimal = ZERO
    gst: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.tax + self.exchange + self.sebi + self.brokerage + self.stamp + self.gst

    def __add__(self, other: "Charges") -> "Charges":
        return Charges(
            self.tax + other.tax,
            self.tax_type,
            self.exchange + other.exchange,
            self.sebi + other.sebi,
            self.brokerage + other.brokerage,
            self.stamp + other.stamp,
            self.gst + other.gst,
        )

    def row(self) -> dict[str, Any]:
        """As Kite shows it."""
        return {
            "transaction_tax": float(self.tax),
            "transaction_tax_type": self.tax_type,
            "exchange_turnover_charge": float(self.exchange),
            "sebi_turnover_charge": float(self.sebi),
            "brokerage": float(self.brokerage),
            "stamp_duty": float(self.stamp),
            "gst": {"igst": float(self.gst), "cgst": 0.0, "sgst": 0.0, "total": float(self.gst)},
            "total": float(self.total),
        }


@cache
def _schedule() -> list[tuple[int, dict[str, Any]]]:
    plain = json.loads(files(__package__).joinpath("charges.json").read_text())
    return [(date.fromisoformat(each["from"]).toordinal(), each) for each in plain["schedule"]]


def rates_on(day: int) -> dict[str, Any]:
    """The rates in force on a day."""
    schedule = _schedule()
    place = bisect_right([begins for begins, _ in schedule], day)
    return schedule[max(place - 1, 0)][1]


def kind_of(instrument: Instrument, product: str) -> str:
    """Which row of the schedule applies."""
    if instrument.is_share:
        return "delivery" if product in ("CNC", "MTF") else "intraday"
    if instrument.exchange in ("CDS", "MCX"):
        return "currency" if instrument.exchange == "CDS" else "commodity"
    return "option" if instrument.is_option else "future"


def charges(instrument: Instrument, product: str, side: int, value: int, day: int) -> Charges:
    """What an executed order of this value costs."""
    rates = rates_on(day)
    row = rates["kinds"][kind_of(instrument, product)]
    traded = Decimal(value) / RUPEE
    exchange = traded * Decimal(row["exchange"].get(instrument.exchange, "0")) * PERCENT
    protection = rates["investor_protection"].get(instrument.exchange, "0")
    exchange += traded * Decimal(protection) * PERCENT
    sebi = traded * Decimal(rates["sebi"]) * PERCENT
    brokerage = _brokerage(row["brokerage"][0], row["brokerage"][1], traded)
    return Charges(
        tax=traded * Decimal(row["buy_tax" if side == BUY else "sell_tax"]) * PERCENT,
        tax_type="ctt" if instrument.exchange == "MCX" else "stt",
        exchange=exchange,
        sebi=sebi,
        brokerage=brokerage,
        stamp=traded * Decimal(row["stamp"]) * PERCENT if side == BUY else ZERO,
        gst=(brokerage + exchange + sebi) * Decimal(rates["gst"]) * PERCENT,
    )


def _brokerage(percent: str, most: str, traded: Decimal) -> Decimal:
    if percent == "flat":
        return Decimal(most) if traded else ZERO
    return min(traded * Decimal(percent) * PERCENT, Decimal(most))


def day_charges(floor: Floor, trades: list[Trade]) -> int:
    """What an account owes for its trades of a day, brokerage counted by the order."""
    values: dict[str, int] = {}
    samples: dict[str, Trade] = {}
    for trade in trades:
        times = floor.market.by_token[trade.token].multiplier
        values[trade.order_id] = (
            values.get(trade.order_id, 0) + trade.quantity * trade.price * times
        )
        samples[trade.order_id] = trade
    due, sold = ZERO, set()
    for order_id, trade in samples.items():
        instrument = floor.market.by_token[trade.token]
        cost = charges(instrument, trade.product, trade.side, values[order_id], ordinal(trade.at))
        due += cost.total
        if trade.side == SELL and trade.product == "CNC":
            sold.add((instrument.isin, ordinal(trade.at)))
    due += sum((Decimal(rates_on(day)["depository"]) for _, day in sold), ZERO)
    return to_paisa(due * RUPEE)


def square_off_fee(rupees: int) -> int:
    """The fee of a forced exit, with the tax on it."""
    return to_paisa(Decimal(rupees) * Decimal("1.18") * RUPEE)
