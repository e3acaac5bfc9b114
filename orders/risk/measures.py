"""What limits are compared with, from our own rows: positions, working orders, and what we sent.

A position is as old as its last reading. What was filled since is not in it, and what was sent may
not be in the book yet, so both are counted on top: for a few seconds something may be counted twice
and never not at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from accounts.brokerage import BrokerAccount
from accounts.brokers.words import OrderStatus
from accounts.models import User
from orders import datasets
from orders.datasets import Dataset, Part
from orders.engine.core import Phase, State
from orders.engine.models import TASKS, Kind, OrderTask
from orders.instruments.models import Instrument, master_of
from orders.ledger import OF_TODAY, WORKS, Order, today
from orders.tickets.gathering import listing_of
from tradedesk.database import answers
from tradedesk.times import IST

OLDEST = timedelta(seconds=60)  # what is older tells nothing about now
OVERLAP = timedelta(seconds=5)  # a reading may miss what was filled while it was on its way
MINUTE = timedelta(seconds=60)
NEW = (Kind.PLACE, Kind.PLACE_GTT)


class Missing(Exception):
    """A limit is set and what it is compared with is not known; says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """Something that changes or may change a position: signed, at a price as far as it is known."""

    exchange: str
    symbol: str
    quantity: int
    price: Decimal | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.exchange, self.symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """An order of ours that stands in the book of the exchange, or may."""

    price: Decimal | None  # None: at any price
    name: str


def signed(side: str, quantity: int) -> int:
    return quantity if side == "BUY" else -quantity


def fresh_reading(account: BrokerAccount, part: Part, at: datetime) -> datetime:
    """Give when a part was read; what is too old is asked for and refuses now."""
    read = Dataset.objects.filter(account=account, part=part).first()
    if read and read.synced_at and at - read.synced_at <= OLDEST:
        return read.synced_at
    datasets.watch([account.pk], [part], at)  # so that trying again helps
    age = "not known"
    if read and read.synced_at:
        age = f"{(at - read.synced_at).total_seconds():.0f} seconds old"
    raise Missing(
        f"A limit of this account needs its {part.label.lower()}, and they are {age}. They are being "
        "read now: send it again in a few seconds."
    )


def position_rows(account: BrokerAccount) -> list[Any]:
    """Give the positions with what was carried. The portfolio keeps them; only their rows are read."""
    rows: Any = account
    return list(rows.positionrows.filter(is_day=False))


def held(account: BrokerAccount, exchange: str, symbol: str) -> int:
    """Tell what a trigger could close, as it was read last: positions of all products, and holdings."""
    rows: Any = account
    shares = rows.holdingrows.filter(exchange=exchange, symbol=symbol)
    owned: int = sum(row.quantity + row.t1_quantity + row.collateral_quantity for row in shares)
    here = [
        row for row in position_rows(account) if (row.exchange, row.symbol) == (exchange, symbol)
    ]
    traded: int = sum(row.quantity for row in here)
    return owned + traded


UNSEEN = """
FROM orders_ordertask task
WHERE account_id = %(account)s AND kind = 'place'
  AND (state = 'UNKNOWN' OR (state = 'RUNNING' AND phase = 'SENDING')
       OR (state = 'COMPLETED' AND sent_at >= %(since)s))
  AND (order_ids = '[]' OR EXISTS (
       SELECT FROM jsonb_array_elements_text(order_ids) one
       WHERE NOT EXISTS (SELECT FROM orders_order
                         WHERE account_id = %(account)s AND order_id = one)))
"""


def unseen_tasks(account: BrokerAccount, at: datetime) -> list[OrderTask]:
    """Give the orders that were sent, or may have been, and that the book does not show yet."""
    question = f"SELECT {TASKS.columns('task')} {UNSEEN} ORDER BY sequence"
    return TASKS.of(question, {"account": account.pk, "since": at - OLDEST})


def legs_of_changes(account: BrokerAccount, orders: Iterable[Order], at: datetime) -> list[Leg]:
    """Give what orders grow by, or may have, that were changed and not heard of since."""
    open_ended = Q(state=State.UNKNOWN) | Q(state=State.RUNNING, phase=Phase.SENDING)
    recent = Q(state=State.COMPLETED, sent_at__gte=at - OLDEST)
    sent = OrderTask.objects.filter(open_ended | recent, account=account, kind=Kind.MODIFY)
    book = {order.order_id: order for order in orders}
    legs = []
    for task in sent:
        order = book.get(task.target)
        if order is None or task.sent_at is None or order.synced_at > task.sent_at + OVERLAP:
            continue
        quantity = max(0, task.params.get("quantity", order.quantity) - order.quantity)
        price = task.params.get("price") or task.params.get("trigger_price")
        legs.append(
            Leg(
                exchange=order.exchange,
                symbol=order.symbol,
                quantity=signed(order.side, quantity),
                price=Decimal(price) if price else order.price or None,
            )
        )
    return legs


