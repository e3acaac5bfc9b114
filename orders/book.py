"""The one door for news of orders. Whoever brings it, how often and in whatever order: the book ends the same.

Of all that was ever heard of an order, the furthest along stands: a final state before a working
one, then the most filled, then the newest by the broker's clock, then the later station of its life.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db import models, transaction

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import Fill, Gtt, OrderStatus, OrderUpdate
from orders import inbox, news, strategies
from orders.engine.adoption import adopt
from orders.inbox import Subject, Telling, telling
from orders.ledger import GttTrigger, Order, OrderStep, Trade, trading_day
from tradedesk.database import answers
from tradedesk.memory import Memory

SENT = "SENT"  # our own word, until the broker's first
STATIONS = list(OrderStatus)  # in the order of an order's life
LONG_AGO = datetime.min.replace(tzinfo=UTC)
TOLD = [one.name for one in fields(OrderUpdate) if one.name != "odd"]
TOLD_OF_TRADES = [one.name for one in fields(Fill)]
LONGEST = {
    one.name: one.max_length
    for one in Order._meta.get_fields()
    if isinstance(one, models.CharField) and one.max_length
}
LARGEST = 2**63 - 1
content_again = Memory(inbox.content_of_raw)
STEP = [
    "status_text", "message", "quantity", "filled_quantity", "price", "trigger_price",
    "average_price", "updated_at",
]  # fmt: skip


@transaction.atomic
def absorb(
    account: BrokerAccount, updates: Iterable[OrderUpdate], *, heard_from: str, at: datetime
) -> int:
    """Take in news of orders; give how many of them stand differently now."""
    by_id: dict[str, list[OrderUpdate]] = {}
    misfits: list[Telling] = []
    for update in updates:
        if why := why_not_again(update.order_id, update):
            misfits.append(telling(update.order_id, update.raw, why))
        else:
            by_id.setdefault(update.order_id, []).append(update)
    if misfits:
        inbox.keep_in_trouble(account, Subject.ORDER, misfits, heard_from=heard_from, at=at)
    told = [update for some in by_id.values() for update in some]
    by_id = new_ones(account, by_id)
    if not by_id:  # a whole book is read often, and mostly nothing has changed in it
        adopt(account, told)
        return 0
    new = [
        Order(
            **columns(some[0]),
            account=account,
            day=day_of(some[0]),
            synced_at=at,
            content=telling(some[-1].order_id, some[-1].raw).content,
        )
        for some in by_id.values()
    ]
    # Two tellers of a new order meet here: one row is made, and both go on with it.
    Order.objects.bulk_create(new, ignore_conflicts=True)
    here = Order.objects.filter(account=account, order_id__in=by_id)
    known = {order.order_id: order for order in here.select_for_update().order_by("pk")}
    # A row that is as old as this news was made by it.
    made = {order_id for order_id, order in known.items() if order.synced_at == at}
    filled = {
        order_id: 0 if order_id in made else order.filled_quantity
        for order_id, order in known.items()
    }
    moved = {
        order_id: order for order_id, order in known.items() if advance(order, by_id[order_id], at)
    }
    retold = remember(account, known, by_id, made, heard_from=heard_from, at=at)
    named = name_strategies(account, known, by_id, made | moved.keys())
    Order.objects.bulk_update(
        [known[order_id] for order_id in known if order_id in moved.keys() | retold | named],
        [*set(TOLD) - {"order_id"}, "synced_at", "content", "strategy"],
    )
    steps = [
        step_of(known[order_id], update, heard_from)
        for order_id, some in by_id.items()
        for update in some
    ]
    OrderStep.objects.bulk_create(steps, ignore_conflicts=True)
    adopt(account, told)
    changed = [order for order_id, order in known.items() if order_id in made | moved.keys()]
    has_fills = any(one.filled_quantity > filled[one.order_id] for one in changed)
    news.tell(account, changed, has_fills=has_fills)
    return len(changed)


def new_ones(
    account: BrokerAccount, told: dict[str, list[OrderUpdate]]
) -> dict[str, list[OrderUpdate]]:
    """Leave out of which all is known, word by word and as we read the words today."""
    question = (
        "SELECT order_id, content, status, filled_quantity FROM orders_order "
        "WHERE account_id = %s AND order_id = ANY(%s)"
    )
    last = {row[0]: row[1:] for row in answers(question, [account.pk, list(told)])}

    def is_known(one: OrderUpdate) -> bool:
        content = content_again(one.order_id, one.raw)
        return last.get(one.order_id) == (content, one.status, one.filled_quantity)

    return {order_id: some for order_id, some in told.items() if not all(map(is_known, some))}


def why_not(update: OrderUpdate) -> str:
    """Tell why a telling cannot go into the book: the desk would rather keep it than choke on it."""
    if not update.order_id.strip():
        return "it names no order"
    if r"\x00" in repr(update.raw):
        return "it holds a sign that no text may hold"
    for name, most in LONGEST.items():
        if len(str(getattr(update, name, None) or "")) > most:
            return f"{name} is longer than {most} signs"
    numbers = (
        update.quantity, update.filled_quantity, update.held_back_quantity,
        update.instrument_token or 0,
    )  # fmt: skip
    if any(abs(one) > LARGEST for one in numbers):
        return "a number is larger than any order"
    return ""


why_not_again = Memory(why_not)


def remember(
    account: BrokerAccount,
    known: dict[str, Order],
    told: dict[str, list[OrderUpdate]],
    made: set[str],
    *,
    heard_from: str,
    at: datetime,
) -> set[str]:
    """Keep what is new of it as it came; name the orders whose last telling is another one now."""
    last = {order_id: order.content for order_id, order in known.items() if order_id not in made}
    tellings = [telling(one.order_id, one.raw, one.odd) for some in told.values() for one in some]
    new, now = inbox.new_ones(tellings, last)
    inbox.keep(account, Subject.ORDER, new, heard_from=heard_from, at=at)
    changed = {order_id for order_id, order in known.items() if order.content != now[order_id]}
    for order_id in changed:
        known[order_id].content = now[order_id]
    return changed


def name_strategies(
    account: BrokerAccount,
    known: dict[str, Order],
    told: dict[str, list[OrderUpdate]],
    wanted: set[str],
) -> set[str]:
    """Note the strategy of orders that have none yet; name those that have one now."""
    tags = {
        order_id: sorted({tag for one in told[order_id] for tag in (one.tag, *one.tags) if tag})
        for order_id in wanted
        if not known[order_id].strategy
    }
    found = {one: code for one, code in strategies.of_orders(account, tags).items() if code}
    for order_id, code in found.items():
        known[order_id].strategy = code
    return set(found)


def advance(order: Order, updates: Sequence[OrderUpdate], at: datetime) -> bool:
    """Let the order stand where the furthest of what was heard puts it."""
    furthest = max(updates, key=progress)
    if progress(furthest) <= progress(order):
        return False
    for name, value in columns(furthest).items():
        setattr(order, name, value)
    order.synced_at = at
    return True


def progress(told: OrderUpdate | Order) -> tuple[Any, ...]:
    """Tell how far along this is; of two tellings exactly one is further, or they are the same."""
    status = OrderStatus(told.status)
    return (
        status.is_final,
        told.filled_quantity,
        told.updated_at or told.exchange_at or told.ordered_at or LONG_AGO,
        STATIONS.index(status),
        fingerprint({name: getattr(told, name) for name in STEP}),
    )


def columns(update: OrderUpdate) -> dict[str, Any]:
    told = {name: getattr(update, name) for name in TOLD}
    return told | {"tags": list(update.tags), "raw": dict(update.raw)}


def day_of(update: OrderUpdate) -> date:
    return trading_day(update.ordered_at or update.exchange_at or update.updated_at)


def step_of(order: Order, update: OrderUpdate, heard_from: str) -> OrderStep:
    told = {name: getattr(update, name) for name in STEP}
    at = told.pop("updated_at")
    return OrderStep(
        order=order,
        fingerprint=fingerprint(told | {"updated_at": at}),
        status=update.status,
        at=at or update.exchange_at or update.ordered_at,
        heard_from=heard_from,
        **told,
    )


def fingerprint(told: dict[str, Any]) -> str:
    """Tell two tellings apart; 2.5 and 2.50 are the same price."""
    text = json.dumps({name: spelt(value) for name, value in told.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def record_trades(
    account: BrokerAccount, fills: Iterable[Fill], *, at: datetime, heard_from: str = "sync"
) -> int:
    """Keep executions for ever; what is known already is left as it is."""
    new = [
        Trade(
            account=account,
            content=telling(fill.trade_id, fill.raw).content,
            day=trading_day(fill.filled_at or fill.exchange_at),
            synced_at=at,
            **{name: getattr(fill, name) for name in TOLD_OF_TRADES if name != "raw"},
            raw=dict(fill.raw),
        )
        for fill in fills
    ]
    before = Trade.objects.filter(account=account, day__in={one.day for one in new})
    known = {(one.exchange, one.trade_id, one.day): one for one in before}
    fresh = [one for one in new if key_of(one) not in known]
    Trade.objects.bulk_create(fresh, ignore_conflicts=True)
    retold = [one for one in new if key_of(one) in known]
    retold = [one for one in retold if known[key_of(one)].content != one.content]
    for one in retold:
        known[key_of(one)].content = one.content
    Trade.objects.bulk_update([known[key_of(one)] for one in retold], ["content"])
    tellings = [telling(one.trade_id, one.raw) for one in fresh + retold]
    inbox.keep(account, Subject.TRADE, tellings, heard_from=heard_from, at=at)
    return len(fresh)


def key_of(trade: Trade) -> tuple[str, str, date]:
    return trade.exchange, trade.trade_id, trade.day


@transaction.atomic
def record_gtts(
    account: BrokerAccount, told: Sequence[Gtt], *, at: datetime, heard_from: str = "sync"
) -> int:
    """Keep what triggers the broker lists; one that it lists no more stays, marked so."""
    rows = [
        GttTrigger(
            account=account, gtt_id=one.gtt_id, kind=one.kind, status=one.status,
            exchange=one.exchange, symbol=one.symbol, triggers=[str(price) for price in one.triggers],
            last_price=one.last_price, legs=[leg_of(leg) for leg in one.legs],
            created_at=one.created_at, updated_at=one.updated_at, expires_at=one.expires_at,
            is_listed=True, raw=dict(one.raw), content=telling(one.gtt_id, one.raw).content,
            synced_at=at,
        )
        for one in told
    ]  # fmt: skip
    names = [
        "kind", "status", "exchange", "symbol", "triggers", "last_price", "legs", "created_at",
        "updated_at", "expires_at", "is_listed", "raw", "content", "synced_at",
    ]  # fmt: skip
    last = GttTrigger.objects.filter(account=account, gtt_id__in=[one.gtt_id for one in told])
    tellings = [telling(one.gtt_id, one.raw) for one in told]
    new, _ = inbox.new_ones(tellings, dict(last.values_list("gtt_id", "content")))
    inbox.keep(account, Subject.GTT, new, heard_from=heard_from, at=at)
    GttTrigger.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["account", "gtt_id"], update_fields=names
    )
    gone = GttTrigger.objects.filter(account=account, is_listed=True)
    return len(rows) + gone.exclude(gtt_id__in=[one.gtt_id for one in told]).update(is_listed=False)


def leg_of(leg: Any) -> dict[str, Any]:
    """Spell a leg for JSON, prices as text."""
    return {one.name: spelt(getattr(leg, one.name)) for one in fields(leg)}


def spelt(value: Any) -> Any:
    """Spell a price or a moment in one way, wherever it comes from."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
