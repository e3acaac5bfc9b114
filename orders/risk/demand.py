"""How much is asked of an account: 7 requests in a second warn, 9 hold new orders back until it is calm.

Counted are the tasks that were taken, by the database's clock; a bulk operation is one request, however
many tasks it has. Held tasks stay in the queue and keep their life: it runs from their release.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import audit
from accounts.brokerage import BrokerAccount
from orders.engine import core, store
from orders.engine.core import Reason, State
from orders.engine.models import Kind, Lane, OrderTask
from orders.engine.operations import operation
from tradedesk import live
from tradedesk.database import answers

logger = logging.getLogger(__name__)
WARNS = 7
CRITICAL = 9
SECOND = timedelta(seconds=1)
CALM_FOR = timedelta(seconds=10)
LONGEST = timedelta(seconds=60)  # what a task may still live once it is released
ANY_PRICE = {"MARKET", "SL-M"}
TOO_OLD = (
    "New orders were held back, because {peak} requests came in one second. An order at any price is not "
    "sent late: send it again if you still want it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """New orders of an account wait."""

    since: datetime
    ends: datetime  # unless more is asked for meanwhile
    peak: int

    @property
    def words(self) -> str:
        return (
            f"calm: {self.peak} requests came in one second; new orders leave when it was below {WARNS} "
            f"for {CALM_FOR.seconds} s"
        )

    def keeps(self, task: OrderTask) -> bool:
        """Tell whether this task waits for it: it came in time, and lived when the hold began."""
        return not task.is_exit and task.expires_at > self.since and task.created_at < self.ends


def busy() -> QuerySet[Lane]:
    """Give the lanes of the accounts of which too much is asked, or was ten seconds ago."""
    return Lane.objects.filter(calm_at__gt=Now() - CALM_FOR).select_related("account")


def requests(account_id: int, now: datetime) -> list[datetime]:
    """Give the moment of each request of the last second, the newest first."""
    question = (
        "SELECT max(created_at) FROM orders_ordertask WHERE account_id = %s AND created_at > %s "
        "GROUP BY request ORDER BY 1 DESC"
    )
    return [moment for (moment,) in answers(question, [account_id, now - SECOND])]


def note(account: BrokerAccount) -> None:
    """Count a task that was just taken, in its transaction: whoever takes one holds the lane."""
    now = store.now()
    made = requests(account.pk, now)
    if len(made) < WARNS:
        return
    lane = Lane.objects.select_for_update().get(account=account)
    was_calm = lane.calm_at is None or lane.calm_at + CALM_FOR <= now
    if was_calm and lane.held_since:
        release(lane, now)
    if was_calm:
        lane.busy_since, lane.peak = now, 0
        alert(account, "demand.warned", len(made), logging.WARNING)
    lane.peak = max(lane.peak, len(made))
    lane.calm_at = made[WARNS - 1] + SECOND  # then there are fewer in the last second
    if len(made) >= CRITICAL and lane.held_since is None:
        lane.held_since = now
        alert(account, "demand.held", len(made), logging.CRITICAL)
        tell(account, is_held=True)
    lane.save(update_fields=["busy_since", "held_since", "calm_at", "peak"])


def alert(account: BrokerAccount, what: str, made: int, level: int) -> None:
    held = ": new orders are held" if what == "demand.held" else ""
    logger.log(level, "account %s: %s requests in one second%s", account.code, made, held)
    limits = {"requests_in_a_second": made, "warns": WARNS, "critical": CRITICAL}
    audit.record(what, account=account, after=limits)


def tell(account: BrokerAccount, *, is_held: bool) -> None:
    """Have every open page of the account's members ask for its bar."""
    event: live.StopChanged = {
        "type": "stop.changed", "account": account.pk, "level": "HOLD", "is_stopped": is_held,
    }  # fmt: skip
    live.announce(live.account_group(account.pk), event)


def hold_of(account_id: int) -> Hold | None:
    """Give the hold of this account, also one that is over and not yet let go."""
    lane = Lane.objects.filter(account=account_id).first()
    return hold_from(lane.held_since, lane.calm_at, lane.peak) if lane else None


def hold_from(since: datetime | None, calm_at: datetime | None, peak: int | None) -> Hold | None:
    """Read a hold from what its lane says."""
    if since is None or calm_at is None:
        return None
    return Hold(since=since, ends=calm_at + CALM_FOR, peak=peak or 0)


@transaction.atomic
def let_go(account_id: int) -> bool:
    """End the hold if it was calm for long enough."""
    lane = (
        Lane.objects.select_for_update(of=("self",))
        .select_related("account")
        .get(account=account_id)
    )
    now = store.now()
    if lane.held_since is None or lane.calm_at is None or now < lane.calm_at + CALM_FOR:
        return False
    release(lane, now)
    lane.save(update_fields=["held_since"])
    return True


def release(lane: Lane, now: datetime) -> None:
    """Let what was held go on: with a new life, or to its end if it would be sent at any price."""
    hold = hold_from(lane.held_since, lane.calm_at, lane.peak)
    assert hold
    waiting = OrderTask.objects.filter(account=lane.account_id, state=State.PENDING, is_exit=False)
    held = [task for task in waiting.order_by("sequence") if hold.keeps(task)]
    for task in held:
        life = min(operation(task.kind).time_to_live(task.params), LONGEST)
        step = (
            core.end_before_sending(task, Reason.HELD, TOO_OLD.format(peak=hold.peak))
            if is_at_any_price(task)
            else core.let_go(task, now, life)
        )
        try:
            with transaction.atomic():
                store.move(task, step)
        except store.Overtaken:
            logger.info("%s was moved while it was let go", task.code)
    lane.held_since = None
    audit.record("demand.released", account=lane.account, after={"tasks": len(held)})
    tell(lane.account, is_held=False)
    logger.warning("account %s: new orders leave again, %s waited", lane.account.code, len(held))


def is_at_any_price(task: OrderTask) -> bool:
    return task.kind in {Kind.PLACE, Kind.MODIFY} and task.params.get("order_type") in ANY_PRICE
