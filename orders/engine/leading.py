"""Which process looks after an account: whoever has its lane, until its word or its life is over."""

import time
from datetime import timedelta

from orders.engine import store
from orders.engine.models import Lane
from tradedesk import lives

LEASE = timedelta(seconds=6)


class Lanes:
    """The lanes that one process leads, and what it knows of those of others."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.mine: dict[int, float] = {}  # until when our word holds without asking
        self.theirs: dict[int, tuple[str, float]] = {}  # who leads it, and until when that holds
        self.caught_up: set[int] = set()  # whose book was read since the lane is ours
        self.unswept: set[int] = set()  # taken from others, who may have left something

    def lead(self, account_id: int) -> bool:
        """Tell whether this process looks after the account, and keep it so for a while."""
        if self.mine.get(account_id, 0.0) > time.monotonic():
            return True
        lane = Lane.objects.filter(account=account_id)
        found = lane.values_list("runner", "runner_until").first()
        if found is None:  # nothing was ever given
            return False
        leader, until = found
        now = store.now()
        if leader != self.name:
            self.caught_up.discard(account_id)
        if until and until > now and leader != self.name and not lives.is_gone(leader):
            self.mine[account_id] = 0.0
            self.theirs[account_id] = leader, time.monotonic() + (until - now).total_seconds()
            return False
        # Nobody may have been faster.
        free = lane.filter(runner=leader, runner_until=until)
        leads = bool(free.update(runner=self.name, runner_until=now + LEASE))
        self.mine[account_id] = time.monotonic() + LEASE.total_seconds() / 2 if leads else 0.0
        self.theirs.pop(account_id, None)
        if leads and leader != self.name:
            self.unswept.add(account_id)
        return leads

    def are_led_elsewhere(self, account_id: int) -> bool:
        """Tell whether a hint is not for us; each sweep asks again, whatever was known."""
        return self.theirs.get(account_id, ("", 0.0))[1] > time.monotonic()

    def of_the_dead(self) -> list[int]:
        """Name the accounts whose process has ended since it was asked; only the kernel is asked here."""
        theirs = self.theirs.copy()
        gone = {leader for leader in {one for one, _ in theirs.values()} if lives.is_gone(leader)}
        dead = [account_id for account_id, (leader, _) in theirs.items() if leader in gone]
        for account_id in dead:
            self.theirs.pop(account_id, None)
        return dead
