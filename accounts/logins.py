"""Sessions at brokers: kept and ended, and everybody told who may see the account."""

import logging
from datetime import UTC, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.brokerage import BrokerAccount, LoginSession, State
from accounts.brokers.errors import (
    BrokerUnavailable,
    TradedeskError,
)
from accounts.brokers.paper.counter import Counter
from accounts.brokers.registry import kind
from accounts.brokers.types import BrokerSession
from accounts.models import User
from tradedesk import live
from tradedesk.times import in_ist, iso

logger = logging.getLogger(__name__)
PROFILE_LASTS = timedelta(days=1)
WRONG_CLOCK = 5  # seconds from which codes are likely to be refused


def counter() -> Counter:
    """Reach the paper exchange of this desk."""
    file = settings.PAPER_HOME / "control.token"
    if not settings.PAPER_URL or not file.exists():
        raise BrokerUnavailable("reach the paper exchange", text="no paper exchange runs here")
    return Counter(settings.PAPER_URL, file.read_text().strip())


class NoLongerLinked(TradedeskError):
    """The account was unlinked while it was being logged in."""

    def __init__(self, account: BrokerAccount) -> None:
        super().__init__(f"{account.name} is no longer linked to this desk.")


@transaction.atomic
def store(
    account: BrokerAccount,
    session: BrokerSession,
    *,
    how: str,
    actor: User | None = None,
    request: HttpRequest | None = None,
) -> None:
    """Make this the account's session until the broker's hour."""
    # Unlinking waits here, or is over: no session may outlive it.
    linked = BrokerAccount.objects.linked().select_for_update(no_key=True)
    if not linked.filter(pk=account.pk).exists():
        raise NoLongerLinked(account)
    policy = kind(account.broker).capabilities(account.environment).session
    LoginSession.objects.get_or_create(account=account)
    kept = LoginSession.objects.select_for_update().get(account=account)
    kept.access_token = session.access_token
    kept.refresh_token = session.refresh_token or None
    kept.feed_token = session.feed_token or None
    kept.generation += 1
    kept.logged_in_at = session.logged_in_at
    kept.expires_at = session.expires_at.astimezone(UTC)
    kept.is_provisional = policy.ends <= in_ist(session.logged_in_at).time() < policy.settled
    kept.verified_at, kept.checked_at = None, None
    kept.ended_at, kept.ended_why, kept.end_announced = None, "", False
    kept.save()
    account.session = kept
    after = {"how": how, "until": iso(kept.expires_at)}
    audit.record("account.logged_in", actor=actor, request=request, account=account, after=after)
    announce(account)


def clock_trouble(account: BrokerAccount) -> dict[str, Any]:
    """Say by how many seconds our clock is wrong, when the broker would refuse codes for it."""
    skew = account.clock_skew or 0
    return {"skew": round(abs(skew)) if abs(skew) > WRONG_CLOCK else 0, "is_slow": skew > 0}


def note_error(account: BrokerAccount, error: TradedeskError) -> None:
    logger.warning("account %s: %s", account.code, error)
    account.last_error, account.last_error_at = str(error)[:300], timezone.now()
    account.save(update_fields=["last_error", "last_error_at"])


@transaction.atomic
def note_blocked(account: BrokerAccount, why: str) -> None:
    """Keep why the broker blocks the account, or that it no longer does, and tell everybody once."""
    account.blocked_why = why[:300]
    here = BrokerAccount.objects.filter(pk=account.pk).exclude(blocked_why=account.blocked_why)
    if here.update(blocked_why=account.blocked_why):
        what = "account.blocked" if why else "account.unblocked"
        audit.record(what, account=account, after=account.blocked_why or None)
        announce(account)


@transaction.atomic
def end(
    account: BrokerAccount,
    why: str,
    *,
    generation: int,
    actor: User | None = None,
    request: HttpRequest | None = None,
) -> bool:
    """End the session, unless somebody logged in again meanwhile or ended it before."""
    here = LoginSession.objects.filter(account=account, generation=generation, ended_at=None)
    gone = {"access_token": None, "refresh_token": None, "feed_token": None}
    if not here.update(ended_at=timezone.now(), ended_why=why[:200], **gone):
        return False
    account.session.refresh_from_db()
    audit.record("account.session_ended", actor=actor, request=request, account=account, after=why)
    announce(account)
    return True


def state_of(account: BrokerAccount) -> State:
    """Tell the account's state now."""
    return account.state(timezone.now())


def announce(account: BrokerAccount) -> None:
    """Tell everybody who may see the account, once this is committed."""
    event: live.AccountChanged = {
        "type": "account.changed",
        "account": account.code,
        "state": state_of(account).value,
    }
    for user_id in account.memberships.values_list("user_id", flat=True):
        live.announce(live.user_group(user_id), event)
