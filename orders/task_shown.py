"""Tasks as a page tells them: what was asked for, how it stands, and what became of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.brokers.words import OrderType
from orders import datasets
from orders.engine.core import Reason, State
from orders.engine.models import TRIGGERS, Kind, OrderTask, OrderTaskQuerySet
from orders.engine.operations import order_of
from orders.engine.spelling import read_gtt
from orders.ledger import Order, trading_day
from orders.shown import State as Standing
from orders.shown import state_of
from tradedesk.money import quantity
from tradedesk.times import IST

# The three sentences of an outcome, for an order and for what changes one.
DONE = {
    Kind.PLACE: "Order placed successfully",
    Kind.MODIFY: "Change placed successfully",
    Kind.CANCEL: "Cancellation placed successfully",
    Kind.CONVERT: "Position converted",
    Kind.PLACE_GTT: "GTT placed successfully",
    Kind.MODIFY_GTT: "GTT changed successfully",
    Kind.DELETE_GTT: "GTT deleted",
}
FAILED = {
    Kind.PLACE: "Order failed",
    Kind.MODIFY: "The order was not changed",
    Kind.CANCEL: "The order was not cancelled",
    Kind.CONVERT: "The position was not converted",
    Kind.PLACE_GTT: "GTT failed",
    Kind.MODIFY_GTT: "The GTT was not changed",
    Kind.DELETE_GTT: "The GTT was not deleted",
}
UNKNOWN = "Order status unknown, check order book"
UNKNOWN_TRIGGER = "GTT status unknown, check the list of GTTs"
UNKNOWN_CONVERSION = "Conversion unknown, check the position"
ENDING = frozenset({Kind.CANCEL, Kind.DELETE_GTT})
MAY_STAND = {Reason.DUPLICATE, Reason.MISMATCH, Reason.UNCLEAR}
ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def href(task: OrderTask) -> str:
    """Name the page of a task."""
    return reverse("task", args=[task.account.code, task.pk])


def what_of(task: OrderTask) -> str:
    """Say what a task does: Buy 5 INFY, limit 1,450."""
    if task.kind == Kind.CANCEL:
        return f"Cancel {task.symbol}"
    if task.kind == Kind.MODIFY:
        return f"Change {task.symbol}"
    if task.kind == Kind.CONVERT:
        terms = task.params
        amount = f"{quantity(terms['quantity'])} {task.symbol}"
        return f"Convert {amount} from {terms['old_product']} to {terms['new_product']}"
    if task.kind == Kind.DELETE_GTT:
        return f"Delete the GTT of {task.symbol}"
    if task.kind in TRIGGERS:
        return what_of_gtt(task)
    order = order_of(task)
    price = f" {order.price:f}" if order.price is not None else ""
    trigger = f", trigger {order.trigger_price:f}" if order.trigger_price is not None else ""
    word = "at market" if order.order_type == OrderType.MARKET else f"{order.order_type}{price}"
    return f"{order.side.title()} {quantity(order.quantity)} {order.symbol} {word}{trigger}"


def what_of_gtt(task: OrderTask) -> str:
    """Say what a trigger waits for: GTT sell 5 INFY at 1,400 or 1,600."""
    request = read_gtt(task.params)
    word = "Change the GTT: " if task.kind == Kind.MODIFY_GTT else "GTT "
    leg, prices = request.legs[0], " or ".join(f"{one:f}" for one in request.triggers)
    return f"{word}{leg.side.lower()} {quantity(leg.quantity)} {request.symbol} at {prices}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """One task on a page."""

    task: OrderTask
    place: int | None = None
    order: Order | None = None
    is_given_up: bool = False  # whoever asks has asked often enough
    unknown = UNKNOWN

    @property
    def what(self) -> str:
        return what_of(self.task)

    @property
    def href(self) -> str:
        return href(self.task)

    @property
    def number_of(self) -> str:
        """Tell whose number the broker gave."""
        return "GTT" if self.task.kind in TRIGGERS else "Order"

    @property
    def word(self) -> str:
        """Give its state in one word, as statuses are shown."""
        match self.task.state:
            case State.PENDING:
                return "WAITING"
            case State.RUNNING:
                return "SENDING"
            case State.COMPLETED:
                return "SENT"
            case State.FAILED:
                return "CANCELLED" if self.is_withdrawn else "FAILED"
            case State.DEAD_LETTER if self.task.reason not in MAY_STAND:
                return "FAILED"
        return "UNKNOWN"

    @property
    def is_withdrawn(self) -> bool:
        """Tell that somebody took it back before it left: that is no failure."""
        return self.task.state == State.FAILED and self.task.reason == Reason.CANCELLED

    @property
    def is_settled(self) -> bool:
        """Tell that nothing more happens by itself."""
        return self.task.is_over

    @property
    def level(self) -> str:
        if self.task.state == State.DEAD_LETTER:
            return "error"
        word = "UNKNOWN" if self.is_given_up else self.word
        return {"SENT": "success", "FAILED": "error", "UNKNOWN": "warning"}.get(word, "info")

    @property
    def sentence(self) -> str:
        """Say how it stands: on its way, or one of the three outcomes."""
        task = self.task
        if self.is_given_up:
            return self.nobody_knows
        match task.state:
            case State.PENDING:
                waits = f"Waits for {task.waits_for}" if task.waits_for else "Waits to be sent"
                again = f", attempt {task.attempts + 1} of {task.most_attempts}"
                return waits + (again if task.attempts else "")
            case State.RUNNING:
                return "On its way to the broker"
            case State.COMPLETED:
                return DONE[Kind(task.kind)]
            case State.FAILED if self.is_withdrawn:
                return f"Not sent: {task.message.rstrip('.')}"
            case State.FAILED | State.DEAD_LETTER:
                return f"{FAILED[Kind(task.kind)]}: {task.message.rstrip('.') or task.reason}"
        return self.nobody_knows

    @property
    def nobody_knows(self) -> str:
        """Say where to look while the desk cannot tell."""
        if self.task.kind in TRIGGERS:
            return UNKNOWN_TRIGGER
        return UNKNOWN_CONVERSION if self.task.kind == Kind.CONVERT else UNKNOWN

    @property
    def more(self) -> str:
        """Add what the sentence leaves open."""
        task = self.task
        if task.state == State.PENDING and self.place:
            return f"{ordinal(self.place)} in the queue."
        if task.state == State.UNKNOWN and task.kind in ENDING:
            return "The broker is asked what became of it. You can ask for it once more meanwhile."
        if task.state == State.UNKNOWN:
            return "The broker is asked what became of it. It is not sent again meanwhile."
        if task.state == State.DEAD_LETTER and task.reason in MAY_STAND:
            return "It may stand at the broker: check the order book before you send it again."
        return task.message if task.state == State.COMPLETED else ""

    @property
    def in_book(self) -> Standing | None:
        """Tell how its order stands in the book, once it is there."""
        return state_of(self.order.status, self.order.filled_quantity) if self.order else None


def counts_of(lines: Sequence[TaskLine]) -> dict[str, Any]:
    """Count what was sent, and name apart what was not, the worst first."""
    counts = Counter(line.word for line in lines)
    words = ("FAILED", "UNKNOWN", "SENDING", "WAITING", "CANCELLED")
    unsent = [(word, str(counts[word])) for word in words if counts[word]]
    return {"sent": counts["SENT"], "unsent": unsent}


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st"""
    is_teen = number % 100 in {11, 12, 13}
    return f"{number}{'th' if is_teen else ENDINGS.get(number % 10, 'th')}"


