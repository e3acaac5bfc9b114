"""One process that looks after accounts' tasks: woken by Postgres, and every two seconds by itself."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
from django.db import DatabaseError, connection

from orders.engine import reconcile, store, sweep
from orders.engine.leading import Lanes
from orders.engine.sending import Sender
from tradedesk import database

logger = logging.getLogger(__name__)
SWEEP_EVERY = 2.0
LOOK_EVERY = 0.25  # whether another process has died
THREADS = 16  # one for an account at most; the process wants a few more connections than that
SICK_FOR = 1.0  # seconds until a failed look is tried again


class Runner:
    """Looks after the accounts whose lane it leads; any number of these processes may run."""

    def __init__(self, sender: Sender | None = None, *, threads: int = THREADS) -> None:
        self.sender = sender or Sender()
        self.lanes = Lanes(self.sender.name)
        self.stopping = threading.Event()
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="lane")
        self.lock = threading.Lock()
        self.busy: set[int] = set()
        self.again: set[int] = set()
        self.timers: dict[int, float] = {}
        self.wake = threading.Event()

    def run(self) -> None:
        """Look after accounts until somebody says stop."""
        listener = threading.Thread(target=self.listen, name="hints", daemon=True)
        listener.start()
        while not self.stopping.is_set():
            with suppress(DatabaseError):
                self.sweep()
            self.keep_time(until=time.monotonic() + SWEEP_EVERY)
        self.pool.shutdown(wait=True)

    def stop(self) -> None:
        self.stopping.set()
        self.wake.set()

    def sweep(self) -> None:
        """Look at every account with work, and keep what this process leads."""
        try:
            for account_id in sweep.accounts_with_work():
                self.submit(account_id, with_sweep=True)
        finally:
            connection.close_if_unusable_or_obsolete()

    def keep_time(self, until: float) -> None:
        """Start what is due, to the millisecond, until the next sweep."""
        while not self.stopping.is_set() and (now := time.monotonic()) < until:
            with self.lock:
                due = [one for one, at in self.timers.items() if at <= now]
                for account_id in due:
                    del self.timers[account_id]
                following = min(self.timers.values(), default=until)
            for account_id in due:
                self.submit(account_id)
            for account_id in self.lanes.of_the_dead():
                self.submit(account_id, with_sweep=True)
            following = min(following, until, now + LOOK_EVERY)
            self.wake.wait(max(0.0, following - time.monotonic()))
            self.wake.clear()

    # Hints -----------------------------------------------------------------------------------

    def listen(self) -> None:
        """Hear which account has something new, in the moment it is committed."""
        while not self.stopping.is_set():
            try:
                with database.connect(autocommit=True) as line:
                    line.execute(f"LISTEN {store.CHANNEL}")
                    while not self.stopping.is_set():
                        for heard in line.notifies(timeout=1.0):
                            self.hear(int(heard.payload))
            except psycopg.Error as error:
                logger.warning("hints are away, the sweep goes on: %s", error)
                self.stopping.wait(SICK_FOR)

    def hear(self, account_id: int) -> None:
        """Look after the account, unless another process does."""
        if not self.lanes.are_led_elsewhere(account_id):
            self.submit(account_id)

    # Accounts --------------------------------------------------------------------------------

    def submit(self, account_id: int, *, with_sweep: bool = False) -> None:
        """Let one thread look after an account; who comes meanwhile makes it look once more."""
        with self.lock:
            if account_id in self.busy:
                self.again.add(account_id)
                return
            self.busy.add(account_id)
        with suppress(RuntimeError):  # the pool is closing
            self.pool.submit(self.look_after, account_id, with_sweep=with_sweep)

    def look_after(self, account_id: int, *, with_sweep: bool) -> None:
        after: float | None = None
        try:
            if self.lanes.lead(account_id):
                if with_sweep or account_id in self.lanes.unswept:
                    sweep.sweep(account_id, self.sender.timing)
                    self.lanes.unswept.discard(account_id)
                after = self.drain(account_id)
        except Exception:
            logger.exception("account %s is looked after again in a moment", account_id)
            after = SICK_FOR
        finally:
            connection.close_if_unusable_or_obsolete()
            self.done(account_id, after)

    def drain(self, account_id: int) -> float | None:
        """Do what can be done now; tell when something is due by itself."""
        while not self.stopping.is_set() and self.lanes.lead(account_id):
            may_enter = account_id in self.lanes.caught_up
            following = self.sender.step(account_id, may_enter=may_enter)
            if following.did_something:
                continue
            if not following.wants_book:
                return following.after
            if not reconcile.catch_up(account_id):
                return SICK_FOR
            self.lanes.caught_up.add(account_id)
        return None

    def done(self, account_id: int, after: float | None) -> None:
        with self.lock:
            self.busy.discard(account_id)
            is_wanted = account_id in self.again
            self.again.discard(account_id)
            if after is not None:
                self.timers[account_id] = time.monotonic() + after
        if is_wanted:
            self.submit(account_id)
        self.wake.set()


def run_once(sender: Sender) -> int:
    """Do, in this process, all that can be done now; tell how many steps it took."""
    steps = 0
    for account_id in sweep.accounts_with_work():
        sweep.sweep(account_id, sender.timing)
        has_seen = False
        while True:
            following = sender.step(account_id, may_enter=has_seen)
            if following.did_something:
                steps += 1
            elif following.wants_book and reconcile.catch_up(account_id):
                has_seen = True
            else:
                break
    return steps
