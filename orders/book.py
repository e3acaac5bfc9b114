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

from django.db import transaction

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import Fill, Gtt, OrderStatus, OrderUpdate
from orders import news
from orders.engine.adoption import adopt
from orders.ledger import GttTrigger, Order, OrderStep, Trade, trading_day

SENT = "SENT"  # our own word, until the broker's first
STATIONS = list(OrderStatus)  # in the order of an order's life
LONG_AGO = datetime.min.replace(tzinfo=UTC)
TOLD = [one.name for one in fields(OrderUpdate)]
TOLD_OF_TRADES = [one.name for one in fields(Fill)]
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
    for update in updates:
        by_id.setdefault(update.order_id, []).append(update)
    new = [
        Order(**columns(some[0]), account=account, day=day_of(some[0]), synced_at=at)
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
    Order.objects.bulk_update(moved.values(), [*set(TOLD) - {"order_id"}, "synced_at"])
    steps = [
        step_of(known[order_id], update, heard_from)
        for order_id, some in by_id.items()
        for update in some
    ]
    OrderStep.objects.bulk_create(steps, ignore_conflicts=True)
    adopt(account, [update for some in by_id.values() for update in some])
    changed = [order for order_id, order in known.items() if order_id in made | moved.keys()]
    has_fills = any(one.filled_quantity > filled[one.order_id] for one in changed)
    news.tell(account, changed, has_fills=has_fills)
    return len(changed)


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


def record_trades(account: BrokerAccount, fills: Iterable[Fill], *, at: datetime) -> int:
    """Keep executions for ever; what is known already is left as it is."""
    before = Trade.objects.filter(account=account)
    known = set(before.values_list("exchange", "trade_id", "day"))
    new = [
        Trade(
            account=account,
            day=trading_day(fill.filled_at or fill.exchange_at),
            synced_at=at,
            **{name: getattr(fill, name) for name in TOLD_OF_TRADES if name != "raw"},
            raw=dict(fill.raw),
        )
        for fill in fills
    ]
    fresh = [one for one in new if (one.exchange, one.trade_id, one.day) not in known]
    Trade.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


@transaction.atomic
def record_gtts(account: BrokerAccount, told: Sequence[Gtt], *, at: datetime) -> int:
    """Keep what triggers the broker lists; one that it lists no more stays, marked so."""
    rows = [
        GttTrigger(
            account=account, gtt_id=one.gtt_id, kind=one.kind, status=one.status,
            exchange=one.exchange, symbol=one.symbol, triggers=[str(price) for price in one.triggers],
            last_price=one.last_price, legs=[leg_of(leg) for leg in one.legs],
            created_at=one.created_at, updated_at=one.updated_at, expires_at=one.expires_at,
            is_listed=True, raw=dict(one.raw), synced_at=at,
        )
        for one in told
    ]  # fmt: skip
    names = [
        "kind", "status", "exchange", "symbol", "triggers", "last_price", "legs", "created_at",
        "updated_at", "expires_at", "is_listed", "raw", "synced_at",
    ]  # fmt: skip
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
