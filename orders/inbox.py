"""What brokers said of orders, trades and triggers, raw as it came, for ever: each telling that was new."""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import BrokerError

logger = logging.getLogger(__name__)
LONGEST_NAME = 80
LONGEST_TROUBLE = 300
# What proves who somebody is stands in no row that we ask for; should it ever, it stays outside.
SECRETS = ("token", "secret", "password", "checksum", "api_key", "totp")


class Subject(models.TextChoices):
    """What was told about."""

    ORDER = "order", "Order"
    TRADE = "trade", "Trade"
    GTT = "gtt", "GTT"


class Heard(models.Model):
    """One telling. The table is cut by month in the migration; nothing points at it, nothing changes it."""

    account_id = models.BigIntegerField()
    subject = models.CharField(max_length=10, choices=Subject)
    name = models.CharField(max_length=LONGEST_NAME)  # the broker's number of what it is about
    heard_from = models.CharField(max_length=12)
    at = models.DateTimeField()
    content = models.CharField(max_length=64)
    trouble = models.CharField(max_length=LONGEST_TROUBLE, blank=True)  # why it is not in the book
    payload: Any = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["at", "pk"]
        indexes = [
            models.Index(fields=["account_id", "subject", "name", "at"], name="heard_of_one_thing")
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.name}, from {self.heard_from}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Something that was told, before it is known whether it is new."""

    name: str
    payload: Mapping[str, Any]
    content: str
    trouble: str = ""


def telling(name: str, raw: Mapping[str, Any], trouble: str = "") -> Telling:
    payload = without_secrets(raw)
    return Telling(name=name, payload=payload, content=content_of(payload), trouble=trouble)


def without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            str(name): without_secrets(one)
            for name, one in value.items()
            if not is_secret(str(name))
        }
    return [without_secrets(one) for one in value] if isinstance(value, list | tuple) else value


def content_of_raw(raw: Mapping[str, Any]) -> str:
    return content_of(without_secrets(raw))


@lru_cache(4096)
def is_secret(name: str) -> bool:
    return name != "instrument_token" and any(word in name for word in SECRETS)


def content_of(payload: Mapping[str, Any]) -> str:
    """Tell two tellings apart, in whatever order they name their facts."""
    text = json.dumps(payload, sort_keys=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def new_ones(
    told: Iterable[Telling], last: Mapping[str, str]
) -> tuple[list[Telling], dict[str, str]]:
    """Give what differs from what was kept last of each, and what is the last now."""
    now, found = dict(last), []
    for one in told:
        if now.get(one.name) != one.content:
            now[one.name] = one.content
            found.append(one)
    return found, now


def keep(
    account: BrokerAccount,
    subject: Subject,
    told: Iterable[Telling],
    *,
    heard_from: str,
    at: datetime,
) -> None:
    """Append tellings, all in one statement."""
    rows = [
        Heard(
            account_id=account.pk, subject=subject, name=one.name[:LONGEST_NAME],
            heard_from=heard_from[:12], at=at, content=one.content,
            trouble=one.trouble[:LONGEST_TROUBLE], payload=storable(one.payload),
        )
        for one in told
    ]  # fmt: skip
    Heard.objects.bulk_create(rows)
    for row in rows:
        if row.trouble:
            logger.warning("account %s: %s %s: %s", account.pk, row.subject, row.name, row.trouble)


def storable(value: Any) -> Any:
    """Spell what Postgres keeps in no text: the sign nought."""
    if isinstance(value, str):
        return value.replace("\0", "\\0")
    if isinstance(value, Mapping):
        return {storable(name): storable(one) for name, one in value.items()}
    return [storable(one) for one in value] if isinstance(value, list | tuple) else value


def keep_in_trouble(
    account: BrokerAccount,
    subject: Subject,
    told: Iterable[Telling],
    *,
    heard_from: str,
    at: datetime,
) -> None:
    """Keep what cannot go into the book; the same again, read every few seconds, is kept once."""
    rows = list(told)
    names = {one.name[:LONGEST_NAME] for one in rows}
    of_these = Heard.objects.filter(account_id=account.pk, subject=subject, name__in=names)
    last = dict(of_these.order_by("at", "pk").values_list("name", "content"))
    found, _ = new_ones(rows, last)
    keep(account, subject, found, heard_from=heard_from, at=at)


def keep_unread(
    account: BrokerAccount, subject: Subject, error: BrokerError, *, heard_from: str, at: datetime
) -> None:
    """Keep the row for which a whole answer could not be read, if it was one row."""
    if error.row is None:
        return
    names = {"order": "order_id", "trade": "trade_id", "gtt": "id"}
    name = str(error.row.get(names[subject]) or "")
    one = telling(name, error.row, error.text or "it could not be read")
    keep_in_trouble(account, subject, [one], heard_from=heard_from, at=at)
