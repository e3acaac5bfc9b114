"""What stands between an account's next task and the broker, in one question.

In SQL, because every order passes here twice: asked one by one, this costs more than the sending.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orders.engine import switch
from orders.engine.models import KillSwitch, OrderTask
from orders.risk.demand import Hold, hold_from
from tradedesk.database import answers

UNCLEAR_FOR = timedelta(minutes=2)
MOST_UNCLEAR = 3
COLUMNS = """
       clock_timestamp(),
       EXISTS (SELECT FROM orders_killswitch WHERE released_at IS NULL),
       EXISTS (SELECT FROM accounts_breaker
               WHERE account_id = asked.account AND opened_at IS NOT NULL),
       EXISTS (SELECT FROM orders_ordertask WHERE account_id = asked.account
               AND state = 'RUNNING' AND lease_until > clock_timestamp()),
       EXISTS (SELECT FROM orders_risklimits
               WHERE user_id IS NOT NULL AND (orders_a_minute IS NOT NULL OR repeats IS NOT NULL)),
       lane.held_since, lane.calm_at, lane.peak, unclear.number, unclear.since
"""
SOURCE = """
FROM (SELECT %s::bigint AS account) asked
LEFT JOIN orders_lane lane ON lane.account_id = asked.account
LEFT JOIN LATERAL (
    SELECT count(*) AS number, min(sent_at) AS since
    FROM orders_ordertask WHERE account_id = asked.account AND state = 'UNKNOWN'
) unclear ON true
"""
WIDTH = 10  # columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How an account stands at one moment of the database's clock."""

    account_id: int
    now: datetime
    is_stopped_somewhere: bool
    is_broken: bool  # its breaker is open
    is_sending: bool  # somebody sends for it now
    counts_people: bool  # somebody may send only so many orders a minute, in all their accounts
    hold: Hold | None
    unclear: int
    unclear_since: datetime | None
    asked_at: float = field(default_factory=time.monotonic)

    @property
    def by_now(self) -> datetime:
        """Tell what the database's clock shows by now, without asking it."""
        return self.now + timedelta(seconds=time.monotonic() - self.asked_at)

    def stop_of(self, task: OrderTask) -> KillSwitch | None:
        """Give what was pressed against this task. Most of the time nothing is."""
        if not self.is_stopped_somewhere:
            return None
        return switch.stop_of(self.account_id, self.now, is_exit=task.is_exit)

    @property
    def is_too_unclear(self) -> bool:
        """Tell whether too much, or something for too long, is nobody knows where."""
        is_old = self.unclear_since is not None and self.now - self.unclear_since >= UNCLEAR_FOR
        return is_old or self.unclear > MOST_UNCLEAR


def outlook_of(account_id: int) -> Outlook:
    return read(account_id, answers(f"SELECT {COLUMNS} {SOURCE}", [account_id])[0])


def read(account_id: int, told: Sequence[Any]) -> Outlook:
    """Make it of the values of its columns."""
    now, stopped, broken, sending, counts, held_since, calm_at, peak, unclear, since = told
    return Outlook(
        account_id=account_id, now=now, is_stopped_somewhere=stopped, is_broken=broken,
        is_sending=sending, counts_people=counts, hold=hold_from(held_since, calm_at, peak), unclear=unclear,
        unclear_since=since,
    )  # fmt: skip
