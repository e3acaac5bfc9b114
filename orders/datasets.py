"""What the desk keeps of an account's data at its broker: how old each part is, and how it is renewed.

A part, a dataset, is fetched whole, checked whole and kept whole: readers only ever see a complete
state. An answer that says nothing new touches nothing but the age.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers import limits, patience
from accounts.brokers.base import Broker
from accounts.brokers.errors import AuthExpired, BrokerError, TradedeskError
from accounts.lines import line_to
from orders import inbox
from orders.inbox import Subject
from tradedesk import live, metrics
from tradedesk.database import change

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=25)
FETCH_PATIENCE = 15.0
FEW = 4  # so few rows may vanish at once; of more, half at most, unless a second reading agrees
WATCHED = "watched"
WATCHED_FOR = 3  # intervals that a panel's look keeps its data fresh


class Part(models.TextChoices):
    """The parts of an account's data."""

    POSITIONS = "positions", "Positions"
    HOLDINGS = "holdings", "Holdings"
    FUNDS = "funds", "Funds"
    ORDERS = "orders", "Orders"
    TRADES = "trades", "Trades"
    GTTS = "gtts", "GTT"


SUBJECTS = {Part.ORDERS: Subject.ORDER, Part.TRADES: Subject.TRADE, Part.GTTS: Subject.GTT}
CHANGED_BY_ORDERS = (Part.POSITIONS, Part.HOLDINGS, Part.FUNDS, Part.ORDERS, Part.TRADES)
CHANGED_BY_FILLS = (Part.POSITIONS, Part.HOLDINGS, Part.FUNDS, Part.TRADES)
CHANGED_BY_TRIGGERS = (Part.GTTS,)


class Implausible(TradedeskError):
    """An answer that cannot be right as a whole; what stood before stays."""


class Dataset(models.Model):
    """How fresh one part of one account is. Its rows stand in their own tables."""

    account = models.ForeignKey(BrokerAccount, models.CASCADE, related_name="datasets")
    part = models.CharField(max_length=10, choices=Part)
    version = models.PositiveIntegerField(default=0)  # grows whenever a panel would look different
    rows = models.PositiveIntegerField(default=0)
    synced_at = models.DateTimeField(null=True)  # when the broker last said what stands here
    changed_at = models.DateTimeField(null=True)
    content = models.CharField(max_length=64, blank=True)
    suspect = models.CharField(max_length=64, blank=True)  # a shrunken answer, waiting for another
    error = models.CharField(max_length=300, blank=True)
    failing_since = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "part"], name="one_state_for_one_part"),
            models.CheckConstraint(condition=Q(part__in=Part.values), name="a_known_part"),
        ]

    def __str__(self) -> str:
        return f"{self.part} of {self.account_id}, version {self.version}"

    @property
    def panel(self) -> str:
        """Name the panel that shows it, as events do."""
        return f"{self.part}:{self.account.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where one part comes from and how it is kept."""

    part: Part
    fetch: Callable[[Broker], Sequence[Any]]
    key: Callable[[Any], Any]  # what no two rows of an answer share
    keep: Callable[[BrokerAccount, Sequence[Any], datetime], int]  # gives how many rows changed
    may_shrink: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one refresh."""

    part: str
    rows: int = 0
    changed: int = 0
    error: str = ""
    is_skipped: bool = False  # somebody else is at it

    @property
    def is_good(self) -> bool:
        return not self.error


def of(account: BrokerAccount, part: Part | str) -> Dataset:
    """Give the state of a part, made on the first use."""
    dataset, _ = Dataset.objects.get_or_create(account=account, part=part)
    dataset.account = account
    return dataset


def refresh(account: BrokerAccount, source: Source) -> Outcome:
    """Fetch one part of one account and keep it, unless somebody else is doing so."""
    dataset = of(account, source.part)
    if not lease(dataset):
        return Outcome(part=source.part, is_skipped=True)
    dataset.refresh_from_db()
    dataset.account = account
    try:
        with line_to(account) as broker, patience.within(FETCH_PATIENCE):
            told = source.fetch(broker)
        return keep(dataset, source, told)
    except AuthExpired as error:
        return Outcome(part=source.part, error=str(error))  # the account itself says so, loudly
    except (BrokerError, Implausible) as error:
        if isinstance(error, BrokerError) and source.part in SUBJECTS:
            inbox.keep_unread(
                account, SUBJECTS[source.part], error, heard_from="sync", at=timezone.now()
            )
        note_failure(dataset, str(error))
        return Outcome(part=source.part, error=str(error))
    finally:
        Dataset.objects.filter(pk=dataset.pk).update(leased_until=None)


def lease(dataset: Dataset) -> bool:
    """Be the one who fetches, unless somebody is."""
    now = timezone.now()
    is_free = Q(leased_until=None) | Q(leased_until__lte=now)
    here = Dataset.objects.filter(is_free, pk=dataset.pk)
    return bool(here.update(leased_until=now + LEASE, asked_at=now))


def keep(dataset: Dataset, source: Source, told: Sequence[Any]) -> Outcome:
    """Check the whole answer and make it the state, in one transaction."""
    now = timezone.now()
    content = fingerprint(told)
    same = {"synced_at": now, "error": "", "failing_since": None, "suspect": ""}
    if content == dataset.content and dataset.synced_at:
        was_failing = bool(dataset.error)
        Dataset.objects.filter(pk=dataset.pk).update(**same)
        if was_failing:
            bump(dataset)
        return Outcome(part=source.part, rows=len(told))
    check(dataset, source, told, content)
    with transaction.atomic():
        changed = source.keep(dataset.account, told, now)
        Dataset.objects.filter(pk=dataset.pk).update(
            **same, content=content, rows=len(told), changed_at=now
        )
        bump(dataset)
    return Outcome(part=source.part, rows=len(told), changed=changed)


def check(dataset: Dataset, source: Source, told: Sequence[Any], content: str) -> None:
    """Refuse an answer that cannot be whole."""
    keys = [source.key(row) for row in told]
    if len(set(keys)) != len(keys):
        raise Implausible("the broker's answer names something twice; what stood before stays")
    lost = dataset.rows - len(told)
    if lost <= 0 or (source.may_shrink and (dataset.rows <= FEW or len(told) * 2 >= dataset.rows)):
        return
    if dataset.suspect == content:
        return  # a second reading says the same
    Dataset.objects.filter(pk=dataset.pk).update(suspect=content)
    raise Implausible(
        f"the broker's answer has {len(told)} rows where {dataset.rows} stood; waiting for a second "
        "reading"
    )


def note_failure(dataset: Dataset, why: str) -> None:
    """Keep what stands, and why it is not newer."""
    metrics.SYNC_FAILURES.labels(dataset.part).inc()
    words = why[:300]
    now = timezone.now()
    here = Dataset.objects.filter(pk=dataset.pk)
    here.filter(failing_since=None).update(failing_since=now)
    if here.exclude(error=words).update(error=words):
        bump(dataset)


def bump(dataset: Dataset) -> None:
    """Tell whoever shows this part that it looks different now."""
    look_different(dataset.account_id, dataset.part)
    version = Dataset.objects.values_list("version", flat=True).get(pk=dataset.pk)
    event: live.PanelChanged = {
        "type": "panel.changed",
        "panel": dataset.panel,
        "version": version,
    }
    members = dataset.account.memberships.values_list("user_id", flat=True)
    for user_id in members:
        live.announce(live.user_group(user_id), event)


def look_different(account_id: int, part: str) -> None:
    """Let panels that show this part know, when they ask, that it is not what they show."""
    change(
        "UPDATE orders_dataset SET version = version + 1 WHERE account_id = %s AND part = %s",
        [account_id, part],
    )


def fingerprint(told: Sequence[Any]) -> str:
    """Tell whether two answers say the same, in whatever order they list it."""
    rows = sorted(json.dumps(plain(row), sort_keys=True, cls=DjangoJSONEncoder) for row in told)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def plain(value: Any) -> Any:
    """Turn a row into what JSON can spell; the raw payload is what the broker said itself."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value


