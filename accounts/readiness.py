"""How ready the desk is, part by part: what was found just now, what proved it last, what to do next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis
from django.db import DatabaseError
from django.db.models import TextChoices
from django.urls import reverse
from django.utils import timezone

from accounts import readiness_checks as checks
from accounts.activity import in_words
from accounts.models import AuditEvent
from accounts.readiness_checks import Check, Seen, seen
from tradedesk import health
from tradedesk.errors import OUTAGES
from tradedesk.times import iso

NOT_BUILT = Seen(share=0.0, words="not built yet")


class State(TextChoices):
    """How one part stands."""

    READY = "ready", "Ready"
    PARTLY = "partly", "Partly ready"
    NOT_READY = "not-ready", "Not ready"
    NOT_BUILT = "not-built", "Not built"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One row of the table: its questions, and the events of the record that prove it."""

    name: str
    title: str
    checks: tuple[Check, ...]
    events: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What last showed that a part works."""

    what: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was found of one part."""

    part: Part
    seen: list[tuple[Check, Seen]]
    proof: Proof | None

    @property
    def percent(self) -> int:
        """Tell the share of all its checks; 100 only if every one is as it should be."""
        return int(100 * sum(one.share for _, one in self.seen) / len(self.seen))

    @property
    def state(self) -> State:
        if all(check.look is None for check, _ in self.seen):
            return State.NOT_BUILT
        if self.percent == 100:
            return State.READY
        return State.PARTLY if self.percent else State.NOT_READY

    @property
    def next(self) -> Check | None:
        """Give the first thing that somebody can do something about, else what is not built."""
        wanting = [check for check, one in self.seen if not one.ok]
        return next((check for check in wanting if check.look), next(iter(wanting), None))


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """All rows at one moment."""

    rows: list[Row]
    at: datetime

    @property
    def overall(self) -> int:
        return sum(row.percent for row in self.rows) // len(self.rows)


def look() -> Readiness:
    """Ask everything now. What breaks a check is its answer."""
    now = timezone.now()
    desk = health.look()
    return Readiness(rows=[examined(part, now) for part in parts_of(desk)], at=now)


def examined(part: Part, now: datetime) -> Row:
    found = [(check, answer_to(check)) for check in part.checks]
    return Row(part=part, seen=found, proof=proof_of(part, found, now))


def answer_to(check: Check) -> Seen:
    if check.look is None:
        return NOT_BUILT
    try:
        return check.look()
    except (*OUTAGES, DatabaseError, redis.RedisError, OSError) as error:
        return seen(f"no answer: {type(error).__name__}", ok=False)


def proof_of(part: Part, found: list[tuple[Check, Seen]], now: datetime) -> Proof | None:
    """Find the newest event that proves it; for what leaves no events, what was seen just now."""
    if part.events:
        event = AuditEvent.objects.filter(what__in=part.events).order_by("number").last()
        if event is None:
            return None
        about = f" ({event.account})" if event.account else ""
        return Proof(what=f"{in_words(event)}{about}", at=event.at)
    good = [check.name for check, one in found if one.ok]
    return Proof(what=f"{len(good)} of {len(found)} checks passed", at=now) if good else None


def from_desk(desk: dict[str, dict[str, Any]], *names: str, good: str) -> Callable[[], Seen]:
    """Make a check of what /readyz found of these parts."""

    def judge() -> Seen:
        bad = [f"{name}: {desk[name].get('why', 'down')}" for name in names if not desk[name]["ok"]]
        return Seen(share=1 - len(bad) / len(names), words="; ".join(bad) or good)

    return judge


