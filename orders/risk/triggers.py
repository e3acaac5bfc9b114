"""What presses the kill switch by itself: entries of the account stop until a person releases them.

Each cause has a name. While a stop of that name stands, and for what was seen before its release, it is
not pressed again. What is seen is read from rows, so a process that died has not missed anything.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from accounts.brokerage import BrokerAccount
from orders.datasets import Part
from orders.engine import store, switch
from orders.engine.core import Reason, State
from orders.engine.models import KillSwitch, OrderTask, StopLevel
from orders.ledger import trading_day
from orders.risk import agreement, measures
from orders.risk.limits import limits_of
from orders.risk.measures import Missing
from orders.risk.rules import day_loss
from tradedesk.money import quantity, rupees

logger = logging.getLogger(__name__)
WHO = "the desk itself"
MOST_UNCLEAR = 3
MOST_REFUSALS = 20
MINUTE = timedelta(seconds=60)
DAY = timedelta(days=1)
MOST_SKEW = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why entries stop. The name tells whether it is the same that a person released."""

    name: str
    why: str


def look(account: BrokerAccount) -> list[KillSwitch]:
    """Stop the entries of this account if there is cause; give what was pressed now."""
    at = store.now()
    return press_for(account, [*clock(account), *tasks(account, at), *lost(account, at)])


def look_at_clock(account: BrokerAccount) -> list[KillSwitch]:
    """Do the same for what every order depends on; as long as it is right, nothing is asked."""
    return press_for(account, clock(account))


def look_at_positions(account: BrokerAccount) -> list[KillSwitch]:
    """Do the same for positions that the day's trades do not explain, once both were read."""
    return press_for(account, disagreement(account, store.now()))


def press_for(account: BrokerAccount, causes: Iterable[Cause]) -> list[KillSwitch]:
    if account.is_paper and not settings.AUTOMATIC_STOPS:
        return []  # a measurement, and no money
    return [one for cause in causes if (one := press(account, cause))]


def press(account: BrokerAccount, cause: Cause) -> KillSwitch | None:
    """Press once for one cause, whoever else sees it at the same moment."""
    if KillSwitch.objects.filter(account=account, cause=cause.name).exists():
        return None
    try:
        with transaction.atomic():
            stop = switch.press(
                StopLevel.L1, why=cause.why, who=WHO, account=account, cause=cause.name
            )
    except IntegrityError:
        return None
    logger.critical("account %s: entries are stopped: %s", account.code, cause.why)
    return stop


def released(account: BrokerAccount, name: str) -> datetime | None:
    """Tell when a person last said that trading may go on after such a cause."""
    stops = KillSwitch.objects.filter(account=account, cause__startswith=name)
    found: datetime | None = stops.aggregate(at=Max("released_at"))["at"]
    return found


def since(name: str, account: BrokerAccount) -> str:
    """Name a cause that may come back: what was seen before the last release does not count."""
    at = released(account, name)
    return f"{name} {at:%Y-%m-%dT%H:%M:%S.%f}" if at else name


# Causes --------------------------------------------------------------------------------------


def clock(account: BrokerAccount) -> Iterator[Cause]:
    """A clock that is wrong makes times to live and the day's end wrong."""
    skew = account.clock_skew
    if skew is None or abs(skew) <= MOST_SKEW:
        return
    at = released(account, "clock")
    if at and account.profile_at and account.profile_at <= at:
        return  # nothing was measured since
    yield Cause(
        name=since("clock", account),
        why=f"The broker's clock and ours are {abs(skew):.1f} s apart. Set the clock of this machine.",
    )


def tasks(account: BrokerAccount, at: datetime) -> Iterator[Cause]:
    """What became of the last orders: doubles, late finds, too many refusals, too much unclear."""
    # What turns up late of a cancel or a change opens nothing: it is done, as somebody wished.
    late = Q(reason=Reason.LATE, kind__in=measures.NEW)
    wrong = (Q(reason=Reason.DUPLICATE) | late) & Q(sent_at__gt=at - DAY)
    refusals = Q(reason=Reason.REFUSED, sent_at__gt=at - MINUTE)
    told = OrderTask.objects.filter(wrong | refusals, account=account)
    seen = list(told.values_list("pk", "reason", "sent_at"))
    for pk, reason, _ in seen:
        if reason == Reason.DUPLICATE:
            yield duplicate(pk)
        elif reason == Reason.LATE:
            why = f"T{pk} was given up and turned up at the broker. Look at your positions."
            yield Cause(name=f"late T{pk}", why=why)
    refused = [when for _, reason, when in seen if reason == Reason.REFUSED]
    yield from many(account, "refusals", refused, MOST_REFUSALS, "orders were refused in a minute")
    unclear = OrderTask.objects.filter(account=account, state=State.UNKNOWN)
    moments = list(unclear.values_list("sent_at", flat=True))
    yield from many(account, "unclear", moments, MOST_UNCLEAR, "orders are unclear at once")


def duplicate(pk: int) -> Cause:
    why = f"T{pk} stands at the broker more than once. Look at the order book."
    return Cause(name=f"duplicate T{pk}", why=why)


def many(
    account: BrokerAccount, name: str, moments: list[datetime | None], most: int, words: str
) -> Iterator[Cause]:
    if len(moments) <= most:
        return
    at = released(account, name)
    new = [one for one in moments if one and (at is None or one > at)]
    if len(new) > most:
        yield Cause(name=since(name, account), why=f"{len(new)} {words}; {most} are too many.")


def lost(account: BrokerAccount, at: datetime) -> Iterator[Cause]:
    """The day's loss, if there is a limit and the positions can tell. The limit's own rule refuses else."""
    most = limits_of(account.pk).account.loss
    if most is None:
        return
    try:
        measures.fresh_reading(account, Part.POSITIONS, at)
        found = day_loss(measures.position_rows(account))
    except Missing:
        return
    if found >= most:
        why = f"The day's loss is {rupees(found)}, the limit {rupees(most)}."
        # Once a day for one limit: who releases it or raises it has seen it.
        yield Cause(name=f"loss {trading_day(at)} {most.normalize():f}", why=why)


def disagreement(account: BrokerAccount, at: datetime) -> Iterator[Cause]:
    for one in agreement.standing(account, at):
        why = (
            f"{one.symbol} moved by {quantity(one.moved)} in the positions today and by "
            f"{quantity(one.traded)} in the trades. Compare both with the broker's own screen."
        )
        # Who releases it has seen this difference; another one is news.
        name = f"differs {trading_day(at):%d%m} {one.symbol[:30]} {one.moved - one.traded}"
        yield Cause(name=name[:60], why=why)
