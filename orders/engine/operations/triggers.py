"""Triggers at the broker. They carry no tag, so they are found again by what they say."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from accounts.brokers.base import Broker
from accounts.brokers.types import Gtt, GttRequest
from accounts.brokers.words import GttStatus
from orders.engine.core import Reason, State, Verdict
from orders.engine.models import Kind, OrderTask
from orders.engine.operations.base import TTL_LONG, Finding, Reading, Sent
from orders.engine.spelling import read_gtt
from orders.risk.triggers import MOST_SKEW

# Above this an alarm goes off; and the broker's clock counts whole seconds.
CLOCKS_APART = timedelta(seconds=MOST_SKEW + 1)


def says_the_same(told: Gtt, wanted: GttRequest) -> bool:
    """Compare what a trigger waits for and what it would order."""
    legs = [(leg.side, leg.quantity, leg.product, leg.price) for leg in told.legs]
    return (told.exchange, told.symbol, told.kind, tuple(told.triggers), legs) == (
        wanted.exchange,
        wanted.symbol,
        wanted.kind,
        tuple(wanted.triggers),
        [(leg.side, leg.quantity, leg.product, leg.price) for leg in wanted.legs],
    )


class PlaceTrigger:
    """A new trigger."""

    reads = "gtts"
    has_window = True
    absent = (State.DEAD_LETTER, Reason.ABSENT)

    def time_to_live(self, params: Mapping[str, Any]) -> timedelta:
        return TTL_LONG

    def send(self, broker: Broker, task: OrderTask) -> Sent:
        return Sent(order_ids=(broker.place_gtt(read_gtt(task.params)),))

    def judge(self, task: OrderTask, tags: Sequence[str], reading: Reading) -> Finding:
        wanted = read_gtt(task.params)
        young = [one for one in reading.gtts if is_younger(one, task)]
        alike = {one.gtt_id for one in young if says_the_same(one, wanted)}
        ids = tuple(sorted(alike - of_others(task, alike)))
        if not ids:
            message = "The broker does not list it. You can send it again."
            return Finding(verdict=Verdict.ABSENT, message=message)
        if len(ids) > 1:
            message = f"It stands at the broker {len(ids)} times: {', '.join(ids)}."
            return Finding(verdict=Verdict.SEVERAL, order_ids=ids, message=message)
        return Finding(verdict=Verdict.FOUND, order_ids=ids)


def is_younger(told: Gtt, task: OrderTask) -> bool:
    if told.created_at is None or task.sent_at is None:
        return True
    return told.created_at >= task.sent_at - CLOCKS_APART


def of_others(task: OrderTask, ids: set[str]) -> set[str]:
    """Name those that another task of the account placed: the same may be asked for twice."""
    others = OrderTask.objects.filter(
        account=task.account_id, kind=Kind.PLACE_GTT, order_id__in=ids
    ).exclude(pk=task.pk)
    return set(others.values_list("order_id", flat=True))


class ModifyTrigger:
    """Another definition for a trigger."""

    reads = "gtts"
    has_window = False
    absent = (State.FAILED, Reason.NOT_APPLIED)

    def time_to_live(self, params: Mapping[str, Any]) -> timedelta:
        return TTL_LONG

    def send(self, broker: Broker, task: OrderTask) -> Sent:
        return Sent(order_ids=(broker.modify_gtt(task.target, read_gtt(task.params)),))

    def judge(self, task: OrderTask, tags: Sequence[str], reading: Reading) -> Finding:
        told = listed(task.target, reading)
        if told is None and not reading.is_whole:
            return Finding(verdict=Verdict.SILENT)
        if told is None or told.status != GttStatus.ACTIVE:
            message = "The trigger is over: it was triggered, deleted or has expired."
            return Finding(verdict=Verdict.OVER, message=message)
        if says_the_same(told, read_gtt(task.params)):
            return Finding(verdict=Verdict.FOUND, order_ids=(task.target,))
        message = "The broker did not make the change. The trigger stands as it was."
        return Finding(verdict=Verdict.ABSENT, message=message)


class DeleteTrigger:
    """The end of a trigger."""

    reads = "gtts"
    has_window = False
    absent = (State.FAILED, Reason.NOT_APPLIED)

    def time_to_live(self, params: Mapping[str, Any]) -> timedelta:
        return TTL_LONG

    def send(self, broker: Broker, task: OrderTask) -> Sent:
        return Sent(order_ids=(broker.delete_gtt(task.target),))

    def judge(self, task: OrderTask, tags: Sequence[str], reading: Reading) -> Finding:
        told = listed(task.target, reading)
        if told is None and not reading.is_whole:
            return Finding(verdict=Verdict.SILENT)
        if told is None or told.status != GttStatus.ACTIVE:
            return Finding(verdict=Verdict.FOUND, order_ids=(task.target,))
        message = "The broker did not delete it. The trigger still waits; delete it again."
        return Finding(verdict=Verdict.ABSENT, message=message)


def listed(gtt_id: str, reading: Reading) -> Gtt | None:
    return next((one for one in reading.gtts if one.gtt_id == gtt_id), None)
