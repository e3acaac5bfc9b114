"""Who did what: the audit in words, and as a file that any spreadsheet opens safely."""

import json
from collections.abc import Iterator
from typing import Any

from accounts.models import AuditEvent, AuditEventQuerySet
from tradedesk.spreadsheets import BYTE_ORDER_MARK, line

AT_ONCE = 500  # events in one piece of a file
COLUMNS = ["number", "at", "actor", "address", "what", "account", "object", "before", "after", "request_id", "hash"]  # fmt: skip


def in_words(event: AuditEvent) -> str:
    """Name what happened: account.role_changed is Account role changed."""
    return event.what.replace(".", " ").replace("_", " ").replace("-", " ").capitalize()


def details(event: AuditEvent) -> str:
    """Say what it happened to and what changed, in one line."""
    before, after = facts(event.before), facts(event.after)
    change = f"{before} → {after}" if before and after else after or (before and f"was {before}")
    # Events of an account from before they named it so called it their object.
    about = "" if event.what.startswith("account.") and not event.account else event.object
    return "; ".join(part for part in (about, change) if part)


def facts(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')}: {one}" for name, one in value.items() if one)
    return "" if value is None else str(value)


def as_csv(events: AuditEventQuerySet, *, with_address: bool) -> Iterator[str]:
    """Write the events piece by piece, the newest first, without holding them all."""
    columns = [one for one in COLUMNS if with_address or one != "address"]
    yield BYTE_ORDER_MARK + line(columns)
    last = None
    while piece := list(events.older_than(last)[:AT_ONCE]):
        yield "".join(line([fact(event, name) for name in columns]) for event in piece)
        last = piece[-1].number


def fact(event: AuditEvent, name: str) -> Any:
    """Give one fact of an event; what changed is written as JSON."""
    value = getattr(event, name)
    if name not in {"before", "after"} or value is None:
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
