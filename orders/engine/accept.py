"""The one way in: a task is stored, once for its key, before anybody hears that it was taken."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from psycopg import errors
from psycopg.types.range import TimestamptzRange

from accounts.access import why_no_trading, why_nothing_leaves
from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import TradedeskError
from accounts.models import User
from orders.engine import points, store, switch
from orders.engine.models import TASKS, Lane, OrderTask, Source
from orders.engine.operations import operation
from orders.engine.spelling import fingerprint
from orders.risk import demand
from tradedesk.database import answers
from tradedesk.times import clock

WINDOW = timedelta(minutes=5)
LONGEST_KEY = 64
WHAT_A_KEY_IS = "A key is 1 to 64 plain letters, digits and signs."
KNOWN = (
    f"SELECT {TASKS.columns('task')} FROM orders_ordertask task WHERE account_id = %s AND key = %s"  # noqa: S608
)
LEAVING = """
SELECT clock_timestamp(), EXISTS (SELECT FROM orders_killswitch WHERE released_at IS NULL),
       unlinked_at, paused_at
FROM accounts_brokeraccount WHERE id = %s
"""


class NotAccepted(TradedeskError):
    """Nothing was stored and nothing will be sent; the text says why and what to do."""


class KeyUsed(NotAccepted):
    """The key stands for something else already."""

    def __init__(self, task: OrderTask) -> None:
        super().__init__(
            "This form was used for another order already. Open the ticket again and send it from there."
        )
        self.task = task


class PossibleDuplicate(NotAccepted):
    """The same was asked for within five minutes: a question, not a refusal."""

    def __init__(self, earlier: OrderTask) -> None:
        super().__init__(
            f"The same order was given at {clock(earlier.created_at)} IST ({earlier.code}). "
            "Send it once more only if you want it twice."
        )
        self.earlier = earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for something, from where, under which key."""

    account: BrokerAccount
    key: str
    source: Source
    user: User | None = None
    who: str = ""
    request: uuid.UUID | None = None  # of a bulk operation: all its tasks carry the same
    strategy: str = ""
    confirms: int | None = None  # the earlier task that a person has seen and wants again

    @property
    def name(self) -> str:
        return self.user.email if self.user else self.who


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The task that stands for the request; `is_replay` says that it stood already."""

    task: OrderTask
    is_replay: bool = False


def accept(
    asked: Asked,
    kind: str,
    params: Mapping[str, Any],
    *,
    exchange: str,
    symbol: str,
    target: str = "",
    is_exit: bool = False,
) -> Accepted:
    """Store the task, or give the one that this key stands for."""
    check_key(asked.key)
    content = fingerprint(asked.account.pk, kind, params)
    if earlier := known(asked, kind, content):
        return earlier
    check_may_leave(asked, is_exit=is_exit)
    place = {"exchange": exchange, "symbol": symbol, "target": target, "is_exit": is_exit}
    for _ in range(2):
        try:
            task = stored(asked, kind, params, content, place)
        except IntegrityError as error:
            points.reached("C3")
            # Both constraints hold for everybody at once, so whoever lost reads what won.
            if earlier := known(asked, kind, content):
                return earlier
            if not isinstance(error.__cause__, errors.ExclusionViolation):
                raise
            if winner := same_content(asked.account.pk, content):
                raise PossibleDuplicate(winner) from error
            # It came to nothing meanwhile: the content is free again.
        else:
            points.reached("C2")
            return Accepted(task=task)
    raise NotAccepted("The same was asked for and given up at this moment. Send it once more.")


@transaction.atomic
def stored(
    asked: Asked, kind: str, params: Mapping[str, Any], content: str, place: Mapping[str, Any]
) -> OrderTask:
    """Write the task, its first event and its window, and wake the engine: all or nothing."""
    acting = operation(kind)
    sequence = next_number(asked.account.pk)
    at = store.now()
    confirms = confirmed(asked, content, at)
    task = OrderTask.objects.create(
        account=asked.account, user=asked.user, who=asked.name, kind=kind,
        source=asked.source, key=asked.key, request=asked.request or uuid.uuid4(),
        sequence=sequence, fingerprint=content, window=window_from(at, kind),
        params=dict(params), strategy=asked.strategy, confirms_id=confirms, try_at=at,
        expires_at=at + acting.time_to_live(params), created_at=at, **place,
    )  # fmt: skip
    store.record(task, "taken", standing_of(task), asked.name)
    demand.note(asked.account)
    store.tell(task)
    store.hint(task.account_id)
    points.reached("C1")
    return task


def window_from(at: datetime, kind: str) -> TimestamptzRange | None:
    """Give the time in which the same content is a question."""
    return TimestamptzRange(at, at + WINDOW) if operation(kind).has_window else None


def check_key(key: str) -> None:
    if not is_key(key):
        raise NotAccepted(WHAT_A_KEY_IS)


def is_key(key: str) -> bool:
    return 1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()


def known(asked: Asked, kind: str, content: str) -> Accepted | None:
    """Find what this key stands for already."""
    found = TASKS.of(KNOWN, [asked.account.pk, asked.key])
    if not found:
        return None
    task = found[0]
    if (task.kind, task.fingerprint) != (kind, content):
        raise KeyUsed(task)
    return Accepted(task=task, is_replay=True)


def check_may_leave(asked: Asked, *, is_exit: bool) -> None:
    """Refuse at once what the engine would refuse anyway."""
    account_id = asked.account.pk
    [(now, is_stopped, unlinked_at, paused_at)] = answers(LEAVING, [account_id])
    if is_stopped and (stop := switch.stop_of(account_id, now, is_exit=is_exit)):
        raise NotAccepted(switch.words(stop) + ".")
    if unlinked_at:
        raise NotAccepted("This account is no longer linked.")
    if why := (
        why_no_trading(asked.user.pk, account_id) if asked.user else why_nothing_leaves(paused_at)
    ):
        raise NotAccepted(why)


def confirmed(asked: Asked, content: str, at: datetime) -> int | None:
    """Check that what a person confirms is the same content in the same account; end its window."""
    if asked.confirms is None:
        return None
    same = OrderTask.objects.filter(account=asked.account, fingerprint=content)
    earlier = same.filter(pk=asked.confirms).first()
    if earlier is None:
        raise NotAccepted("The order that you confirm is another one. Look at it again.")
    if earlier.window and earlier.window.upper > at:
        ended = TimestamptzRange(earlier.window.lower, max(at, earlier.window.lower))
        same.filter(pk=earlier.pk, window__isnull=False).update(window=ended)
    return earlier.pk


def reopen(task: OrderTask) -> None:
    """Make its content a question again, or say which newer task asks for the same."""
    window = window_from(store.now(), task.kind)
    try:
        with transaction.atomic():
            Lane.objects.select_for_update().get(account=task.account_id)  # as whoever is taken
            OrderTask.objects.filter(pk=task.pk).update(window=window)
    except IntegrityError as error:
        newer = same_content(task.account_id, task.fingerprint, apart_from=task.pk)
        named = f" by {newer.code}" if newer else ""
        raise NotAccepted(
            f"The same was asked for meanwhile{named}. Nothing was sent again: abandon one of the two."
        ) from error


def same_content(account_id: int, content: str, apart_from: int = 0) -> OrderTask | None:
    """Find whoever has the window of this content."""
    same = OrderTask.objects.filter(account=account_id, fingerprint=content)
    return same.exclude(window=None).exclude(pk=apart_from).order_by("window").last()


def next_number(account_id: int) -> int:
    """Give the account's next number; whoever comes at the same moment waits here for a moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_lane (account_id, sequence, runner) VALUES (%s, 1, '') "
            "ON CONFLICT (account_id) DO UPDATE SET sequence = orders_lane.sequence + 1 "
            "RETURNING sequence",
            [account_id],
        )
        return int(cursor.fetchone()[0])


def standing_of(task: OrderTask) -> dict[str, Any]:
    """Spell all of a new task, so that its events alone tell the whole story."""
    names = [
        "kind", "source", "key", "request", "sequence", "fingerprint", "params", "exchange",
        "symbol", "strategy", "target", "is_exit", "confirms_id", "state", "phase", "reason",
        "message", "attempts", "most_attempts", "crashes", "readings", "read_at", "try_at",
        "expires_at", "lease_until", "holder", "sent_at", "tag", "order_id", "order_ids", "skipped",
    ]  # fmt: skip
    return {name: getattr(task, name) for name in names}
