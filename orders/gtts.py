"""What becomes of triggers (GTT): placing, changing and deleting one."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.brokerage import BrokerAccount
from accounts.brokers.registry import kind as broker_kind
from accounts.brokers.types import GttLeg, GttRequest
from accounts.brokers.words import GttKind, Side
from accounts.models import User
from orders.engine import asking
from orders.engine.accept import Accepted, Asked, NotAccepted
from orders.engine.models import Kind, OrderTask
from orders.engine.spelling import spell
from orders.front import Refused, caps_of
from orders.ledger import GttTrigger
from orders.quotes import last_price
from orders.tickets import Facts, refusals
from orders.tickets.gathering import facts_for
from orders.tickets.gtt_form import problems_of
from orders.tickets.triggers import ticket_of

NO_PRICE = "The broker wants the last price of {symbol} with it, and did not tell it now. Send it again in a moment."
NOT_KEPT = "This broker keeps no triggers. Place a stop order instead: it stands for the day."


def has_gtt(account: BrokerAccount) -> bool:
    """Tell whether the broker keeps triggers for this account."""
    return bool(broker_kind(account.broker).capabilities(account.environment).gtt)


def facts_of(
    request: GttRequest, account: BrokerAccount, at: datetime, *, user: User | None = None
) -> Facts:
    """Gather what a trigger is judged by, the last price too."""
    return facts_for(
        ticket_of(request, request.legs[0]),
        account,
        at=at,
        caps=caps_of(account, user),
        last=last_price(account, request.exchange, request.symbol, user=user),
    )


def looked_over(asked: Asked, request: GttRequest, at: datetime) -> GttRequest:
    """Look a trigger over, and write down where the price stood."""
    if not has_gtt(asked.account):
        raise NotAccepted(NOT_KEPT)
    facts = facts_of(request, asked.account, at, user=asked.user)
    found = refusals(problems_of(request, facts))
    if found:
        raise Refused(found)
    if facts.last is None:
        raise NotAccepted(NO_PRICE.format(symbol=request.symbol))
    return replace(request, last_price=facts.last.price)


def place(asked: Asked, request: GttRequest, at: datetime) -> Accepted:
    """Have a trigger kept at the broker."""
    if earlier := asking.standing(asked, Kind.PLACE_GTT, spell(request)):
        return earlier
    return asking.place_gtt(asked, looked_over(asked, request, at))


def modify(asked: Asked, gtt: GttTrigger, request: GttRequest, at: datetime) -> Accepted:
    """Have a trigger wait for something else."""
    if earlier := asking.standing(asked, Kind.MODIFY_GTT, asking.spelt_change(request, gtt)):
        return earlier
    if request == request_of(gtt):
        raise NotAccepted("Nothing is changed yet. Enter new terms, or leave the GTT as it is.")
    return asking.modify_gtt(asked, looked_over(asked, request, at), gtt)


def delete(asked: Asked, gtt: GttTrigger) -> Accepted:
    """Have a trigger ended; one wish that is on its way is enough, one that is unclear is not."""
    if earlier := asking.standing(asked, Kind.DELETE_GTT, {"gtt_id": gtt.gtt_id}):
        return earlier
    same = OrderTask.objects.on_their_way().filter(
        account=asked.account, kind=Kind.DELETE_GTT, target=gtt.gtt_id
    )
    if task := same.first():
        return Accepted(task=task, is_replay=True)
    return asking.delete_gtt(asked, gtt)


def request_of(gtt: GttTrigger) -> GttRequest | None:
    """Write a trigger as the form asks for one; nothing, where its two orders differ in more than price."""
    if gtt.kind not in set(GttKind) or not gtt.legs or len(gtt.triggers) != len(gtt.legs):
        return None
    if len({(leg["side"], leg["quantity"], leg["product"]) for leg in gtt.legs}) > 1:
        return None
    return GttRequest(
        kind=GttKind(gtt.kind),
        exchange=gtt.exchange,
        symbol=gtt.symbol,
        triggers=tuple(map(Decimal, gtt.triggers)),
        last_price=Decimal(0),
        legs=tuple(map(leg_of, gtt.legs)),
    )


def leg_of(leg: dict[str, Any]) -> GttLeg:
    return GttLeg(
        side=Side(leg["side"]),
        quantity=leg["quantity"],
        product=leg["product"],
        price=Decimal(leg["price"]),
    )
