"""The last look at a new order, in the moment before it leaves: its ticket and its limits."""

from dataclasses import fields

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderRequest
from orders.engine import store
from orders.engine.models import Kind, OrderTask
from orders.engine.spelling import read_order
from orders.risk.case import Case
from orders.risk.limits import limits_of
from orders.risk.rules import broken
from orders.tickets import Ticket, check, refusals
from orders.tickets.gathering import facts_for


def why_not(task: OrderTask, account: BrokerAccount) -> str:
    """Say what our own rules have against it now. Whatever makes a position smaller may leave."""
    if task.kind != Kind.PLACE or task.is_exit:
        return ""
    at = store.now()
    limits = limits_of(account, task.user)
    ticket = ticket_of(read_order(task.params))
    facts = facts_for(ticket, account, at=at, caps=limits.caps)
    if found := refusals(check(ticket, facts)):
        return found[0].text
    case = Case(task=task, account=account, user=task.user, limits=limits, at=at)
    return next(broken(case), "")


def ticket_of(order: OrderRequest) -> Ticket:
    """Read an order as the ticket that it came from."""
    names = {one.name for one in fields(Ticket)} - {"protection"}
    told = {name: getattr(order, name) for name in names}
    return Ticket(**told, protection=order.market_protection)
