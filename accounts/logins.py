"""Sessions at brokers: made, verified and ended, and everybody told who may see the account."""

import logging
from datetime import UTC, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.brokerage import BrokerAccount, LoginSession, State
from accounts.brokers.base import Broker
from accounts.brokers.errors import (
    AuthExpired,
    BrokerError,
    BrokerUnavailable,
    TradedeskError,
)
from accounts.brokers.paper.counter import Counter
from accounts.brokers.registry import Access, adapters, kind
from accounts.brokers.types import BrokerSession, Profile
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


def adapter_of(account: BrokerAccount) -> Broker:
    """Give the account's adapter under its stored session."""
    session = account.session
    access = Access(
        environment=account.environment,
        api_key=account.credentials.api_key,
        access_token=session.access_token or "",
        root=settings.PAPER_URL if account.is_paper else "",
        generation=session.generation,
    )
    return adapters.of(str(account.pk), account.broker, access)


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
    audit.record(
        "account.logged_in", actor=actor, request=request, object=account.code, after=after
    )
    announce(account)


def verify(account: BrokerAccount) -> bool:
    """Ask for the profile: a refused token ends the session, a broken line proves nothing."""
    generation = account.session.generation
    adapter = adapter_of(account)
    try:
        profile = adapter.profile()
    except AuthExpired as error:
        end(account, "the broker no longer accepts the session", generation=generation)
        note_error(account, error)
        return False
    except BrokerError as error:
        note_error(account, error)
        return False
    if profile.user_id.upper() != account.broker_user_id.upper():
        end(account, f"it belongs to {profile.user_id}, another client id", generation=generation)
        return False
    skew = adapter.clock_skew
    keep_profile(account, profile, skew.seconds if skew else None)
    LoginSession.objects.filter(account=account, generation=generation).update(
        verified_at=timezone.now()
    )
    return True


def keep_profile(account: BrokerAccount, profile: Profile, skew: float | None) -> None:
    """Store what the broker says of the account when it says something new, and once a day."""
    now = timezone.now()
    told = {
        "name": profile.name,
        "exchanges": list(profile.exchanges),
        "products": list(profile.products),
    }
    is_old = account.profile_at is None or now - account.profile_at > PROFILE_LASTS
    has_moved = skew is not None and abs(skew - (account.clock_skew or 0)) > 1
    if told != account.profile or is_old or has_moved:
        account.profile, account.profile_at, account.clock_skew = told, now, skew
        account.save(update_fields=["profile", "profile_at", "clock_skew"])


def clock_trouble(account: BrokerAccount) -> dict[str, Any]:
    """Say by how many seconds our clock is wrong, when the broker would refuse codes for it."""
    skew = account.clock_skew or 0
    return {"skew": round(abs(skew)) if abs(skew) > WRONG_CLOCK else 0, "is_slow": skew > 0}


def note_error(account: BrokerAccount, error: TradedeskError) -> None:
    logger.warning("account %s: %s", account.code, error)
    account.last_error, account.last_error_at = str(error)[:300], timezone.now()
    account.save(update_fields=["last_error", "last_error_at"])


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
    if not here.update(ended_at=timezone.now(), ended_why=why[:200], access_token=None):
        return False
    account.session.refresh_from_db()
    audit.record(
        "account.session_ended", actor=actor, request=request, object=account.code, after=why
    )
    announce(account)
    return True


def log_out(account: BrokerAccount, *, actor: User, request: HttpRequest | None = None) -> None:
    """End the session here, and at the broker when it can be told."""
    session = getattr(account, "session", None)
    if session is None or session.ended_at is not None:
        return
    adapter = adapter_of(account)
    end(account, "logged out", generation=session.generation, actor=actor, request=request)
    try:
        adapter.logout()
    except BrokerError as error:
        note_error(account, error)


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
