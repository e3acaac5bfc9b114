"""What reaches everything: each look finds whatever no hint brought and what a dead process left."""

import logging

from django.db.models import Q

from accounts.brokerage import BrokerAccount
from orders.engine import core, points, reconcile, store
from orders.engine.core import Reason, State, Timing
from orders.engine.models import OrderTask
from orders.risk import demand, triggers
from tradedesk import lives

logger = logging.getLogger(__name__)


def accounts_with_work() -> list[int]:
    """Name the accounts whose tasks have not all ended."""
    working = OrderTask.objects.working().order_by()
    return list(working.values_list("account_id", flat=True).distinct())


def sweep(account_id: int, timing: Timing) -> None:
    """Free what dead processes hold, end what is too old, and look for what is unclear."""
    now = store.now()
    running = Q(state=State.RUNNING)
    old = Q(state=State.PENDING, expires_at__lte=now)
    if hold := demand.hold_of(account_id):
        if hold.ends <= now:
            demand.let_go(account_id)
        else:  # what is held keeps its life
            old &= Q(is_exit=True) | Q(expires_at__lte=hold.since)
    for task in OrderTask.objects.filter(running | old, account=account_id).order_by("sequence"):
        try:
            step = (
                core.lease_over(task, now, is_gone=lives.is_gone(task.holder))
                if task.state == State.RUNNING
                else core.end_before_sending(task, Reason.EXPIRED, expired_words(task))
            )
            points.reached("C14")
            store.move(task, step)
        except (store.Overtaken, core.NotPossible):
            continue
        logger.warning("%s: %s", task.code, step.what)
    reconcile.look(account_id, timing)
    triggers.look(BrokerAccount.objects.get(pk=account_id))


def expired_words(task: OrderTask) -> str:
    waited = f" It waited for {task.waits_for}." if task.waits_for else ""
    return f"Its time was over before it could leave; nothing was sent.{waited}"
