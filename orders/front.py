"""What pages and commands do with orders: look a ticket over, then hand it to the engine."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import TradedeskError
from accounts.models import User
from orders import quotes
from orders.engine import asking
from orders.engine.accept import Accepted, Asked
from orders.engine.models import Kind, OrderTask
from orders.engine.spelling import spell
from orders.ledger import Order
from orders.risk.limits import limits_of
from orders.tickets import Caps, Facts, Ticket, refusals
from orders.tickets.checking import check
from orders.tickets.gathering import facts_for
from orders.tickets.problems import Problem


class Refused(TradedeskError):
    """The ticket breaks a rule of ours; nothing was stored."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(problem.text for problem in problems))
        self.problems = problems


def caps_of(account: BrokerAccount, user: User | None = None) -> Caps:
    """Give the most that one order of this account, by this person, may be."""
    return limits_of(account.pk, user.pk if user else None).caps


def facts_of(
    ticket: Ticket,
    account: BrokerAccount,
    at: datetime,
    *,
    user: User | None = None,
    is_exit: bool = False,
    may_wait: bool = False,
) -> Facts:
    """Gather what a ticket is judged by, of this person; the market is asked if there is time for it."""
    look = partial(quotes.look, user=user) if may_wait else quotes.newest
    last, band = quotes.market_in(look(account, ticket.exchange, ticket.symbol))
    return facts_for(
        ticket, account, at=at, caps=caps_of(account, user), is_exit=is_exit,
        last=last, band=band,
    )  # fmt: skip


def standing(asked: Asked, ticket: Ticket) -> Accepted | None:
    """Give the task that this key stands for already."""
    return asking.standing(asked, Kind.PLACE, spell(ticket.request()))


def place(asked: Asked, ticket: Ticket, at: datetime, *, is_exit: bool = False) -> Accepted:
    """Look the ticket over and have it sent; a repeated key is not looked over again."""
    if earlier := standing(asked, ticket):
        return earlier
    facts = facts_of(ticket, asked.account, at, user=asked.user, is_exit=is_exit, may_wait=False)
    found = refusals(check(ticket, facts))
    if found:
        raise Refused(found)
    return asking.place(asked, ticket.request(), is_exit=is_exit)


def working_orders(account: BrokerAccount, at: datetime) -> list[Order]:
    """Give what can still be cancelled, the newest first."""
    today = Order.objects.filter(account=account).of_today(at).working()
    return list(today.order_by("-ordered_at", "-pk"))


def confirming(asked: Asked, earlier: OrderTask) -> Asked:
    """Ask for the same once more, knowingly."""
    return replace(asked, confirms=earlier.pk)