def leg_of(task: OrderTask) -> Leg:
    return leg_from(task, task.params)


def leg_from(task: OrderTask, terms: Mapping[str, Any]) -> Leg:
    price = terms.get("price") or terms.get("trigger_price")
    return Leg(
        exchange=task.exchange, symbol=task.symbol,
        quantity=signed(terms["side"], terms["quantity"]), price=Decimal(price) if price else None,
    )  # fmt: skip


def legs_to_come(
    orders: Iterable[Order], unseen: Iterable[OrderTask], read_at: datetime
) -> list[Leg]:
    """Give what may change the positions as they were read: what works, and what was filled since."""
    legs = []
    for order in orders:
        is_new = order.synced_at > read_at - OVERLAP
        quantity = order.coming_quantity + (order.filled_quantity if is_new else 0)
        if quantity:
            price = order.price or order.trigger_price or order.average_price or None
            legs.append(
                Leg(
                    exchange=order.exchange,
                    symbol=order.symbol,
                    quantity=signed(order.side, quantity),
                    price=price,
                )
            )
    return legs + [leg_of(task) for task in unseen]


OPPOSITE = f"""
SELECT NULL::bigint, order_id, price::text, NULL FROM orders_order
WHERE account_id = %(account)s AND exchange = %(exchange)s AND symbol = %(symbol)s
  AND side = %(side)s AND {WORKS} AND {OF_TODAY}
  AND status <> '{OrderStatus.TRIGGER_PENDING}'
  AND NOT (status = '{OrderStatus.RECEIVED}' AND trigger_price <> 0)
UNION ALL
SELECT id, NULL, params ->> 'price', params ->> 'trigger_price' {UNSEEN}
  AND exchange = %(exchange)s AND symbol = %(symbol)s AND params ->> 'side' = %(side)s
"""  # noqa: S608 - our own names


def opposite(account: BrokerAccount, leg: Leg, at: datetime) -> Iterator[Resting]:
    """Give what of ours this could meet. A stop is not in the book until it is triggered."""
    side = "SELL" if leg.quantity > 0 else "BUY"
    place = {"account": account.pk, "exchange": leg.exchange, "symbol": leg.symbol, "side": side}
    for task, order_id, price, trigger in answers(
        OPPOSITE, place | today(at) | {"since": at - OLDEST}
    ):
        if not trigger:
            name = f"order {order_id}" if order_id else OrderTask(pk=task).code
            yield Resting(price=Decimal(price or 0) or None, name=name)


def listings(account: BrokerAccount, keys: set[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Give the instruments of these keys, as far as they are known."""
    wanted = Q(pk=None)
    for exchange, symbol in keys:
        wanted |= Q(exchange=exchange, symbol=symbol)
    master = master_of(account.broker, account.environment)
    return {(one.exchange, one.symbol): one for one in Instrument.objects.of(master).filter(wanted)}


def worth_of_one(account: BrokerAccount, keys: set[tuple[str, str]]) -> dict[Any, Decimal | None]:
    """Tell what one unit counts in prices."""
    return {key: listing_of(row).multiplier for key, row in listings(account, keys).items()}


# What was sent -------------------------------------------------------------------------------


def sent_since(since: datetime, *, account: BrokerAccount | None, user: User | None) -> Any:
    """Give the new orders and triggers that were sent since, of an account or of a person in all."""
    whose = Q(account=account) if account else Q(user=user)
    return OrderTask.objects.filter(whose, kind__in=NEW, sent_at__gt=since)


def orders_of(user: User | None, orders: Sequence[Order]) -> list[Order]:
    """Keep the orders that this person gave, each slice of them."""
    if not orders:
        return []
    day_before = min(one.day for one in orders) - timedelta(days=1)
    given = OrderTask.objects.filter(
        account=orders[0].account_id, user=user, kind=Kind.PLACE,
        created_at__gte=datetime.combine(day_before, time.min, IST),
        order_ids__has_any_keys=[one.order_id for one in orders],
    ).values_list("order_ids", flat=True)  # fmt: skip
    mine = {order_id for ids in given for order_id in ids}
    return [one for one in orders if one.order_id in mine]
