"""What can be asked of a broker through the engine: one function for each kind of task."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from accounts.brokers.registry import kind as broker_kind
from accounts.brokers.types import Conversion, GttRequest, OrderChange, OrderRequest
from accounts.brokers.words import GttStatus, Side
from orders.changes import only_shrinks, wanted_by
from orders.engine.accept import Accepted, Asked, NotAccepted, accept, known
from orders.engine.core import State
from orders.engine.models import Kind, OrderTask
from orders.engine.operations.conversions import BEFORE
from orders.engine.spelling import CAPPED, PIECE, fingerprint, spell
from orders.ledger import GttTrigger, Order


def standing(asked: Asked, kind: Kind, params: Mapping[str, Any]) -> Accepted | None:
    """Give the task that this key stands for already, before the same is looked over once more."""
    return known(asked, kind, fingerprint(asked.account.pk, kind, params))


def place(asked: Asked, order: OrderRequest, *, is_exit: bool = False) -> Accepted:
    """Take a new order."""
    return accept(
        asked,
        Kind.PLACE,
        spell(order),
        exchange=order.exchange,
        symbol=order.symbol,
        is_exit=is_exit,
    )


def close_position(asked: Asked, order: OrderRequest, number: int = 0) -> Accepted:
    """Take an order that closes a position: it is made no larger than the position when it leaves."""
    return accept(
        asked, Kind.PLACE, spelt_exit(order, number), exchange=order.exchange, symbol=order.symbol,
        is_exit=True,
    )  # fmt: skip


def spelt_exit(order: OrderRequest, number: int = 0) -> dict[str, Any]:
    """Spell an order that closes a position; pieces of one exit are not each other's duplicates."""
    return spell(order) | {CAPPED: True} | ({PIECE: number} if number else {})


def modify(asked: Asked, change: OrderChange, order: Order) -> Accepted:
    """Take new terms for a working order; what only makes it smaller passes where entries may not."""
    must_work(order)
    most = (
        broker_kind(asked.account.broker).capabilities(asked.account.environment).most_modifications
    )
    # What waits or was tried may count there; what never left does not.
    made = OrderTask.objects.filter(
        Q(attempts__gt=0) | Q(state__in=[State.PENDING, State.RUNNING]),
        account=asked.account, kind=Kind.MODIFY, target=order.order_id,
    )  # fmt: skip
    if most is not None and made.count() >= most:
        raise NotAccepted(
            f"The broker lets an order be changed {most} times, and this one was. Cancel it and place a new one."
        )
    return accept(
        asked, Kind.MODIFY, spell(change), exchange=order.exchange, symbol=order.symbol,
        target=order.order_id, is_exit=only_shrinks(order, wanted_by(order, change)),
    )  # fmt: skip


def cancel(asked: Asked, order: Order) -> Accepted:
    """Take the wish to end a working order."""
    must_work(order)
    return accept(
        asked, Kind.CANCEL, spelt_cancel(order), exchange=order.exchange, symbol=order.symbol,
        target=order.order_id, is_exit=True,
    )  # fmt: skip


def spelt_cancel(order: Order) -> dict[str, Any]:
    """Spell the wish to end an order."""
    parent = {"parent_order_id": order.parent_order_id} if order.parent_order_id else {}
    return {"order_id": order.order_id, "variety": order.variety} | parent


def must_work(order: Order) -> None:
    if not order.is_working:
        raise NotAccepted(f"The order is {order.status.lower()} already.")


def place_gtt(asked: Asked, request: GttRequest) -> Accepted:
    """Take a trigger to be kept at the broker."""
    return accept(
        asked, Kind.PLACE_GTT, spell(request), exchange=request.exchange, symbol=request.symbol
    )


def modify_gtt(asked: Asked, request: GttRequest, gtt: GttTrigger) -> Accepted:
    """Take another definition for a trigger that waits."""
    must_wait(gtt)
    return accept(
        asked, Kind.MODIFY_GTT, spelt_change(request, gtt), exchange=gtt.exchange,
        symbol=gtt.symbol, target=gtt.gtt_id,
    )  # fmt: skip


def spelt_change(request: GttRequest, gtt: GttTrigger) -> dict[str, Any]:
    """Spell a trigger's new definition; the same for another trigger is something else."""
    return spell(request) | {"gtt_id": gtt.gtt_id}


def delete_gtt(asked: Asked, gtt: GttTrigger) -> Accepted:
    """Take the wish to end a trigger."""
    must_wait(gtt)
    return accept(
        asked, Kind.DELETE_GTT, {"gtt_id": gtt.gtt_id}, exchange=gtt.exchange, symbol=gtt.symbol,
        target=gtt.gtt_id, is_exit=True,
    )  # fmt: skip


def must_wait(gtt: GttTrigger) -> None:
    if not gtt.is_listed or gtt.status != GttStatus.ACTIVE:
        raise NotAccepted(f"The trigger is {gtt.status} already.")


def convert(asked: Asked, wanted: Conversion, *, old: int, new: int) -> Accepted:
    """Take a conversion; `old` and `new` are what stands under both products now, signed."""
    sign = 1 if wanted.side is Side.BUY else -1
    if not 0 < wanted.quantity <= sign * old:
        raise NotAccepted(f"Convert between 1 and {sign * old}: that is what stands there.")
    return accept(
        asked, Kind.CONVERT, spell(wanted) | {BEFORE: [old, new]}, exchange=wanted.exchange,
        symbol=wanted.symbol,
    )  # fmt: skip
