"""A world in one thread: a clock, a broker, a store with versions, and processes that are run step by step.

Nothing here is left to chance but what the seed decides, so a seed gives the same history again.
"""

import copy
import hashlib
import random
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from orders.engine import core
from orders.engine.core import Phase, Reason, State, Timing, Verdict

BEGIN = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
TIMING = Timing()
IN_FLIGHT = 12.0  # the longest that bytes of a dead process are on their way
LAG = 5.0  # the longest until the book shows an order


class Overtaken(Exception):
    pass


@dataclass
class Row:
    """A task as the table has it."""

    number: int
    expires_at: datetime
    try_at: datetime
    state: str = State.PENDING
    phase: str = Phase.NONE
    reason: str = Reason.NONE
    message: str = ""
    version: int = 1
    attempts: int = 0
    most_attempts: int = core.MOST_ATTEMPTS
    crashes: int = 0
    readings: int = 0
    read_at: datetime | None = None
    lease_until: datetime | None = None
    holder: str = ""
    sent_at: datetime | None = None
    tag: str = ""
    order_id: str = ""
    order_ids: list[str] = field(default_factory=list)


@dataclass
class Order:
    """An order on its way to the broker, or there."""

    tag: str
    task: int
    arrives: datetime
    shows: datetime


type Process = Generator[None]


