"""What may become of a task: its states and every step between them. No database, no clock, no chance."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

MOST_ATTEMPTS = 5
MOST_CRASHES = 2
TURNED_UP = "It was found at the broker after the desk had given it up."
SHOWS_DONE = "The broker shows it done; the desk had given it up."  # by whichever wish it was


class State(StrEnum):
    """Where a task stands. COMPLETED means that the broker registered it, not that it was filled."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    DEAD_LETTER = "DEAD_LETTER"

    @property
    def is_final(self) -> bool:
        return self in {State.COMPLETED, State.FAILED, State.DEAD_LETTER}


class Phase(StrEnum):
    """How far a running task is; only in SENDING can the broker have it."""

    NONE = ""
    CLAIMED = "CLAIMED"
    SENDING = "SENDING"


class Reason(StrEnum):
    """Why a task stands where it stands."""

    NONE = ""
    REFUSED = "refused"  # by the broker
    LIMIT = "limit"  # by a rule of ours, looked at again when it was about to leave
    NOT_SENT = "not sent"  # every attempt certainly failed to reach the broker
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    STOPPED = "stopped"  # the kill switch
    HELD = "held"  # too much was asked for, and it would have been sent late at any price
    NOT_APPLIED = "not applied"  # a change that the broker's book shows was not made
    ABSENT = "absent"  # whole readings of the book do not have it
    MISMATCH = "mismatch"  # our tag stands on another order
    DUPLICATE = "duplicate"  # our tag stands on several orders
    POISON = "poison"  # whoever takes it dies
    UNCLEAR = "unclear"  # nothing at the broker tells
    ABANDONED = "abandoned"
    LINKED = "linked"  # a person said which order it is
    LATE = "late"  # it was found at the broker after we had given it up


class Verdict(StrEnum):
    """What a reading of the broker's book says of a task."""

    FOUND = "found"
    PART = "part"  # some of its slices are there, not all
    ABSENT = "absent"
    SEVERAL = "several"
    OTHER = "other"  # our tag, another order
    OVER = "over"  # the order that was to change can no longer change
    SILENT = "silent"  # the reading does not count
    PAST = "past"  # the day of the sending is over, and the book of another day cannot tell


class NotPossible(Exception):
    """The task does not stand where this step begins."""


class Standing(Protocol):
    """What of a task decides."""

    state: str
    phase: str
    reason: str
    version: int
    attempts: int
    most_attempts: int
    crashes: int
    readings: int
    expires_at: datetime
    try_at: datetime
    lease_until: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a task: its name and the new values."""

    what: str
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things take. The send guard is what a stopped process may lose before it must not send."""

    lease: float = (
        15.0  # longer than guard and deadline together: the owner may only have lost its line
    )
    send_guard: float = 0.8
    deadline: float = 7.0
    absent_after: float = 60.0
    silent_after: float = 600.0  # no reading has told anything until then: none will
    whole_readings: int = 3
    first_pause: float = 0.2
    longest_gap: float = 15.0

    def pause(self, attempts: int, chance: float) -> timedelta:
        """Tell how long to wait after so many attempts; `chance` is between 0 and 1."""
        longest = self.first_pause * 2 ** (attempts - 1)
        return timedelta(seconds=longest * (0.5 + chance / 2))

    def gap(self, since_sent: float) -> float:
        """Tell how long after a reading the next one is due: 1, 2, 4, 8, 15 seconds and so on."""
        shortest = self.absent_after / 60
        return min(self.longest_gap, max(shortest, since_sent))

    def scaled(self, factor: float) -> "Timing":
        """Make a clock for trials: all waits shorter, the counts the same."""
        return Timing(
            lease=self.lease * factor,
            send_guard=self.send_guard,
            deadline=self.deadline * factor,
            absent_after=self.absent_after * factor,
            silent_after=self.silent_after * factor,
            whole_readings=self.whole_readings,
            first_pause=self.first_pause * factor,
            longest_gap=self.longest_gap * factor,
        )


FREE = {"phase": Phase.NONE, "lease_until": None, "holder": ""}  # nobody has it


def need(task: Standing, state: State, phase: Phase | None = None) -> None:
    if task.state != state or (phase is not None and task.phase != phase):
        raise NotPossible(f"it is {task.state} {task.phase}".strip())


def end(state: State, reason: Reason, message: str = "", **more: Any) -> dict[str, Any]:
    """Spell the end of a task."""
    return {
        "state": state,
        "reason": reason,
        "message": message,
        **FREE,
        **more,
    }


# Before sending ------------------------------------------------------------------------------