def line_of(task: OrderTask) -> TaskLine:
    """Tell one task."""
    [line] = lines_of([task])
    return line


def lines_of(tasks: Iterable[OrderTask]) -> list[TaskLine]:
    """Tell tasks, each with its place in the queue or its order in the book."""
    tasks = list(tasks)
    numbers = {task.order_id or task.target for task in tasks} - {""}
    accounts = {task.account_id for task in tasks}
    book = {
        (order.account_id, order.order_id): order
        for order in Order.objects.filter(account__in=accounts, order_id__in=numbers)
    }
    # Whoever looks at what was sent wants to see what becomes of it.
    on_the_way = {
        task.account_id
        for task in tasks
        if task.order_id
        and ((order := book.get((task.account_id, task.order_id))) is None or order.is_working)
    }
    datasets.watch(on_the_way, [datasets.Part.ORDERS], timezone.now())
    queues = {account: queue_of(account) for account in accounts_waiting(tasks)}
    return [
        TaskLine(
            task=task,
            place=queues.get(task.account_id, {}).get(task.pk),
            order=book.get((task.account_id, task.order_id or task.target)),
        )
        for task in tasks
    ]


def accounts_waiting(tasks: Iterable[OrderTask]) -> set[int]:
    return {task.account_id for task in tasks if task.state == State.PENDING}


def queue_of(account_id: int) -> dict[int, int]:
    """Number what waits, as the engine takes it: exits first."""
    waiting = OrderTask.objects.filter(account=account_id, state=State.PENDING)
    in_order = waiting.order_by("-is_exit", "sequence").values_list("pk", flat=True)
    return {pk: number for number, pk in enumerate(in_order, start=1)}


def to_look_at(account_ids: Iterable[int], at: datetime) -> OrderTaskQuerySet:
    """Keep what a trader must know of: on its way, unclear, failed today, or to be decided."""
    mine = OrderTask.objects.filter(account__in=account_ids)
    begins = datetime.combine(trading_day(at), time.min, IST)
    working = Q(pk__in=mine.working().values("pk"))
    decided = Q(reason__in=[Reason.ABANDONED, Reason.CANCELLED])  # by a person, who knows
    failed = Q(state=State.FAILED, created_at__gte=begins) & ~decided
    to_decide = Q(pk__in=mine.dead_letters().values("pk"))
    found = mine.filter(working | failed | to_decide).select_related("account")
    return found.order_by("-created_at", "-pk")