class World:
    """Everything that a seed decides."""

    def __init__(self, seed: int, *, is_naive: bool = False) -> None:
        self.chance = random.Random(seed)
        self.is_naive = is_naive
        self.now = BEGIN
        self.rows: dict[int, Row] = {}
        self.events: dict[int, list[dict[str, object]]] = {}
        self.orders: list[Order] = []
        self.stopped_at: datetime | None = None
        self.sent_at: list[tuple[datetime, int]] = []
        self.is_calm = False
        self.is_blind = self.chance.random() < 0.2  # the book is never whole
        self.slices_until = self.chance.choice([0, 0, 30, 7200])  # not all slices show before
        self.midnight = BEGIN + timedelta(seconds=self.chance.choice([20, 300, 7200]))
        self.trace = hashlib.sha256()
        for number in range(self.chance.randint(1, 4)):
            self.add(number)
        self.processes: dict[str, Process] = {}
        for name in ("executor 1", "executor 2", "executor 3", "sweep", "operator"):
            self.start(name)

    def add(self, number: int) -> None:
        life = timedelta(seconds=self.chance.choice([10, 60, 300]))
        self.rows[number] = Row(number, self.now + life, self.now)
        self.events[number] = [vars(copy.deepcopy(self.rows[number]))]

    def start(self, name: str) -> None:
        kinds = {"executor": self.execute, "sweep": self.sweep, "operator": self.operate}
        self.processes[name] = kinds[name.split()[0]]()

    # The store ----------------------------------------------------------------------------------

    def read(self, number: int) -> Row:
        return copy.deepcopy(self.rows[number])

    def move(self, row: Row, step: core.Step) -> None:
        """Write a step if nobody was faster, as the table does."""
        here = self.rows[row.number]
        if here.version != row.version:
            raise Overtaken
        for name, value in step.changes.items():
            setattr(here, name, value)
            setattr(row, name, value)
        here.version += 1
        row.version += 1
        self.events[row.number].append({**step.changes, "version": here.version})
        self.trace.update(f"{self.now} {row.number} {step.what}\n".encode())

    # The broker ---------------------------------------------------------------------------------

    def send(self, row: Row) -> str:
        """Let an order leave; what comes back is what the sender sees."""
        self.sent_at.append((self.now, row.number))
        seen = "accepted" if self.is_calm else self.chance.choices(
            ["accepted", "silence", "reset", "dropped", "refused", "limited"], [6, 2, 2, 1, 1, 1]
        )[0]  # fmt: skip
        if seen in {"accepted", "silence", "reset"}:
            late = 0.0 if seen == "accepted" else self.chance.uniform(0, IN_FLIGHT)
            arrives = self.now + timedelta(seconds=late)
            shows = arrives + timedelta(seconds=self.chance.uniform(0, LAG))
            self.orders.append(Order(row.tag, row.number, arrives, shows))
        return seen

    def book(self) -> list[Order]:
        return [one for one in self.orders if one.shows <= self.now]

    # The processes ------------------------------------------------------------------------------

    def execute(self) -> Process:
        """Claim, say so, send, keep: with a gap for everything else between each two."""
        while True:
            yield
            due = [
                one.number
                for one in self.rows.values()
                if one.state == State.PENDING and one.try_at <= self.now
            ]
            if not due:
                continue
            row = self.read(self.chance.choice(due))
            yield
            try:
                yield from self.take(row)
            except (Overtaken, core.NotPossible):
                continue

    def take(self, row: Row) -> Process:
        alive = [
            one for one in self.rows.values() if one.lease_until and one.lease_until > self.now
        ]
        if alive:
            return
        if row.expires_at <= self.now:
            self.move(row, core.end_before_sending(row, Reason.EXPIRED, ""))
            return
        self.move(row, core.claim(row, self.now, TIMING, "somebody"))
        yield
        began = self.now
        if self.stopped_at is not None:
            self.move(row, core.end_before_sending(row, Reason.STOPPED, ""))
            return
        tag = f"{row.number}-{row.attempts + 1}-{row.version}"
        self.move(row, core.begin(row, self.now, TIMING, tag))
        yield
        if (self.now - began).total_seconds() > TIMING.send_guard and not self.is_naive:
            seen = "held up"
        else:
            seen = self.send(row)
        yield
        self.keep(row, seen)

    def keep(self, row: Row, seen: str) -> None:
        steps = {
            "accepted": lambda: core.accepted(row, [row.tag]),
            "refused": lambda: core.refused(row, "no"),
        }
        if seen in {"limited", "held up", "dropped"} or (self.is_naive and seen not in steps):
            pause = TIMING.pause(row.attempts, self.chance.random())
            step = core.not_sent(row, self.now, pause, "", may_retry=True)
        else:
            step = steps[seen]() if seen in steps else core.unclear(row, seen)
        try:
            self.move(row, step)
        except Overtaken:
            stored = self.read(row.number)
            if seen == "accepted" and stored.state != State.COMPLETED:
                self.move(stored, core.found_late(stored, [row.tag]))

    def sweep(self) -> Process:
        while True:
            yield
            book = self.book()
            read_at = self.now
            yield
            for number in list(self.rows):
                row = self.read(number)
                try:
                    self.look_after(row, book, read_at)
                except (Overtaken, core.NotPossible):
                    continue
                yield

    def look_after(self, row: Row, book: list[Order], read_at: datetime) -> None:
        # Now and then a living process is taken for dead.
        is_robbed = row.state == State.RUNNING and self.chance.random() < 0.05
        if is_robbed or (row.lease_until and row.lease_until <= self.now):
            step = core.lease_over(row, self.now, is_gone=is_robbed)
            if self.is_naive and step.what == "left unclear":
                step = core.Step("requeued", {"state": State.PENDING, **core.FREE})
            self.move(row, step)
        elif row.state == State.PENDING and row.expires_at <= self.now:
            self.move(row, core.end_before_sending(row, Reason.EXPIRED, ""))
        elif row.state == State.UNKNOWN:
            ids = [one.tag for one in book if one.task == row.number]
            verdict = self.verdict(row, ids, read_at)
            self.move(row, core.read(row, read_at, verdict, TIMING, order_ids=ids))
        elif row.state == State.DEAD_LETTER or (row.state == State.FAILED and row.attempts):
            ids = [one.tag for one in book if one.task == row.number]
            if ids:
                self.move(row, core.found_late(row, ids))

    def verdict(self, row: Row, ids: list[str], read_at: datetime) -> Verdict:
        if ids and row.sent_at and (read_at - row.sent_at).total_seconds() < self.slices_until:
            return Verdict.PART
        if ids:
            return Verdict.FOUND if len(ids) == 1 else Verdict.SEVERAL
        if row.sent_at and row.sent_at < self.midnight <= read_at:
            return Verdict.PAST
        return Verdict.SILENT if self.is_blind else Verdict.ABSENT

    def operate(self) -> Process:
        """Decide about dead letters, and press the switch now and then."""
        while True:
            yield
            if self.chance.random() < 0.02 and not self.is_calm:
                self.stopped_at = self.now if self.stopped_at is None else None
            letters = [one.number for one in self.rows.values() if core.is_dead_letter(one)]
            if not letters or self.chance.random() < 0.7 or self.is_calm:
                continue
            row, book = self.read(self.chance.choice(letters)), self.book()
            yield
            if self.settling() or any(one.task == row.number for one in book):
                continue
            try:
                self.move(row, core.resend(row, self.now, timedelta(seconds=60)))
            except (Overtaken, core.NotPossible):
                continue

    def settling(self) -> bool:
        return self.is_calm

    # Running ------------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()
            self.check()
        self.is_calm, self.stopped_at = True, None
        for _ in range(4000):
            if (
                all(State(row.state).is_final for row in self.rows.values())
                and not self.on_the_way()
            ):
                break
            self.step()
            self.check()
        for _ in range(60):  # what turned up late is taken in
            self.step()

    def on_the_way(self) -> bool:
        return any(one.shows > self.now for one in self.orders)

    def step(self) -> None:
        """Let one process go one step on, or time pass, or a process die or be stopped for a while."""
        draw = self.chance.random()
        name = self.chance.choice(list(self.processes))
        if draw < 0.12:
            self.now += timedelta(seconds=self.chance.choice([0.01, 0.3, 1, 5, 20]))
        elif draw < 0.15 and not self.is_calm:
            self.start(name)  # killed, and started again
        else:
            next(self.processes[name])

    def check(self) -> None:
        """What holds after every step."""
        for row in self.rows.values():
            there = [one for one in self.orders if one.task == row.number]
            assert len(there) <= 1, f"{row.number} was sent twice: {there}"
            told: dict[str, object] = {}
            for event in self.events[row.number]:
                told |= event
            assert told == vars(row), "events do not give the row"
        if self.stopped_at is not None and self.sent_at:
            last = self.sent_at[-1][0]
            assert (last - self.stopped_at).total_seconds() <= 1.0, "it was sent after the switch"

    def check_end(self) -> None:
        for row in self.rows.values():
            there = [one for one in self.orders if one.task == row.number]
            assert State(row.state).is_final, f"stuck: {row}"
            assert (row.state == State.COMPLETED) == bool(there), f"lost or phantom: {row}, {there}"
            assert row.attempts <= row.most_attempts