def claim(task: Standing, now: datetime, timing: Timing, holder: str) -> Step:
    """Take it on for a while; whoever dies holding it loses it to others."""
    need(task, State.PENDING)
    if not task.try_at <= now < task.expires_at:
        raise NotPossible("its time has not come, or is over")
    until = now + timedelta(seconds=timing.lease)
    return Step(
        "claimed",
        {"state": State.RUNNING, "phase": Phase.CLAIMED, "lease_until": until, "holder": holder},
    )


def begin(
    task: Standing, now: datetime, timing: Timing, tag: str, skipped: Sequence[str] = ()
) -> Step:
    """Say, before the first byte, that it is about to be sent and by which tag it can be found.

    The lease begins anew: the last look may have been slow, and the sending has to fit into it.
    """
    need(task, State.RUNNING, Phase.CLAIMED)
    if task.lease_until is None or task.lease_until <= now:
        raise NotPossible("the lease is over")
    return Step(
        "sending",
        {
            "phase": Phase.SENDING,
            "lease_until": now + timedelta(seconds=timing.lease),
            "attempts": task.attempts + 1,
            "sent_at": now,
            "tag": tag,
            "readings": 0,
            "read_at": None,
            "skipped": list(skipped),  # what the last look could not check
        },
    )


def in_doubt(task: Standing) -> Step:
    """Do not send again what may stand at the broker by an earlier attempt: look for it first."""
    need(task, State.RUNNING, Phase.CLAIMED)
    if not task.attempts:
        raise NotPossible("it never left")
    changes = {"state": State.UNKNOWN, **FREE}
    message = "An earlier attempt stands at the broker: it was not sent again."
    return Step("in doubt", {**changes, "readings": 0, "read_at": None, "message": message})


def put_back(task: Standing, now: datetime, message: str) -> Step:
    """Give up a claim for a second: nothing was sent."""
    need(task, State.RUNNING, Phase.CLAIMED)
    changes = {"state": State.PENDING, **FREE}
    again = now + timedelta(seconds=1)
    return Step("put back", {**changes, "message": message, "try_at": again})


def cap(task: Standing, params: dict[str, Any]) -> Step:
    """Make an exit smaller, as the position is."""
    need(task, State.RUNNING, Phase.CLAIMED)
    return Step("made smaller", {"params": params})


def no_exit(task: Standing) -> Step:
    """Put it back among the entries: what it was asked for has changed, and it makes nothing smaller."""
    need(task, State.RUNNING, Phase.CLAIMED)
    changes = {"state": State.PENDING, **FREE}
    return Step("no longer smaller", {**changes, "is_exit": False})


def end_before_sending(task: Standing, reason: Reason, message: str) -> Step:
    """End what did not leave: a limit, the kill switch, its time, its owner."""
    if task.state != State.PENDING:
        need(task, State.RUNNING, Phase.CLAIMED)
    return Step(str(reason), end(State.FAILED, reason, message))


def let_go(task: Standing, now: datetime, life: timedelta) -> Step:
    """Let what was held back live on from now."""
    need(task, State.PENDING)
    return Step("let go", {"expires_at": now + life, "try_at": max(now, task.try_at)})


# What the broker said ------------------------------------------------------------------------


def accepted(task: Standing, order_ids: list[str], message: str = "") -> Step:
    need(task, State.RUNNING, Phase.SENDING)
    return Step("accepted", found_as(order_ids, Reason.NONE, message))


def refused(task: Standing, message: str) -> Step:
    need(task, State.RUNNING, Phase.SENDING)
    return Step("refused", end(State.FAILED, Reason.REFUSED, message))


def not_sent(
    task: Standing, now: datetime, pause: timedelta, message: str, *, may_retry: bool
) -> Step:
    """Try again what certainly did not reach the broker, within its attempts and its time."""
    need(task, State.RUNNING, Phase.SENDING)
    again = now + pause
    if may_retry and task.attempts < task.most_attempts and again < task.expires_at:
        changes = {"state": State.PENDING, **FREE}
        return Step("not sent, again", {**changes, "try_at": again, "message": message})
    return Step("not sent", end(State.FAILED, Reason.NOT_SENT, message))


def unclear(task: Standing, message: str) -> Step:
    """Nobody can tell: it is looked for at the broker and never repeated."""
    need(task, State.RUNNING, Phase.SENDING)
    changes = {"state": State.UNKNOWN, **FREE}
    return Step("unclear", {**changes, "message": message})


# What a dead process left --------------------------------------------------------------------


def lease_over(task: Standing, now: datetime, *, is_gone: bool = False) -> Step:
    """Take a task from a process that is gone or no longer answers; its phase proves what may have happened."""
    need(task, State.RUNNING)
    if not is_gone and task.lease_until is not None and task.lease_until > now:
        raise NotPossible("its owner may live")
    changes: dict[str, Any] = {**FREE}
    if task.phase == Phase.SENDING:
        message = "The process that sent it ended before the answer was kept."
        return Step("left unclear", {**changes, "state": State.UNKNOWN, "message": message})
    crashes = task.crashes + 1
    if crashes >= MOST_CRASHES:
        message = "Whatever took it ended at once; nothing was sent."
        return Step("poison", end(State.DEAD_LETTER, Reason.POISON, message, crashes=crashes))
    return Step("freed", {**changes, "state": State.PENDING, "crashes": crashes})


