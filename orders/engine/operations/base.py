"""What the kinds of tasks share: how each is sent, and what the broker is read for when nobody can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from accounts.brokers.base import Broker
from accounts.brokers.types import Gtt, OrderUpdate, Position
from orders.engine.core import Reason, State, Verdict
from orders.engine.models import OrderTask

TTL_MARKET = timedelta(seconds=10)
TTL_LIMIT = timedelta(seconds=60)
TTL_EXIT = timedelta(
    minutes=2
)  # the position is read again, so that a long queue makes it no wrong one
TTL_LONG = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the broker showed at one moment, as far as it was asked."""

    orders: Mapping[str, OrderUpdate] = field(default_factory=dict)
    gtts: Sequence[Gtt] = ()
    positions: Sequence[Position] = ()
    is_whole: bool = True  # it shows all else that we know, so that what it lacks is not there


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the broker registered."""

    order_ids: tuple[str, ...]
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a reading says of a task."""

    verdict: Verdict
    order_ids: tuple[str, ...] = ()
    message: str = ""


class Operation(Protocol):
    """One kind of task."""

    reads: str  # the part of a reading that shows what became of it
    has_window: bool  # whether the same content within five minutes is a question
    absent: tuple[State, Reason]  # how it ends when whole readings do not show it

    def time_to_live(self, params: Mapping[str, Any]) -> timedelta:
        """Tell how long it may wait: after an outage nothing old is sent."""

    def send(self, broker: Broker, task: OrderTask) -> Sent: ...

    def judge(self, task: OrderTask, tags: Sequence[str], reading: Reading) -> Finding: ...
