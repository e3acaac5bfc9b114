"""The one way to a broker: within its limits, heard by the breaker, under the session that stands."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache, partial

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts import breaker, logins
from accounts.brokerage import BrokerAccount, LoginSession
from accounts.brokers import limits
from accounts.brokers.base import Broker
from accounts.brokers.errors import AccountBlocked, AuthExpired, BrokerError, RateLimited
from accounts.brokers.registry import Access, adapters, kind
from accounts.brokers.types import Profile
from accounts.brokers.words import Line
from accounts.models import User

logger = logging.getLogger(__name__)
PROFILE_LASTS = timedelta(days=1)


@cache
def limiter(broker: str) -> limits.Limiter:
    """Give this process's limiter for the accounts of a broker; all processes share its counts."""
    rules = kind(broker).limits(settings.MAX_ORDERS_PER_SECOND)
    return limits.Limiter(limits.connect(settings.REDIS_URL), rules)


@contextmanager
def line_to(account: BrokerAccount, *, is_vital: bool = True) -> Iterator[Broker]:
    """Lend the account's adapter. What its calls meet is heard: a dead session, a broken line, life.

    What fails and is not vital, such as a quote, stops no order and is no news of the account.
    """
    session = getattr(account, "session", None)
    if session is None or not session.stands(timezone.now()):
        raise AuthExpired("use the account", text="log in again, or give a fresh access token")
    access = Access(
        environment=account.environment,
        api_key=account.credentials.api_key,
        access_token=session.access_token or "",
        root=settings.PAPER_URL if account.is_paper else "",
        generation=session.generation,
    )
    name = str(account.pk)
    gate = limiter(account.broker).gate(name)
    try:
        yield adapters.of(name, account.broker, access, gate, partial(session_over, account.pk))
    except BrokerError as error:
        if is_vital:
            listen(account, error)
        raise
    breaker.record_life(account)
    if account.blocked_why:
        logins.note_blocked(account, "")


def session_over(account_id: int, generation: int) -> None:
    """End the session that a broker calls dead, whichever call met it."""
    account = BrokerAccount.objects.select_related("session").get(pk=account_id)
    logins.end(account, "the broker no longer accepts the session", generation=generation)


def listen(account: BrokerAccount, error: BrokerError) -> None:
    """Let the breaker know what a failure says about the line, and keep it for people."""
    if isinstance(error, RateLimited) and error.status is None:
        return  # our own limiter: nothing was sent, and nobody at the broker is unwell
    if error.line is Line.BROKEN:
        breaker.record_failure(account, str(error))
    elif error.line is Line.ALIVE:
        breaker.record_life(account)
    if isinstance(error, AccountBlocked):
        logins.note_blocked(account, error.text or error.says)
    logins.note_error(account, error)


def verify(account: BrokerAccount) -> bool:
    """Ask for the profile: a refused token ends the session, a broken line proves nothing."""
    generation = account.session.generation
    try:
        with line_to(account) as broker:
            profile, skew = broker.profile(), broker.clock_skew
    except BrokerError:
        return False
    if profile.user_id.upper() != account.broker_user_id.upper():
        logins.end(
            account, f"it belongs to {profile.user_id}, another client id", generation=generation
        )
        return False
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


def log_out(account: BrokerAccount, *, actor: User, request: HttpRequest | None = None) -> None:
    """End the session here, and at the broker when it can be told."""
    session = getattr(account, "session", None)
    if session is None or session.ended_at is not None:
        return
    try:
        with line_to(account) as broker:
            broker.logout()
    except BrokerError:
        pass  # it is noted; here the session ends all the same
    logins.end(account, "logged out", generation=session.generation, actor=actor, request=request)
