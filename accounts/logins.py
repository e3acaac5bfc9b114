"""Sessions at brokers: made, verified and ended, and everybody told who may see the account."""

import logging
from datetime import UTC, datetime, time

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.brokerage import BrokerAccount, LoginSession, State
from accounts.brokers.base import Broker
from accounts.brokers.errors import AuthExpired, BrokerError, BrokerUnavailable, Unsupported
from accounts.brokers.paper.counter import Counter
from accounts.brokers.registry import Access, adapters, kind
from accounts.brokers.types import Profile
from accounts.models import User
from tradedesk import live
from tradedesk.times import in_ist

logger = logging.getLogger(__name__)
FLUSH_BEGINS, FLUSH_ENDS = time(6), time(7, 30)  # IST; a session made in between may be flushed


def counter() -> Counter:
    """Reach the paper exchange of this desk."""
    file = settings.HOME.path / "paper" / "control.token"
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


def log_in_paper(
    account: BrokerAccount, *, actor: User | None = None, request: HttpRequest | None = None
) -> None:
    """Log a paper account in, without questions."""
    if not account.is_paper:
        raise Unsupported("log in by one click", text="this account is not paper money")
    token = counter().log_in(account.broker_user_id, account.credentials.api_key)
    store(account, access_token=token, actor=actor, request=request)
    verify(account)


@transaction.atomic
def store(
    account: BrokerAccount,
    *,
    access_token: str,
    actor: User | None = None,
    request: HttpRequest | None = None,
    at: datetime | None = None,
) -> None:
    """Make this the account's session until the broker's hour."""
    now = at or timezone.now()
    policy = kind(account.broker).capabilities(account.environment).session
    LoginSession.objects.get_or_create(account=account)
    session = LoginSession.objects.select_for_update().get(account=account)
    session.access_token = access_token
    session.generation += 1
    session.logged_in_at = now
    session.expires_at = policy.expires_at(now).astimezone(UTC)
    session.is_provisional = FLUSH_BEGINS <= in_ist(now).time() < FLUSH_ENDS
    session.verified_at, session.ended_at, session.ended_why = None, None, ""
    session.save()
    account.session = session
    audit.record("account.logged_in", actor=actor, request=request, object=account.code)
    announce(account)


def verify(account: BrokerAccount) -> bool:
    """Ask for the profile: a refused token ends the session, a broken line proves nothing."""
    generation = account.session.generation
    try:
        profile = adapter_of(account).profile()
    except AuthExpired as error:
        end(account, "the broker no longer accepts the session", generation=generation)
        note_error(account, error)
        return False
    except BrokerError as error:
        note_error(account, error)
        return False
    if profile.user_id != account.broker_user_id:
        end(account, f"it belongs to {profile.user_id}, another client id", generation=generation)
        return False
    keep_profile(account, profile, generation)
    return True


def keep_profile(account: BrokerAccount, profile: Profile, generation: int) -> None:
    """Store what the broker says of the account, with its age."""
    now = timezone.now()
    account.profile = {
        "name": profile.name,
        "exchanges": list(profile.exchanges),
        "products": list(profile.products),
    }
    account.profile_at = now
    account.save(update_fields=["profile", "profile_at"])
    LoginSession.objects.filter(account=account, generation=generation).update(verified_at=now)


def note_error(account: BrokerAccount, error: BrokerError) -> None:
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


def check_all() -> None:
    """Ask every account that counts as logged in for its profile; end what ran out."""
    now = timezone.now()
    known = BrokerAccount.objects.linked().select_related("session", "credentials")
    for account in known.filter(session__ended_at=None, session__access_token__isnull=False):
        if account.session.expires_at <= now:
            end(account, "it ended at the broker's hour", generation=account.session.generation)
        else:
            verify(account)


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
