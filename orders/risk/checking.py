"""The last look at an order in the moment before it leaves, new or changed: its ticket and its limits."""

from dataclasses import fields
from datetime import datetime

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderRequest
from orders import changes, quotes
from orders.engine import store
from orders.engine.models import Kind, OrderTask
from orders.engine.spelling import read_change, read_order, spell
from orders.ledger import Order
from orders.risk.case import Case
from orders.risk.limits import limits_of
from orders.risk.rules import broken
from orders.tickets import Ticket, check, refusals
from orders.tickets.facts import Facts
from orders.tickets.gathering import facts_for
from orders.tickets.problems import Problem, Severity


def why_not(task: OrderTask, account: BrokerAccount) -> str:
    """Say what our own rules have against it now. Whatever makes a position smaller may leave.

    Nothing is awaited: a rule whose quote is missing is left out, and `task.skipped` says so.
    """
    if task.is_exit or task.kind not in {Kind.PLACE, Kind.MODIFY}:
        return ""
    at = store.now()
    if task.kind == Kind.PLACE:
        ticket = ticket_of(read_order(task.params))
        return look(task, account, ticket, at)
    order = Order.objects.filter(account=account, order_id=task.target).first()
    if order is None:
        return "The desk's order book does not have the order that is to change. Try again in a few seconds."
    wanted = changes.wanted_by(order, read_change(task.params))
    return "" if changes.is_smaller(order, wanted) else look(task, account, wanted, at, order)


def look(
    task: OrderTask,
    account: BrokerAccount,
    ticket: Ticket,
    at: datetime,
    replaced: Order | None = None,
) -> str:
    limits = limits_of(account, task.user)
    last, band = quotes.market_in(quotes.newest(account, ticket.exchange, ticket.symbol))
    facts = facts_for(
        ticket, account, at=at, caps=limits.caps, last=last, band=band
    )  # fmt: skip
    problems = problems_of(ticket, facts, replaced)
    if found := refusals(problems):
        return found[0].text
    task.skipped = [one.text for one in problems if one.severity != Severity.REFUSES]
    case = Case(
        task=task, account=account, user=task.user, limits=limits, at=at,
        terms=spell(ticket.request()), replaced=replaced, last=last.price if last else None,
    )  # fmt: skip
    return next(broken(case), "")


def problems_of(ticket: Ticket, facts: Facts, replaced: Order | None) -> list[Problem]:
    return changes.problems_of(replaced, ticket, facts) if replaced else check(ticket, facts)


def ticket_of(order: OrderRequest) -> Ticket:
    """Read an order as the ticket that it came from."""
    names = {one.name for one in fields(Ticket)} - {"protection"}
    told = {name: getattr(order, name) for name in names}
    return Ticket(**told, protection=order.market_protection)
