"""What a person decides: withdrawing what waits; and of what the engine gave up: look again, link, send again, abandon."""

from django.db import transaction
from django.db.models import Q

from accounts import audit
from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import BrokerError
from accounts.models import User
from accounts.ways_in import fresh
from orders import book
from orders.engine import core, points, reconcile, store
from orders.engine.accept import NotAccepted, reopen
from orders.engine.models import Kind, OrderTask
from orders.engine.operations import operation
from orders.ledger import Order
from orders.risk.measures import NEW


def withdraw(task: OrderTask, *, who: str) -> OrderTask:
    """End what still waits. What is leaving already is cancelled at the broker instead."""
    if task.state != core.State.PENDING:
        raise NotAccepted(f"{task.code} is {task.state.lower()}: only what waits can be withdrawn.")
    message = f"{who} withdrew it before it left."
    step = core.end_before_sending(task, core.Reason.CANCELLED, message)
    decide(task, step, who=who, why=message)
    return task


def refresh(task: OrderTask) -> OrderTask:
    """Ask the broker now; whatever it has of the task is taken in."""
    account = fresh(BrokerAccount(pk=task.account_id))
    at, acting = store.now(), operation(task.kind)
    try:
        reading = reconcile.read(account, {acting.reads})
    except BrokerError as error:
        raise NotAccepted(f"The broker could not be asked: {error}.") from error
    book.absorb(account, reading.orders.values(), heard_from="look", at=at)
    task.refresh_from_db()
    finding = acting.judge(task, store.tags_of(task), reading)
    if task.is_dead_letter and finding.verdict in {core.Verdict.FOUND, core.Verdict.PART}:
        words = core.TURNED_UP if task.kind in NEW else core.SHOWS_DONE
        step = core.found_late(task, list(finding.order_ids), words)
        decide(task, step, who=store.ENGINE, why="a look")
    return task


def resend(task: OrderTask, *, who: str, why: str, actor: User | None = None) -> OrderTask:
    """Let a task leave once more, after a fresh look that it is not there."""
    check(task, why)
    if refresh(task).state == core.State.COMPLETED:
        raise NotAccepted(f"It stands at the broker: {task.order_id}. Nothing was sent.")
    ttl = operation(task.kind).time_to_live(task.params)
    try:
        step = core.resend(task, store.now(), ttl)
    except core.NotPossible as error:
        raise NotAccepted(f"{task.code} cannot be sent again: {error}.") from error
    with transaction.atomic():
        reopen(task)
        decide(task, step, who=who, why=why, actor=actor)
    return task


@transaction.atomic
def link(
    task: OrderTask, order_id: str, *, who: str, why: str, actor: User | None = None
) -> OrderTask:
    """Say which order at the broker it is."""
    check(task, why)
    if task.kind != Kind.PLACE:
        raise NotAccepted("Only a new order can be linked to one at the broker.")
    orders = Order.objects.filter(account=task.account_id, order_id=order_id)
    order = orders.select_for_update().first()  # two people may name the same one
    if order is None:
        raise NotAccepted(f"This account has no order {order_id}. Refresh the book first.")
    if reason := why_no_link(task, order):
        raise NotAccepted(reason)
    decide(task, core.link(task, order_id), who=who, why=why, actor=actor)
    return task


def why_no_link(task: OrderTask, order: Order) -> str:
    """Say why the order cannot be what the task asked for; nothing, where it may be."""
    theirs, ours = (f"{one.exchange}:{one.symbol}" for one in (order, task))
    if theirs != ours:
        return f"Order {order.order_id} is of {theirs}, {task.code} is of {ours}."
    if order.side != task.params["side"]:
        return f"Order {order.order_id} is a {order.side}, {task.code} is a {task.params['side']}."
    if owner := owner_of(order, but=task):
        return f"Order {order.order_id} belongs to another task already: {owner.code}."
    return ""


def owner_of(order: Order, *, but: OrderTask) -> OrderTask | None:
    """Find another task that sent this order: as any of its slices, or by a tag of its own."""
    tags = {order.tag, *order.tags} - {None, ""}
    is_its = Q(order_id=order.order_id) | Q(order_ids__contains=[order.order_id])
    placed = OrderTask.objects.filter(account=order.account_id, kind=Kind.PLACE).exclude(pk=but.pk)
    return placed.filter(is_its | Q(tries__tag__in=tags)).order_by("pk").first()


def abandon(task: OrderTask, *, who: str, why: str, actor: User | None = None) -> OrderTask:
    """Close it; should the order turn up all the same, it is taken in and an alarm goes off."""
    check(task, why)
    decide(task, core.abandon(task, why), who=who, why=why, actor=actor)
    return task


def check(task: OrderTask, why: str) -> None:
    if not why.strip():
        raise NotAccepted("Say why, for the record.")
    if not task.is_dead_letter:
        raise NotAccepted(f"{task.code} is {task.state.lower()}; there is nothing to decide.")


@transaction.atomic
def decide(
    task: OrderTask, step: core.Step, *, who: str, why: str, actor: User | None = None
) -> None:
    try:
        store.move(task, step, who=who)
    except (store.Overtaken, core.NotPossible) as error:
        raise NotAccepted(f"{error}. Look at it again.") from error
    account = BrokerAccount.objects.get(pk=task.account_id)
    audit.record(
        f"task.{step.what}", account=account, object=task.code, after=why[:200], actor=actor
    )
    store.hint(task.account_id)
    points.reached("C15")
