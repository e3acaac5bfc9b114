"""What limits are compared with, from our own rows: positions, working orders, and what we sent.

A position is as old as its last reading. What was filled since is not in it, and what was sent may
not be in the book yet, so both are counted on top: for a few seconds something may be counted twice
and never not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from accounts.brokerage import BrokerAccount
from accounts.brokers.words import OrderStatus
from accounts.models import User
from orders import datasets
from orders.datasets import Dataset, Part
from orders.engine.core import Phase, State
from orders.engine.models import Kind, OrderTask
from orders.instruments.models import Instrument, master_of
from orders.ledger import Order
from orders.tickets.gathering import listing_of

OLDEST = timedelta(seconds=60)  # what is older tells nothing about now
OVERLAP = timedelta(seconds=5)  # a reading may miss what was filled while it was on its way
MINUTE = timedelta(seconds=60)


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

    exchange: str
    symbol: str
    side: str
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


def unclear_or_recent(account: BrokerAccount, kind: Kind, at: datetime) -> list[OrderTask]:
    """Give the tasks that were sent, or may have been, and that the book may not show yet."""
    open_ended = Q(state=State.UNKNOWN) | Q(state=State.RUNNING, phase=Phase.SENDING)
    recent = Q(state=State.COMPLETED, sent_at__gte=at - OLDEST)
    mine = OrderTask.objects.filter(account=account, kind=kind)
    return list(mine.filter(open_ended | recent).order_by("sequence"))


def unseen_tasks(account: BrokerAccount, at: datetime) -> list[OrderTask]:
    """Give the orders that were sent, or may have been, and that the book does not show yet."""
    found = unclear_or_recent(account, Kind.PLACE, at)
    if not found:
        return []
    ids = [one for task in found for one in task.order_ids]
    seen = set(
        Order.objects.filter(account=account, order_id__in=ids).values_list("order_id", flat=True)
    )
    return [task for task in found if not task.order_ids or not seen.issuperset(task.order_ids)]


def legs_of_tasks(tasks: Iterable[OrderTask]) -> list[Leg]:
    return [leg_of(task) for task in tasks]


def legs_of_changes(
    account: BrokerAccount, today: Iterable[Order], at: datetime, target: str
) -> list[Leg]:
    """Give what orders grow by, or may have, that were changed and not heard of since."""
    book = {order.order_id: order for order in today if order.order_id != target}
    legs = []
    for task in unclear_or_recent(account, Kind.MODIFY, at):
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


def orders_today(account: BrokerAccount, at: datetime, target: str = "") -> list[Order]:
    """Give the day's orders; of one that is to change, only what was done."""
    today = list(Order.objects.filter(account=account).of_today(at))
    for order in today:
        if order.order_id == target:
            order.quantity = order.filled_quantity
    return today


def legs_to_come(
    account: BrokerAccount, read_at: datetime, at: datetime, target: str = ""
) -> list[Leg]:
    """Give what may change the positions as they were read: what works, and what was filled since."""
    today = orders_today(account, at, target)
    legs = legs_of_changes(account, today, at, target)
    for order in today:
        is_new = order.synced_at > read_at - OVERLAP
        quantity = order.pending_quantity + (order.filled_quantity if is_new else 0)
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
    return legs + legs_of_tasks(unseen_tasks(account, at))


def resting(
    account: BrokerAccount, exchange: str, symbol: str, at: datetime, target: str = ""
) -> list[Resting]:
    """Give what of ours another order could meet. A stop is not in the book until it is triggered."""
    working = Order.objects.filter(account=account, exchange=exchange, symbol=symbol)
    working = working.exclude(order_id=target)
    waiting = working.of_today(at).working().exclude(status=OrderStatus.TRIGGER_PENDING)
    found = [
        Resting(
            exchange=one.exchange, symbol=one.symbol, side=one.side, price=one.price or None,
            name=f"order {one.order_id}",
        )
        for one in waiting
        if not (one.status == OrderStatus.RECEIVED and one.trigger_price)
    ]  # fmt: skip
    for task in unseen_tasks(account, at):
        terms = task.params
        if (task.exchange, task.symbol) == (exchange, symbol) and not terms.get("trigger_price"):
            price = Decimal(terms["price"]) if terms.get("price") else None
            found.append(
                Resting(
                    exchange=exchange,
                    symbol=symbol,
                    side=terms["side"],
                    price=price,
                    name=task.code,
                )
            )
    return found


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
    """Give the new orders that were sent since, of an account or of a person in every account."""
    whose = Q(account=account) if account else Q(user=user)
    return OrderTask.objects.filter(whose, kind=Kind.PLACE, sent_at__gt=since)


def orders_of(user: User | None, orders: Sequence[Order]) -> list[Order]:
    """Keep the orders that this person gave."""
    mine = set(
        OrderTask.objects.filter(
            user=user, kind=Kind.PLACE, order_id__in=[one.order_id for one in orders]
        ).values_list("account_id", "order_id")
    )
    return [one for one in orders if (one.account_id, one.order_id) in mine]
