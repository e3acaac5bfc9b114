"""The kill switch: entries of one account, entries of all, or everything. Only a person releases it."""

import logging
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.brokerage import BrokerAccount
from accounts.models import User
from orders.engine import store
from orders.engine.models import KillSwitch, OrderTask, StopLevel
from tradedesk import live
from tradedesk.times import moment

logger = logging.getLogger(__name__)
LONGEST = timedelta(days=30)  # an end that is further away is a slip of the hand
NOTED_WITHIN = timedelta(seconds=10)  # by whoever pressed it; then anybody does it


def active(at: datetime) -> QuerySet[KillSwitch]:
    """Give what is pressed now."""
    return KillSwitch.objects.filter(
        Q(until=None) | Q(until__gt=at), released_at=None
    ).select_related("account")


def stop_of(account_id: int, at: datetime, *, is_exit: bool) -> KillSwitch | None:
    """Give what keeps a task of this account from leaving, the widest first."""
    wanted = Q(level=StopLevel.L3)
    if not is_exit:
        wanted |= Q(level=StopLevel.L2) | Q(level=StopLevel.L1, account=account_id)
    return active(at).filter(wanted).order_by("-level", "at").first()


def why_not_until(until: datetime | None, at: datetime) -> str:
    """Say what is wrong with an end; nothing, where it will do."""
    if until is None or at < until <= at + LONGEST:
        return ""
    if until <= at:
        return "That is over already."
    return (
        f"Choose an end within {LONGEST.days} days, or none: then it stands until it is released."
    )


@transaction.atomic
def press(
    level: str,
    *,
    why: str,
    who: str,
    account: BrokerAccount | None = None,
    until: datetime | None = None,
    cause: str = "",
    actor: User | None = None,
) -> KillSwitch:
    """Stop at once: the engine reads this row before every sending."""
    pressed = KillSwitch.objects.create(
        level=level, account=account, why=why[:200], who=who, until=until, cause=cause
    )
    wake_everyone(account)
    tell(pressed)
    transaction.on_commit(partial(note, pressed, actor))
    return pressed


def note(pressed: KillSwitch, actor: User | None) -> None:
    """Put it on record once it holds: the record is one chain, and a stop waits for nobody's turn."""
    try:
        with transaction.atomic():
            unrecorded = KillSwitch.objects.filter(pk=pressed.pk, recorded_at=None)
            if unrecorded.update(recorded_at=store.now()):
                audit.record(
                    "trading.stopped", actor=actor, account=pressed.account,
                    after=f"{pressed.level}: {pressed.why}",
                )  # fmt: skip
    except Exception:
        logger.critical("%s holds and is not in the record", pressed, exc_info=True)


def note_forgotten() -> int:
    """Put on record what the process that pressed it could not: it died, or the record was busy."""
    old = KillSwitch.objects.filter(recorded_at=None, at__lt=store.now() - NOTED_WITHIN)
    forgotten = list(old.select_related("account"))
    for stop in forgotten:
        note(stop, User.objects.filter(email=stop.who).first())
    return len(forgotten)


@transaction.atomic
def release(
    stops: QuerySet[KillSwitch], *, who: str, why: str = "", actor: User | None = None
) -> int:
    """Let trading go on. What was refused meanwhile stays refused."""
    at = store.now()
    released = 0
    for stop in stops.filter(released_at=None).select_for_update(of=("self",)):
        stop.released_at, stop.released_by = at, who
        stop.save(update_fields=["released_at", "released_by"])
        audit.record(
            "trading.released", actor=actor, account=stop.account, before=str(stop), after=why[:200]
        )
        tell(stop)
        released += 1
    return released


def tell(stop: KillSwitch) -> None:
    """Say it on every open page of whoever may see what it stops."""
    event: live.StopChanged = {
        "type": "stop.changed",
        "account": stop.account_id,
        "level": stop.level,
        "is_stopped": stop.released_at is None,
    }
    group = live.account_group(stop.account_id) if stop.account_id else live.EVERYBODY
    live.announce(group, event)


def wake_everyone(account: BrokerAccount | None) -> None:
    """Let what waits be refused now, not when its turn comes."""
    waiting = OrderTask.objects.working()
    if account:
        waiting = waiting.filter(account=account)
    for account_id in waiting.order_by().values_list("account_id", flat=True).distinct():
        store.hint(account_id)


def words(stop: KillSwitch) -> str:
    """Say to a trader why nothing leaves."""
    where = f"in {stop.account.name}" if stop.account else "on this desk"
    what = "All trading" if stop.level == StopLevel.L3 else "New orders"
    until = f" until {moment(stop.until, timezone.now())} IST" if stop.until else ""
    return f"{what} {where} stopped by {stop.who}{until}: {stop.why}"
