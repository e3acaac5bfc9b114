"""How often a broker is called, counted in Redis for all processes together.

Each class of calls has rules: so many in any stretch of so many seconds. A sliding stretch longer
than a second bounds every calendar second of every clock, ours and the broker's. Redis's own clock
counts, so that machines need not agree. Whoever must wait is told how long and at which place, and
first come is first served.

Without Redis, entries wait. Cancels, exits and reads go on, slowly, counted in each process.
"""

import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.brokers import patience
from accounts.brokers.capabilities import Rule
from accounts.brokers.errors import RateLimited
from accounts.brokers.words import CallClass

SCRIPT = Path(__file__).with_name("limits.lua").read_text()
# Move what is in these logs by this name to now.
DELAY = """
local time = redis.call('TIME')
for _, log in ipairs(KEYS) do
  redis.call('ZADD', log, 'XX', time[1] * 1000000 + time[2], ARGV[1])
end
"""
# A permit is for now: the network's part of the margin in each stretch of a second.
FRESH_SECONDS = 0.1
LONGEST_NAP = 0.25
REDIS_SECONDS = 0.5
# While Redis is away, each process lets one call of a class pass in so many seconds.
ALONE = {
    CallClass.EXIT: 1.0,
    CallClass.READ: 1.0,
    CallClass.SYNC: 2.0,
    CallClass.QUOTE: 4.0,
    CallClass.HISTORICAL: 4.0,
}
ASK_AGAIN_SECONDS = 1.0

share: ContextVar[CallClass] = ContextVar("share", default=CallClass.READ)


def connect(url: str) -> "redis.Redis":
    """Make the limiter's client: it gives up soon, since waiting for Redis is waiting with money."""
    return redis.Redis.from_url(
        url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 1),  # a kept connection may be older than a restarted Redis
        retry_on_error=[redis.ConnectionError],
    )