# Who looks ------------------------------------------------------------------------------------


@cache
def looks() -> Any:
    """Give this process's line to where it stands who looks at what; it never holds a page up."""
    return limits.connect(settings.REDIS_URL)


def watch(account_ids: Iterable[int], parts: Iterable[str], at: datetime) -> None:
    """Keep these parts fresh for a while: somebody has them on a screen."""
    until = {
        f"{account_id}:{part}": at.timestamp() + settings.REFRESH_SECONDS[part] * WATCHED_FOR
        for account_id in account_ids
        for part in parts
    }
    if until:
        with suppress(redis.RedisError):  # the five-minute sync goes on, and ages are told
            looks().zadd(WATCHED, until, gt=True)


def renew_soon(account_id: int, parts: Sequence[Part] = CHANGED_BY_ORDERS) -> None:
    """Let what somebody watches of this account be fetched at once: an order changed it."""
    change(
        "UPDATE orders_dataset SET asked_at = NULL WHERE account_id = %s AND part = ANY(%s)",
        [account_id, list(parts)],
    )


def watched(at: datetime) -> list[tuple[int, str]]:
    """Name what somebody looks at."""
    looks().zremrangebyscore(WATCHED, 0, at.timestamp() - 1)
    found = [
        one.decode().split(":") for one in looks().zrangebyscore(WATCHED, at.timestamp(), "+inf")
    ]
    return [(int(account_id), part) for account_id, part in found]


def due(at: datetime) -> list[tuple[int, str]]:
    """Name what somebody watches and what is as old as its interval, and take it on."""
    wanted = watched(at)
    if not wanted:
        return []
    up = BrokerAccount.objects.logged_in(at).filter(pk__in={account_id for account_id, _ in wanted})
    live_ones = set(up.values_list("pk", flat=True))
    found = []
    for account_id, part in wanted:
        if account_id not in live_ones:
            continue
        # The tick that asks comes once a second; half of one early is in time.
        old = at - timedelta(seconds=settings.REFRESH_SECONDS[part] - 0.5)
        Dataset.objects.get_or_create(account_id=account_id, part=part)
        is_old = Q(asked_at=None) | Q(asked_at__lte=old)
        # An answer on its way may be from before what it is wanted for: the next tick asks again.
        is_free = Q(leased_until=None) | Q(leased_until__lte=at)
        mine = Dataset.objects.filter(is_old, is_free, account=account_id, part=part)
        if mine.update(asked_at=at):
            found.append((account_id, part))
    return found