# What the broker's book says -----------------------------------------------------------------


def read(
    task: Standing,
    now: datetime,
    verdict: Verdict,
    timing: Timing,
    *,
    order_ids: list[str] | None = None,
    message: str = "",
    absent: tuple[State, Reason] = (State.DEAD_LETTER, Reason.ABSENT),
) -> Step:
    """Go on from a reading. What is absent, wholly or in part, needs several whole ones, the last a minute on."""
    need(task, State.UNKNOWN)
    if verdict is Verdict.FOUND:
        return Step("found", found_as(order_ids or [], Reason.NONE, message))
    if verdict is Verdict.SEVERAL:
        return Step(
            "several",
            end(State.DEAD_LETTER, Reason.DUPLICATE, message, order_ids=order_ids or []),
        )
    if verdict is Verdict.OTHER:
        return Step(
            "another", end(State.DEAD_LETTER, Reason.MISMATCH, message, order_ids=order_ids or [])
        )
    if verdict is Verdict.OVER:
        return Step("over", end(State.FAILED, Reason.NOT_APPLIED, message, read_at=now))
    waited = (now - task.sent_at).total_seconds() if task.sent_at else 0.0
    if verdict in {Verdict.SILENT, Verdict.PAST} or task.sent_at is None:
        most = timing.absent_after if verdict is Verdict.PAST else timing.silent_after
        return never_told(task, now) if waited >= most else Step("read in vain", {"read_at": now})
    readings = task.readings + 1
    if readings >= timing.whole_readings and waited >= timing.absent_after:
        if verdict is Verdict.PART:
            return Step("found in part", found_as(order_ids or [], Reason.NONE, message))
        state, reason = absent
        return Step(str(reason), end(state, reason, message, readings=readings, read_at=now))
    return Step("not there yet", {"readings": readings, "read_at": now})


def never_told(task: Standing, now: datetime) -> Step:
    """Leave to a person what no reading tells any more."""
    need(task, State.UNKNOWN)
    message = (
        "The broker's book never told what became of it. Look it up at the broker: "
        "link it to its order, or abandon it."
    )
    return Step("never told", end(State.DEAD_LETTER, Reason.UNCLEAR, message, read_at=now))


def found_late(task: Standing, order_ids: list[str], message: str = TURNED_UP) -> Step:
    """Take in what turned up after its task was given up, or while nobody could tell."""
    is_to_go_again = task.state == State.PENDING and task.attempts > 0
    if task.state == State.UNKNOWN or is_to_go_again:
        return Step("found", found_as(order_ids, Reason.NONE, ""))
    given_up = task.state == State.DEAD_LETTER or (task.state == State.FAILED and task.attempts > 0)
    if not given_up:
        raise NotPossible(f"it is {task.state}")
    return Step("found late", found_as(order_ids, Reason.LATE, message))


def found_as(order_ids: list[str], reason: Reason, message: str) -> dict[str, Any]:
    first = order_ids[0] if order_ids else ""
    return end(State.COMPLETED, reason, message, order_id=first, order_ids=order_ids)


# What a person decides -----------------------------------------------------------------------


def is_dead_letter(task: Standing) -> bool:
    """Tell whether a person has to decide."""
    return task.state == State.DEAD_LETTER or (
        task.state == State.FAILED and task.reason == Reason.NOT_SENT
    )


def need_dead_letter(task: Standing) -> None:
    if not is_dead_letter(task):
        raise NotPossible(f"it is {task.state}, no dead letter")


def resend(task: Standing, now: datetime, ttl: timedelta) -> Step:
    """Let it leave once more, as a new attempt with its own tag."""
    need_dead_letter(task)
    if task.reason not in {Reason.ABSENT, Reason.NOT_SENT, Reason.POISON}:
        raise NotPossible("it may stand at the broker: link it or abandon it")
    return Step(
        "sent again",
        {
            "state": State.PENDING,
            "phase": Phase.NONE,
            "reason": Reason.NONE,
            "message": "",
            "try_at": now,
            "expires_at": now + ttl,
            "most_attempts": task.attempts + 1,
            "crashes": 0,
        },
    )


def link(task: Standing, order_id: str) -> Step:
    """Take a person's word for which order it is."""
    need_dead_letter(task)
    return Step("linked", found_as([order_id], Reason.LINKED, ""))


def abandon(task: Standing, why: str) -> Step:
    need_dead_letter(task)
    return Step("abandoned", end(State.FAILED, Reason.ABANDONED, why))