@contextmanager
def as_sync() -> Iterator[None]:
    """Take the reads of this block from the share of the routine sync."""
    token = share.set(CallClass.SYNC)
    try:
        yield
    finally:
        share.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a call may leave now; if not, how long to wait, and how many stand before it."""

    is_granted: bool
    wait: float = 0.0
    place: int = 0  # 1 is next
    is_limiter_away: bool = False
    asked_at: float = field(default_factory=time.monotonic)
    ticket: int = 0
    name: str = ""  # of the call in the logs

    @property
    def is_fresh(self) -> bool:
        """Tell whether it still holds: a permit not used at once is spent, not saved."""
        return self.is_granted and time.monotonic() - self.asked_at < FRESH_SECONDS


class Limiter:
    """The allowances of accounts, shared by every process that has the same Redis.

    Give it a client made by `connect`: an ordinary one tries for seconds before it tells that Redis
    is away.
    """

    def __init__(
        self,
        client: "redis.Redis",
        rules: Mapping[CallClass, tuple[Rule, ...]],
        prefix: str = "calls",
    ) -> None:
        self.rules = rules
        self.prefix = prefix
        self.client = client
        self.script = client.register_script(SCRIPT)
        self.delay = client.register_script(DELAY)
        self.alone = Alone()
        self.ask_again_at = 0.0

    def ask(
        self, account: str, call_class: CallClass, *, waiter: str = "", ticket: int = 0
    ) -> Decision:
        """Take a permit if one is free, else a place in the queue under the waiter's name."""
        asked_at = time.monotonic()
        if asked_at >= self.ask_again_at:
            try:
                return self.ask_redis(account, call_class, waiter, ticket, asked_at)
            except redis.RedisError:
                self.ask_again_at = time.monotonic() + ASK_AGAIN_SECONDS
        return self.alone.ask(account, call_class)

    def ask_redis(
        self, account: str, call_class: CallClass, waiter: str, ticket: int, asked_at: float
    ) -> Decision:
        rules = self.rules[call_class]
        logs = list(dict.fromkeys(rule.log for rule in rules))
        home = self.home(account)
        keys = [f"{home}:waiting:{call_class}", *(f"{home}:log:{log}" for log in logs)]
        name = uuid.uuid4().hex
        spelt: list[str | int] = [name, waiter, ticket]
        for rule in rules:
            young = rule.most if rule.after_restart is None else rule.after_restart
            spelt += [logs.index(rule.log) + 1, micros(rule.seconds), rule.most, young]
        granted, wait, place, number = self.script(keys=keys, args=spelt)
        self.alone.over()
        return Decision(
            is_granted=bool(granted),
            wait=int(wait) / 1e6,
            place=int(place),
            asked_at=asked_at,
            ticket=int(number),
            name=name,
        )

    def arrived(self, account: str, call_class: CallClass, permit: Decision) -> None:
        """Count a call from when it was answered: on a slow machine it came long after its permit.

        Whoever sends one call after the other then never passes the pace at the broker's own count.
        """
        if not permit.name:
            return  # given without Redis, which knows nothing of it
        logs = {f"{self.home(account)}:log:{rule.log}" for rule in self.rules[call_class]}
        with suppress(redis.RedisError):
            self.delay(keys=sorted(logs), args=[permit.name])

    def wait(
        self,
        account: str,
        call_class: CallClass,
        *,
        timeout: float,
        on_place: Callable[[int], None] | None = None,
    ) -> Decision:
        """Wait for a permit, in turn. The last decision comes back, granted or not."""
        ends = time.monotonic() + timeout
        waiter, ticket, place = uuid.uuid4().hex, 0, 0
        while True:
            decision = self.ask(account, call_class, waiter=waiter, ticket=ticket)
            if decision.is_fresh or (decision.is_granted and call_class is not CallClass.ENTRY):
                return decision
            ticket = decision.ticket
            if on_place and decision.place != place:
                place = decision.place
                on_place(place)
            left = ends - time.monotonic()
            if left <= 0:
                self.leave(account, call_class, waiter)
                return decision
            time.sleep(min(max(decision.wait, 0.001), LONGEST_NAP, left))

    def leave(self, account: str, call_class: CallClass, waiter: str) -> None:
        """Give up a place in the queue, so that nobody waits for one who has gone."""
        waiting = self.home(account) + f":waiting:{call_class}"
        # Without Redis there is no queue to leave.
        with suppress(redis.RedisError):
            self.client.zrem(waiting, waiter)
            self.client.zrem(f"{waiting}:seen", waiter)

    def home(self, account: str) -> str:
        """Name the keys of an account; the braces keep them on one server of a cluster."""
        return f"{self.prefix}:{{{account}}}"

    def gate(self, account: str, *, timeout: float = 10.0) -> Callable[[CallClass], None]:
        """Make what an adapter calls before each try of a read."""

        def pass_gate(call_class: CallClass) -> None:
            wanted = share.get() if call_class is CallClass.READ else call_class
            decision = self.wait(account, wanted, timeout=min(timeout, patience.left()))
            if not decision.is_granted:
                raise RateLimited(
                    "wait for the desk's own limit", retry_after=math.ceil(decision.wait) or 1
                )

        return pass_gate


class Alone:
    """The slow pace of one process whose Redis is away. Entries do not pass at all."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.next_at: dict[tuple[str, CallClass], float] = {}

    def ask(self, account: str, call_class: CallClass) -> Decision:
        gap = ALONE.get(call_class)
        if gap is None:
            return Decision(is_granted=False, wait=ASK_AGAIN_SECONDS, is_limiter_away=True)
        with self.lock:
            now = time.monotonic()
            # The first waits as well: nobody here knows what others sent just before.
            free_at = self.next_at.setdefault((account, call_class), now + gap)
            if now < free_at:
                return Decision(is_granted=False, wait=free_at - now, is_limiter_away=True)
            self.next_at[account, call_class] = now + gap
        return Decision(is_granted=True, is_limiter_away=True)

    def over(self) -> None:
        """Forget the outage: the next one begins anew."""
        if self.next_at:
            with self.lock:
                self.next_at.clear()


def micros(seconds: float) -> int:
    return round(seconds * 1_000_000)