def parts_of(desk: dict[str, dict[str, Any]]) -> tuple[Part, ...]:
    """List the parts of the table. What a later version brings replaces its `look=None`."""
    log_in = {"step": "Log the accounts in", "view": "accounts"}
    parts = {"step": "Look at the desk's parts", "view": "home"}
    core = (
        Check(name="Database", look=from_desk(desk, "postgres", good="it answers"), **parts),
        Check(name="Redis", look=from_desk(desk, "redis", good="it answers"), **parts),
        Check(
            name="Migrations",
            look=from_desk(desk, "migrations", good="all applied"),
            step="Run manage.py migrate",
        ),
        Check(
            name="Keys",
            look=from_desk(desk, "keys", good="they open the proof"),
            step="Put the old FIELD_ENCRYPTION_KEY back",
        ),
        Check(
            name="Worker, beat and stream",
            look=from_desk(desk, "worker", "beat", "stream", good="all were heard of just now"),
            **parts,
        ),
        Check(
            name="Disk",
            look=from_desk(desk, "disk", good="room enough"),
            step="Make room on the disk",
        ),
        Check(
            name="Audit",
            look=checks.audit_is_intact,
            step="Run manage.py verify_audit",
            view="whole_activity",
        ),
    )
    sockets = (
        Check(name="Channel layer", look=checks.layer_carries, **parts),
        Check(
            name="The socket's door",
            look=checks.socket_answers,
            step="Put the host of SITE_URL into ALLOWED_HOSTS",
        ),
    )
    errors = (
        Check(name="Errors are kept", look=checks.errors_are_kept, view="failures"),
        Check(
            name="Nothing unhandled",
            look=checks.nothing_broke,
            step="Read what broke",
            view="failures",
        ),
        Check(
            name="Circuit breakers",
            look=checks.breakers_are_closed,
            step="Run manage.py check_account",
            view="accounts",
        ),
    )
    limits = (
        Check(name="Limiter", look=checks.limiter_answers, **parts),
        Check(name="Pace of orders", look=checks.pace_is_bounded, step="Set MAX_ORDERS_PER_SECOND"),
    )
    tokens = (
        Check(name="Accounts logged in", look=checks.accounts_are_live, **log_in),
        Check(
            name="Tokens open", look=checks.tokens_open, step="Log the accounts in", view="accounts"
        ),
        Check(
            name="Sessions verified",
            look=checks.sessions_are_verified,
            step="Run manage.py verify_sessions",
            view="accounts",
        ),
    )
    credentials = (
        Check(
            name="Of the accounts",
            look=checks.credentials_are_complete,
            step="Complete the credentials",
            view="accounts",
        ),
        Check(
            name="Of the environment",
            look=checks.environment_is_real,
            step="Replace the placeholders in .env",
        ),
    )
    doors = (
        Check(
            name="Log in",
            look=checks.doors_are_open("/api/zerodha/login", "/accounts/link/"),
        ),
        Check(name="Come back", look=checks.doors_are_open("/api/zerodha/callback")),
        Check(name="Redirect address", look=checks.brokers_come_back),
    )
    return (
        Part(name="core", title="Core", checks=core),
        Part(
            name="orders",
            title="Orders",
            checks=(Check(name="Placing, changing and cancelling", look=None),),
        ),
        Part(
            name="real-time-data",
            title="Real-time data",
            checks=(Check(name="Prices as they tick", look=None),),
        ),
        Part(name="websocket", title="WebSocket", checks=sockets),
        Part(name="error-handling", title="Error handling", checks=errors),
        Part(name="rate-limiting", title="Rate limiting", checks=limits),
        Part(
            name="token-management",
            title="Token management",
            checks=tokens,
            events=("account.logged_in",),
        ),
        Part(
            name="credentials",
            title="Credentials",
            checks=credentials,
            events=("account.linked", "account.credentials_changed"),
        ),
        Part(
            name="auth-endpoints",
            title="Auth endpoints",
            checks=doors,
            events=("account.logged_in",),
        ),
    )


def facts(found: Readiness) -> dict[str, Any]:
    """Write it down for programs."""
    return {
        "overall": found.overall,
        "at": iso(found.at),
        "rows": [facts_of(row) for row in found.rows],
    }


def facts_of(row: Row) -> dict[str, Any]:
    step = row.next
    return {
        "name": row.part.name,
        "title": row.part.title,
        "state": row.state.value,
        "percent": row.percent,
        "checks": [
            {"name": check.name, "ok": one.ok, "percent": int(100 * one.share), "seen": one.words}
            for check, one in row.seen
        ],
        "proof": {"what": row.proof.what, "at": iso(row.proof.at)} if row.proof else None,
        "next": {
            "step": step.step or f"{step.name}: not built yet",
            "url": reverse(step.view) if step.view else None,
        }
        if step
        else None,
    }
