"""Orders: placing, changing and ending them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from accounts.brokers.base import Broker
from accounts.brokers.types import OrderRequest, OrderUpdate
from accounts.brokers.words import OrderStatus, Variety
from orders.engine.core import Reason, State, Verdict
from orders.engine.models import OrderTask
from orders.engine.operations.base import (
    TTL_EXIT,
    TTL_LIMIT,
    TTL_LONG,
    TTL_MARKET,
    Finding,
    Reading,
    Sent,
)
from orders.engine.spelling import CAPPED, read_change, read_order
from tradedesk.money import quantity


def order_of(task: OrderTask) -> OrderRequest:
    """Read the order that a task places."""
    return read_order(task.params)


def is_in_parts(order: OrderRequest) -> bool:
    """Tell whether it may stand at the broker as several orders."""
    return order.autoslice or order.variety is Variety.ICEBERG


def roots(told: Sequence[OrderUpdate]) -> list[OrderUpdate]:
    """Leave out what follows another of them: the legs of an iceberg, the stop of a cover order."""
    ids = {one.order_id for one in told}
    return [one for one in told if one.parent_order_id not in ids]


class Place:
    """A new order, found again by its tag."""

    reads = "orders"
    has_window = True
    absent = (State.DEAD_LETTER, Reason.ABSENT)

    def time_to_live(self, params: Mapping[str, Any]) -> timedelta:
        """Tell how long it may wait: after an outage nothing old is sent."""
        if CAPPED in params:
            return TTL_EXIT
        order = read_order(params)
        if order.variety is Variety.AMO:
            return TTL_LONG
        return TTL_LIMIT if order.order_type.has_price else TTL_MARKET

    def send(self, broker: Broker, task: OrderTask) -> Sent:
        placed = broker.place(replace(order_of(task), tag=task.tag))
        refused = [one.refusal for one in placed.slices if not one.order_id]
        message = ""
        if refused:
            message = f"{len(refused)} of {len(placed.slices)} slices were refused: {refused[0]}"
        return Sent(order_ids=placed.order_ids, message=message)

    def judge(self, task: OrderTask, tags: Sequence[str], reading: Reading) -> Finding:
        order = order_of(task)
        ours = [
            told for told in reading.orders.values() if any(told.is_tagged(tag) for tag in tags)
        ]
        if not order.autoslice:
            ours = roots(ours)
        ids = tuple(sorted(told.order_id for told in ours))
        if not ours:
            return Finding(
                verdict=Verdict.ABSENT,
                message="The broker's order book does not have it. You can send it again.",
            )
        wanted = (order.exchange, order.symbol, order.side)
        if any((told.exchange, told.symbol, told.side) != wanted for told in ours):
            message = f"Its tag stands on another order: {', '.join(ids)}."
            return Finding(verdict=Verdict.OTHER, order_ids=ids, message=message)
        standing = sum(one.quantity for one in ours if one.status is not OrderStatus.REJECTED)
        is_too_much = is_in_parts(order) and standing > order.quantity
        if is_too_much or (len(ours) > 1 and not is_in_parts(order)):
            message = f"It stands at the broker {len(ours)} times: {', '.join(ids)}."
            return Finding(verdict=Verdict.SEVERAL, order_ids=ids, message=message)
        there = sum(told.quantity for told in ours)
        if order.autoslice and there < order.quantity:
            message = f"Of {quantity(order.quantity)} only {quantity(there)} stand at the broker."
            return Finding(verdict=Verdict.PART, order_ids=ids, message=message)
        return Finding(verdict=Verdict.FOUND, order_ids=ids)


class Modify:
    """New terms for a working order: the book shows whether it has them."""

    reads = "orders"
    has_window = False
    absent = (State.FAILED, Reason.NOT_APPLIED)

    def time_to_live(self, params: Mapping[str, Any]) -> timedelta:
        return TTL_LIMIT

    def send(self, broker: Broker, task: OrderTask) -> Sent:
        return Sent(order_ids=(broker.modify(read_change(task.params)),))

    def judge(self, task: OrderTask, tags: Sequence[str], reading: Reading) -> Finding:
        told = reading.orders.get(task.target)
        if told is None:
            return Finding(verdict=Verdict.SILENT)
        change = read_change(task.params)
        wanted = {
            "quantity": change.quantity,
            "price": change.price,
            "trigger_price": change.trigger_price,
            "order_type": change.order_type,
            "validity": change.validity,
            "disclosed_quantity": change.disclosed_quantity,
        }
        if all(getattr(told, name) == value for name, value in wanted.items() if value is not None):
            return Finding(verdict=Verdict.FOUND, order_ids=(task.target,))
        if told.status.is_final:
            message = f"The order was {told.status.lower()} before it could be changed."
            return Finding(verdict=Verdict.OVER, message=message)
        if told.status is OrderStatus.MODIFYING:
            return Finding(verdict=Verdict.SILENT)
        message = "The broker did not make the change. The order stands as it was."
        return Finding(verdict=Verdict.ABSENT, message=message)


class Cancel:
    """The end of a working order."""

    reads = "orders"
    has_window = False
    absent = (State.FAILED, Reason.NOT_APPLIED)

    def time_to_live(self, params: Mapping[str, Any]) -> timedelta:
        return TTL_LONG

    def send(self, broker: Broker, task: OrderTask) -> Sent:
        variety = Variety(task.params["variety"])
        parent = task.params.get("parent_order_id")
        return Sent(
            order_ids=(broker.cancel(task.target, variety=variety, parent_order_id=parent),)
        )

    def judge(self, task: OrderTask, tags: Sequence[str], reading: Reading) -> Finding:
        told = reading.orders.get(task.target)
        if told is None:
            return Finding(verdict=Verdict.SILENT)
        if told.status is OrderStatus.CANCELLED:
            return Finding(verdict=Verdict.FOUND, order_ids=(task.target,))
        if told.status.is_final:
            message = f"The order was {told.status.lower()} before it could be cancelled."
            return Finding(verdict=Verdict.OVER, message=message)
        if told.status is OrderStatus.CANCELLING:
            return Finding(verdict=Verdict.SILENT)
        message = "The broker did not cancel it. The order still works; cancel it again."
        return Finding(verdict=Verdict.ABSENT, message=message)
