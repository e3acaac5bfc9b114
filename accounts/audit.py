"""The record of who did what: written in one place, one after the other, and verifiable."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.models import AuditEvent, AuditHead, User
from accounts.visitors import address_of
from tradedesk.requests import current_id


@transaction.atomic
def record(
    what: str,
    *,
    actor: User | None = None,
    request: HttpRequest | None = None,
    account: BrokerAccount | None = None,
    object: str = "",
    before: Any = None,
    after: Any = None,
) -> AuditEvent:
    """Add an event to the end of the chain. Give facts only, never a secret."""
    AuditHead.objects.get_or_create(pk=1)
    head = AuditHead.objects.select_for_update().get(pk=1)
    event = AuditEvent(
        number=head.number + 1,
        at=timezone.now(),
        actor_id=actor.pk if actor else None,
        actor=actor.email if actor else "",
        address=address_of(request) if request else None,
        what=what,
        account=account.code if account else "",
        object=object,
        before=before,
        after=after,
        request_id=current_id.get(),
        previous=head.hash,
    )
    event.hash = event.fingerprint()
    event.save(force_insert=True)
    AuditHead.objects.filter(pk=1).update(number=event.number, hash=event.hash)
    return event


@dataclass(frozen=True)
class Verdict:
    """What a walk along the whole chain found."""

    events: int
    head: str
    faults: list[str]


def verify(*, noted: str = "") -> Verdict:
    """Walk along the chain and name every place where it was altered, cut or forged.

    A head that was noted earlier, away from this database, also finds a chain that somebody
    rewrote from some event on.
    """
    is_inner = connection.in_atomic_block  # then whoever began it has chosen what it sees
    with transaction.atomic():
        if not is_inner:
            show_one_moment()
        head = AuditHead.objects.filter(pk=1).first() or AuditHead()
        faults = list(walk(head, noted))
    return Verdict(events=head.number, head=head.hash, faults=faults)


def show_one_moment() -> None:
    """Let this transaction see one moment, so that head and events belong together and no writer waits."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def walk(head: AuditHead, noted: str) -> Iterator[str]:
    number, previous, was_seen = 0, "", not noted
    for event in AuditEvent.objects.order_by("number").iterator():
        if event.number != number + 1:
            yield f"events {number + 1} to {event.number - 1} are missing"
        elif event.previous != previous:
            yield f"event {event.number} does not follow the one before it"
        if event.fingerprint() != event.hash:
            yield f"event {event.number} was altered"
        number, previous = event.number, event.hash
        was_seen = was_seen or event.hash == noted
    if (number, previous) != (head.number, head.hash):
        yield f"the chain ends at event {number}, but {head.number} were written"
    if not was_seen:
        yield "the noted head is not in the chain: it was rewritten"
