"""Finding out what became of tasks that nobody can tell of: one reading of the book serves them all."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import BrokerError
from accounts.brokers.words import GttStatus
from accounts.lines import line_to
from accounts.ways_in import fresh
from orders import book, inbox
from orders.engine import core, store
from orders.engine.core import State, Timing, Verdict
from orders.engine.models import TRIGGERS, Kind, OrderTask
from orders.engine.operations import Finding, Reading, operation
from orders.inbox import Subject
from orders.ledger import GttTrigger, Order, trading_day

logger = logging.getLogger(__name__)
MINUTE = timedelta(seconds=60)
EMPTY_FOR = timedelta(seconds=5)
LONG_AGO = timedelta(seconds=5)
ONCE = {Kind.PLACE, Kind.PLACE_GTT, Kind.CONVERT}  # what is done twice when it is sent twice


def unclear_tasks(account_id: int) -> list[OrderTask]:
    unclear = OrderTask.objects.filter(account=account_id, state=State.UNKNOWN)
    return list(unclear.order_by("sequence"))


def is_due(task: OrderTask, at: datetime, timing: Timing) -> bool:
    """Tell whether the book is to be read again for it: at once, then ever more rarely."""
    if task.read_at is None or task.sent_at is None:
        return True
    gap = timing.gap((task.read_at - task.sent_at).total_seconds())
    return (at - task.read_at).total_seconds() >= gap


def look(account_id: int, timing: Timing) -> int:
    """Read the account's book if a task waits for it; tell how many are clear now."""
    waiting = unclear_tasks(account_id)
    if not any(is_due(task, store.now(), timing) for task in waiting):
        return 0
    account = fresh(BrokerAccount(pk=account_id))
    began = store.now()
    orders, gtts = set(known_ids(account, began)), set(known_triggers(account))
    try:
        reading = read(account, {operation(task.kind).reads for task in waiting})
    except BrokerError as error:
        logger.info("%s: it could not be read: %s", account.code, error)
        inbox.keep_unread(account, Subject.ORDER, error, heard_from="look", at=began)
        return sum(unread(task, timing) for task in waiting)
    book.absorb(account, reading.orders.values(), heard_from="look", at=began)
    lost: dict[str, set[str]] = {
        "orders": orders - reading.orders.keys(),
        "gtts": gtts - {one.gtt_id for one in reading.gtts},
        "positions": set(),
    }

    def shown(task: OrderTask) -> Reading:
        """Whether a trigger is gone, the others tell; whether an order is, all of them."""
        of_its_kind = lost[operation(task.kind).reads]
        own = {task.target} if task.kind in TRIGGERS else set()
        # Where there are no others, an empty list has to stay empty for a while.
        is_slip = task.target in of_its_kind and not reading.gtts and is_young(task, began)
        return replace(reading, is_whole=of_its_kind <= own and not is_slip)

    # What absorb has found by its tag is clear already.
    return sum(settle(task, shown(task), began, timing) for task in unclear_tasks(account_id))


def catch_up(account_id: int) -> bool:
    """Read the book once if another process may just have sent something; tell whether all is seen."""
    began = store.now()
    open_ended = Q(state__in=[State.RUNNING, State.UNKNOWN])
    sent = OrderTask.objects.filter(open_ended | Q(sent_at__gte=began - MINUTE), account=account_id)
    if not sent.exists():
        return True
    account = fresh(BrokerAccount(pk=account_id))
    try:
        reading = read(account, {"orders"})
    except BrokerError as error:
        logger.info("%s: entries wait for its book: %s", account.code, error)
        return False
    book.absorb(account, reading.orders.values(), heard_from="look", at=began)
    return True


def may_have_arrived(task: OrderTask) -> bool:
    """Tell whether what goes again may have arrived: the broker heard of it, or it is some time ago."""
    if not task.attempts or task.kind not in ONCE or task.sent_at is None:
        return False
    is_old = store.now() - task.sent_at > LONG_AGO
    return is_old or task.tries.filter(status__isnull=False).exists()


def stands_already(task: OrderTask) -> bool:
    """Tell whether the broker has an earlier attempt of this task; whatever it shows is taken in."""
    if not may_have_arrived(task):
        return False
    began = store.now()
    acting = operation(task.kind)
    reading = read(task.account, {acting.reads})
    book.absorb(task.account, reading.orders.values(), heard_from="look", at=began)
    finding = acting.judge(task, store.tags_of(task), reading)
    return finding.verdict is not Verdict.ABSENT


def read(account: BrokerAccount, parts: set[str]) -> Reading:
    """Ask the broker for what the tasks need, each part once."""
    with line_to(account) as broker:
        return Reading(
            orders={one.order_id: one for one in broker.orders()} if "orders" in parts else {},
            gtts=broker.gtts() if "gtts" in parts else (),
            positions=broker.positions().net if "positions" in parts else (),
        )


def known_ids(account: BrokerAccount, at: datetime) -> Iterable[str]:
    """Name the orders of today that a whole book must show."""
    today = Order.objects.filter(account=account, day=trading_day(at))
    return today.exclude(status_text=book.SENT).values_list("order_id", flat=True)


def known_triggers(account: BrokerAccount) -> Iterable[str]:
    """Name the triggers that a whole list must show."""
    waiting = GttTrigger.objects.filter(account=account, status=GttStatus.ACTIVE, is_listed=True)
    return waiting.values_list("gtt_id", flat=True)


def is_young(task: OrderTask, at: datetime) -> bool:
    return task.sent_at is not None and at - task.sent_at < EMPTY_FOR


def is_past(task: OrderTask, at: datetime) -> bool:
    return task.sent_at is not None and trading_day(task.sent_at) != trading_day(at)


def unread(task: OrderTask, timing: Timing) -> bool:
    """Wait for a reading that works, but not for the book of a day that is over."""
    at = store.now()
    if is_past(task, at):
        return moved(task, core.read(task, at, Verdict.PAST, timing))
    OrderTask.objects.filter(pk=task.pk, state=State.UNKNOWN).update(read_at=at)
    return False


def settle(task: OrderTask, reading: Reading, at: datetime, timing: Timing) -> bool:
    """Go on with one task from this reading."""
    acting = operation(task.kind)
    finding = acting.judge(task, store.tags_of(task), reading)
    if finding.verdict in {Verdict.ABSENT, Verdict.SILENT} and is_past(task, at):
        finding = Finding(verdict=Verdict.PAST)
    elif finding.verdict in {Verdict.ABSENT, Verdict.PART} and not reading.is_whole:
        finding = Finding(verdict=Verdict.SILENT)
    step = core.read(
        task, at, finding.verdict, timing, order_ids=list(finding.order_ids),
        message=finding.message, absent=acting.absent,
    )  # fmt: skip
    return moved(task, step)


def moved(task: OrderTask, step: core.Step) -> bool:
    """Take the step; tell whether the task is clear now."""
    try:
        store.move(task, step)
    except store.Overtaken:
        return False
    if task.reason == core.Reason.DUPLICATE:
        logger.critical("%s stands at the broker more than once: %s", task.code, task.order_ids)
    elif task.reason == core.Reason.UNCLEAR:
        logger.critical("%s: a person has to decide: %s", task.code, task.message)
    return task.state != State.UNKNOWN
