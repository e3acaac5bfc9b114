"""Orders as a page tells them: the broker's many states folded into few, and reasons made short."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from accounts.brokers.types import OrderStatus
from orders.inbox import Heard, Subject
from orders.instruments.labels import Label
from orders.ledger import Order, Trade, trading_day
from orders.naming import key_of, names_of
from orders.panels import Seat
from tradedesk.money import money, quantity
from tradedesk.times import iso

SHORT_BY = re.compile(
    r"Required margin is (?P<needed>\d[\d,]*(?:\.\d+)?) but available margin is "
    r"(?P<free>-?\d[\d,]*(?:\.\d+)?)"
)
CIRCUIT = re.compile(r"(?P<side>lower|upper) circuit limit of (?P<limit>\d[\d,]*(?:\.\d+)?)")
SENTENCE = re.compile(r"(?<=[^\d])\.\s|[\n;]")
LONGEST_REASON = 72
# A text must not break off behind one of these: what it is about comes next.
DANGLING = frozenset(
    {"a", "an", "and", "at", "by", "for", "in", "is", "of", "on", "than", "the", "to"}
)
PROTECTED = "mktp"  # the broker's tag on what was a market order and is now a limit order
WAS = {"LIMIT": "MARKET", "SL": "SL-M"}
FINAL = {
    OrderStatus.COMPLETE: "COMPLETE",
    OrderStatus.CANCELLED: "CANCELLED",
    OrderStatus.REJECTED: "REJECTED",
}
TELLERS = {
    "sync": "The broker, asked",
    "look": "The broker, asked",
    "answer": "The broker, when it took it",
    "stream": "The broker, by itself",
    "postback": "The broker, by itself",
}
DOING = {
    OrderStatus.MODIFYING: "being changed",
    OrderStatus.CANCELLING: "being cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The word of an order's state, with what must be said beside it."""

    word: str
    note: str = ""


def state_of(status: str, filled: int) -> State:
    """Fold a broker's state into the words of the page."""
    known = OrderStatus(status)
    if known is OrderStatus.COMPLETE:
        return State(word="COMPLETE")
    if known.is_final:
        return State(word=FINAL[known], note=f"{quantity(filled)} filled" if filled else "")
    if filled:
        return State(word="PARTIAL", note=DOING.get(known, ""))
    if known is OrderStatus.TRIGGER_PENDING:
        return State(word="TRIGGER PENDING")
    return State(word="PENDING", note=DOING.get(known, ""))


def short_reason(message: str) -> str:
    """Say a broker's reason in a few words; its own text stands in the title and in the detail."""
    if found := SHORT_BY.search(message):
        needed, free = (Decimal(found[name].replace(",", "")) for name in ("needed", "free"))
        return f"Short by {money(needed - free)}"
    if found := CIRCUIT.search(message):
        beyond = "Below" if found["side"] == "lower" else "Above"
        limit = money(Decimal(found["limit"].replace(",", "")))
        return f"{beyond} the {found['side']} circuit limit, {limit}"
    first = SENTENCE.split(message.strip(), maxsplit=1)[0].rstrip(".")
    if len(first) <= LONGEST_REASON:
        return first
    words = first[:LONGEST_REASON].split(" ")[:-1]
    while words and words[-1].lower() in DANGLING:
        words.pop()
    return " ".join(words) + "…" if words else first[:LONGEST_REASON] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """An order among the others of a table."""

    seat: Seat
    order: Order
    label: Label
    key: str = ""  # of the form that cancels it, for whoever may

    @property
    def state(self) -> State:
        return state_of(self.order.status, self.order.filled_quantity)

    @property
    def told(self) -> str:
        """Give the broker's own words."""
        order = self.order
        return ": ".join(filter(None, [order.status_text, order.raw_message or order.message]))

    @property
    def reason(self) -> str:
        order = self.order
        if order.status != OrderStatus.REJECTED:
            return ""
        return short_reason(order.message or order.raw_message) or "The broker gave no reason"

    @property
    def protection(self) -> str:
        """Tell the per cent of a protected market order; it comes back as a limit order."""
        tags = [str(tag) for tag in self.order.tags]
        if PROTECTED not in tags or self.order.order_type not in WAS:
            return ""
        found = [tag.partition(":")[2] for tag in tags if tag.startswith(f"{PROTECTED}:")]
        return (
            f"{Decimal(found[0]).normalize():f}%" if found and is_number(found[0]) else "protected"
        )

    @property
    def kind(self) -> str:
        kind = self.order.order_type
        if self.protection:
            return f"{WAS[kind]} {self.protection}, now {kind}"
        return kind

    @property
    def is_unfilled_market(self) -> bool:
        """Tell that an order that should have been filled at once still waits."""
        return bool(self.protection) and self.order.status == OrderStatus.OPEN

    @property
    def price(self) -> Decimal | None:
        return self.order.price or None

    @property
    def trigger(self) -> Decimal | None:
        return self.order.trigger_price or None

    @property
    def average(self) -> Decimal | None:
        return self.order.average_price or None

    @property
    def at(self) -> datetime:
        """When it was placed; of what was answered just now, when we heard of it."""
        order = self.order
        told = order.ordered_at or order.exchange_at or order.updated_at
        return told or order.synced_at


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLine:
    """An execution among the others of a table."""

    seat: Seat
    trade: Trade
    label: Label

    @property
    def at(self) -> datetime | None:
        return self.trade.filled_at or self.trade.exchange_at


def is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+)?", text))


def order_lines(seats: Sequence[Seat], at: datetime) -> list[OrderLine]:
    """Give the orders of this day, the newest first."""
    known = {seat.account.pk: seat for seat in seats}
    rows = list(Order.objects.filter(account__in=known).of_today(at).order_by("-ordered_at", "-pk"))
    labels = names_of(((known[row.account_id], row) for row in rows), at)
    return [
        OrderLine(
            seat=known[row.account_id],
            order=row,
            label=labels[key_of(known[row.account_id], row)],
        )
        for row in rows
    ]


def trade_lines(seats: Sequence[Seat], at: datetime) -> list[TradeLine]:
    """Give the executions of this day, the newest first."""
    known = {seat.account.pk: seat for seat in seats}
    found = Trade.objects.filter(account__in=known, day=trading_day(at))
    rows = list(found.order_by("-filled_at", "-pk"))
    labels = names_of(((known[row.account_id], row) for row in rows), at)
    return [
        TradeLine(
            seat=known[row.account_id],
            trade=row,
            label=labels[key_of(known[row.account_id], row)],
        )
        for row in rows
    ]


def heard_of(order: Order) -> QuerySet[Heard]:
    """Give what the broker said of it, as it came, the newest last."""
    mine = Heard.objects.filter(account_id=order.account_id, subject=Subject.ORDER)
    return mine.filter(name=order.order_id).order_by("at", "pk")


def told_by(one: Heard) -> dict[str, Any]:
    return {"at": iso(one.at), "from": one.heard_from, "payload": one.payload}


def raw_of(one: Heard) -> dict[str, Any]:
    """Tell one thing as it came."""
    return {
        "row": one,
        "teller": TELLERS.get(one.heard_from, one.heard_from),
        "text": json.dumps(one.payload, indent=1, ensure_ascii=False, sort_keys=True),
    }
