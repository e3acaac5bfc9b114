"""Stopping trading from a page: what one sees stopped, what one may stop, and what one may let go on.

Beside what is stopped stands what is held, or will be, because too much is asked of an account.
Whoever may trade an account may stop it. Its owner releases it; who runs the desk, with a second
factor, stops and releases all of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, QuerySet
from django.http import HttpRequest

from accounts import second_factor
from accounts.access import memberships_of
from accounts.brokerage import RANK, BrokerAccount, Role
from accounts.models import User
from orders.engine import switch
from orders.engine.models import KillSwitch, Lane, StopLevel
from orders.risk import demand

MINE = "*"  # no account has such a code
DESK_CHOICES = [
    (StopLevel.L2, "New orders of everybody on this desk"),
    (StopLevel.L3, "All trading on this desk: no cancel and no exit leaves either"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLine:
    """What is stopped, as one person sees it."""

    stop: KillSwitch
    may_release: bool

    @property
    def account(self) -> BrokerAccount | None:
        return self.stop.account


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandLine:
    """How much is asked of an account: new orders wait for it, or soon will."""

    lane: Lane
    warns: int = demand.WARNS
    critical: int = demand.CRITICAL
    calm_for: int = demand.CALM_FOR.seconds

    @property
    def account(self) -> BrokerAccount:
        return self.lane.account


def runs_desk(request: HttpRequest) -> bool:
    """Tell whether this person may stop and release the whole desk."""
    return bool(request.user.is_staff) and second_factor.is_proven(request.session)


def roles_of(user: User) -> dict[int, Role]:
    """Give the accounts of this person, by number, with their role in each."""
    return {one.account_id: Role(one.role) for one in memberships_of(user.pk)}


def lines(user: User, at: datetime, *, is_operator: bool) -> list[StopLine | DemandLine]:
    """Give what keeps orders of this person's from leaving, or soon will.

    Every open page asks for it every five seconds: one question while nothing is the matter.
    """
    is_stopped, is_busy = what_is_the_matter(user, at)
    stops = seen(user, at, is_operator=is_operator) if is_stopped else []
    return [*stops, *(demands(user) if is_busy else [])]


def what_is_the_matter(user: User, at: datetime) -> tuple[bool, bool]:
    """Tell whether anything is stopped, and whether too much is asked of an account of theirs."""
    both = Exists(switch.active(at)), Exists(busy_lanes(user))
    is_stopped, is_busy = User.objects.filter(pk=user.pk).values_list(*both).get()
    return is_stopped, is_busy


def demands(user: User) -> list[DemandLine]:
    return [DemandLine(lane=lane) for lane in busy_lanes(user).order_by("account")]


def busy_lanes(user: User) -> QuerySet[Lane]:
    mine = memberships_of(user.pk).values("account")
    return demand.busy().filter(account__in=mine)


def seen(user: User, at: datetime, *, is_operator: bool) -> list[StopLine]:
    """Give what is stopped now of what this person may see."""
    stops = list(switch.active(at))
    roles = roles_of(user) if stops else {}
    return [
        StopLine(stop=stop, may_release=may_release(stop, roles, is_operator=is_operator))
        for stop in stops
        if stop.account_id is None or stop.account_id in roles
    ]


def may_release(stop: KillSwitch, roles: Mapping[int, Role], *, is_operator: bool) -> bool:
    return is_operator or (stop.account_id is not None and roles.get(stop.account_id) == Role.OWNER)


def tradable(user: User) -> list[BrokerAccount]:
    """Give the accounts that this person may stop."""
    mine = memberships_of(user.pk).order_by("account__created_at", "account")
    return [one.account for one in mine if RANK[Role(one.role)] >= RANK[Role.TRADER]]


def choices(accounts: Iterable[BrokerAccount], *, is_operator: bool) -> list[tuple[str, str]]:
    """Say what this person may stop, the narrowest first."""
    one_each = [(one.code, f"New orders in {one.name}") for one in accounts]
    mine = [(MINE, f"New orders in all {len(one_each)} of my accounts")] if one_each[1:] else []
    return one_each + mine + (DESK_CHOICES if is_operator else [])


def stop(
    what: str, accounts: Iterable[BrokerAccount], *, why: str, actor: User, until: datetime | None
) -> None:
    """Press the switch for what was chosen; the same form sent twice presses it once."""
    wide = what in StopLevel.values
    chosen = [one for one in accounts if what in {MINE, one.code}]
    for account in [None] if wide else chosen:
        level = what if wide else StopLevel.L1
        facts = {"level": level, "account": account, "who": actor.email, "why": why, "until": until}
        if not KillSwitch.objects.filter(**facts, released_at=None).exists():
            switch.press(level, why=why, who=actor.email, account=account, until=until, actor=actor)
