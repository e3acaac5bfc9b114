"""The last look at an order or a trigger before it leaves, new or changed: its ticket and its limits."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from functools import partial

from django.db import connection

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderRequest
from orders import changes, quotes
from orders.engine import core, store
from orders.engine.core import State
from orders.engine.models import Kind, OrderTask
from orders.engine.spelling import read_change, read_gtt, read_order, spell
from orders.ledger import Order
from orders.risk import measures
from orders.risk.case import Case
from orders.risk.limits import limits_of
from orders.risk.measures import signed
from orders.risk.rules import broken, only_closes
from orders.tickets import Ticket, check, check_gtt, refusals, triggers
from orders.tickets.facts import Facts
from orders.tickets.gathering import facts_for
from orders.tickets.problems import Problem, Severity

LEFT = [State.RUNNING, State.UNKNOWN, State.COMPLETED, State.DEAD_LETTER]
OUTRUN = (
    "A later change of the order left before this one. Look at the order, and change it again if you "
    "still want this."
)
PEOPLE = 7_302  # our name among the advisory locks


def why_not(task: OrderTask, account: BrokerAccount, at: datetime) -> str:
    """Say what our own rules have against it now. Whatever makes a position smaller may leave.

    A change that was to make its order smaller and no longer does goes back among the entries: Overtaken.
    Nothing is awaited: a rule whose quote is missing is left out, and `task.skipped` says so.
    """
    if task.is_exit and task.kind != Kind.MODIFY:
        return ""
    if task.kind == Kind.PLACE:
        ticket = ticket_of(read_order(task.params))
        return look(task, account, ticket, at, partial(check, ticket))
    if task.kind == Kind.MODIFY:
        return why_no_change(task, account, at)
    if task.kind in {Kind.PLACE_GTT, Kind.MODIFY_GTT}:
        return why_no_trigger(task, account, at)
    return ""


def why_not_again(task: OrderTask) -> str:
    """Look once more where a person's orders of all accounts are counted, one of them at a time.

    Within the transaction that writes that this one leaves: the next to look sees it.
    """
    if task.is_exit or task.user_id is None or task.kind not in measures.NEW:
        return ""
    if not limits_of(task.account_id, task.user_id).user.counts_across_accounts:
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [PEOPLE, task.user_id])
    return why_not(task, task.account, store.now())


def why_no_change(task: OrderTask, account: BrokerAccount, at: datetime) -> str:
    order = Order.objects.filter(account=account, order_id=task.target).first()
    if order is None:
        return "The desk's order book does not have the order that is to change. Try again in a few seconds."
    if is_outrun(task):
        return OUTRUN
    wanted = changes.wanted_by(order, read_change(task.params))
    if changes.is_smaller(order, wanted):
        return ""
    if task.is_exit:  # the order became smaller still while this waited
        store.move(task, core.no_exit(task))
        raise store.Overtaken(f"{task.code} makes nothing smaller now: it waits as entries do")
    judge = partial(changes.problems_of, order, wanted)
    return look(task, account, wanted, at, judge, replaced=order)


def is_outrun(task: OrderTask) -> bool:
    """Tell that a later change of the same order has left, or may have: the last word stands."""
    later = OrderTask.objects.filter(
        account=task.account_id, kind=Kind.MODIFY, target=task.target, sequence__gt=task.sequence
    )
    return later.filter(state__in=LEFT, attempts__gt=0).exists()


def why_no_trigger(task: OrderTask, account: BrokerAccount, at: datetime) -> str:
    """Judge a trigger by the largest order that it would release and that closes nothing."""
    request = read_gtt(task.params)
    net = measures.held(account, request.exchange, request.symbol)
    tickets = [triggers.ticket_of(request, leg) for leg in request.legs]
    opening = [one for one in tickets if not only_closes(net, net + signed(one.side, one.quantity))]
    if not opening:
        return ""
    largest = max(opening, key=lambda one: (one.quantity, one.price))
    waiting = replace(largest, trigger_price=request.triggers[0])
    return look(task, account, waiting, at, partial(check_gtt, request))


def look(
    task: OrderTask,
    account: BrokerAccount,
    ticket: Ticket,
    at: datetime,
    judge: Callable[[Facts], list[Problem]],
    *,
    replaced: Order | None = None,
) -> str:
    limits = limits_of(account.pk, task.user_id)
    last, band = quotes.market_in(quotes.newest(account, ticket.exchange, ticket.symbol))
    facts = facts_for(
        ticket, account, at=at, caps=limits.caps, last=last, band=band
    )  # fmt: skip
    problems = judge(facts)
    if found := refusals(problems):
        return found[0].text
    task.skipped = [one.text for one in problems if one.severity != Severity.REFUSES]
    case = Case(
        task=task, account=account, limits=limits, at=at,
        terms=spell(ticket.request()), replaced=replaced, last=last.price if last else None,
    )  # fmt: skip
    return next(broken(case), "")


def ticket_of(order: OrderRequest) -> Ticket:
    """Read an order as the ticket that it came from."""
    names = {one.name for one in fields(Ticket)} - {"protection"}
    told = {name: getattr(order, name) for name in names}
    return Ticket(**told, protection=order.market_protection)
