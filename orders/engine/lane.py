"""The queue of one account: what is next in it, and who may send it."""

from datetime import datetime

from django.db import connection

from accounts.brokerage import BrokerAccount
from accounts.brokers.limits import Decision
from accounts.brokers.words import CallClass
from accounts.lines import limiter
from orders.engine import store
from orders.engine.core import State
from orders.engine.models import OrderTask

LOCKS = 7_301  # our name among the advisory locks


def next_task(account_id: int) -> OrderTask | None:
    """Give what is due: exits and cancels first, then in the order of arrival."""
    due = OrderTask.objects.raw(
        "SELECT * FROM orders_ordertask WHERE account_id = %s AND state = 'PENDING' "
        "AND clock_timestamp() >= least(try_at, expires_at) ORDER BY is_exit DESC, sequence LIMIT 1",
        [account_id],
    )
    return next(iter(due), None)


def until_next(account_id: int) -> float | None:
    """Tell in how many seconds something that waits by itself is due."""
    waiting = OrderTask.objects.filter(account=account_id, state=State.PENDING)
    first = waiting.order_by("try_at").values_list("try_at", flat=True).first()
    return None if first is None else max(0.0, (first - store.now()).total_seconds())


def lock(account_id: int) -> bool:
    """Take the account's lock for this transaction, unless somebody holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCKS, account_id])
        return bool(cursor.fetchone()[0])


def sending_now(account_id: int) -> tuple[datetime, bool]:
    """Give the time, and whether somebody is sending. Asked once the lock is ours, not with it:
    a question sees what was committed when it was asked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp(), EXISTS (SELECT FROM orders_ordertask WHERE account_id = %s "
            "AND state = 'RUNNING' AND lease_until > clock_timestamp())",
            [account_id],
        )
        now, is_taken = cursor.fetchone()
    return now, is_taken


def class_of(task: OrderTask) -> CallClass:
    return CallClass.EXIT if task.is_exit else CallClass.ENTRY


def permit_for(task: OrderTask, account: BrokerAccount) -> Decision:
    """Ask whether one more call fits into this second, of all processes."""
    return limiter(account.broker).ask(str(account.pk), class_of(task))


def spend(permit: Decision, task: OrderTask, account: BrokerAccount) -> None:
    """Count the call from now on: the broker has heard it."""
    limiter(account.broker).arrived(str(account.pk), class_of(task), permit)


def turn_of(permit: Decision) -> str:
    return "Redis to come back" if permit.is_limiter_away else "its turn"
