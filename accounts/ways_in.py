"""The ways to log an account in at its broker. Each ends in the same session."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pyotp
from django.conf import settings
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, lines, logins
from accounts.brokerage import AutomaticLogin, BrokerAccount, Credentials, LoginSession, Mode
from accounts.brokers import patience
from accounts.brokers.base import Broker
from accounts.brokers.errors import (
    AuthExpired,
    AuthFailed,
    BrokerError,
    TradedeskError,
    Unsupported,
)
from accounts.brokers.registry import Access, kind
from accounts.brokers.types import BrokerSession
from accounts.models import User

PATIENCE = 12.0  # seconds for a log-in while somebody watches
CODE_SECONDS = 30
LEASE = timedelta(seconds=90)
TRIES_A_DAY = 3
PAUSE_BETWEEN_TRIES = timedelta(minutes=5)


class WrongClient(TradedeskError):
    """The broker logged somebody else in."""

    def __init__(self, found: str, account: BrokerAccount) -> None:
        super().__init__(
            f"The broker logged in {found}, but this account is {account.broker_user_id}. That "
            f"session was ended again: log out of the broker's page and log in as "
            f"{account.broker_user_id}."
        )


class SecretMissing(TradedeskError):
    """What the broker's log-in needs is not stored any more: its key was lost."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"The {missing} is not stored. Enter it on the page of credentials first.")


class NotAllowed(TradedeskError):
    """The desk may not log this account in by itself; the text says why."""


@contextmanager
def alone_with(account: BrokerAccount, access_token: str = "") -> Iterator[Broker]:
    """Lend an adapter that nobody shares: a session that is not accepted yet must not leak."""
    access = Access(
        environment=account.environment,
        api_key=account.credentials.api_key,
        access_token=access_token,
        root=settings.PAPER_URL if account.is_paper else "",
    )
    adapter = kind(account.broker).make(access)
    try:
        with patience.within(PATIENCE):
            yield adapter
    finally:
        adapter.close()


def by_counter(
    account: BrokerAccount, *, actor: User | None = None, request: HttpRequest | None = None
) -> None:
    """Log in an account that was opened at this desk's own exchange, without questions."""
    if not account.opened_here:
        raise Unsupported("log in by one click", text="this account has a log-in page of its own")
    token = logins.counter().log_in(account.broker_user_id, account.credentials.api_key)
    now = timezone.now()
    policy = kind(account.broker).capabilities(account.environment).session
    session = BrokerSession(
        user_id=account.broker_user_id,
        access_token=token,
        logged_in_at=now,
        expires_at=policy.expires_at(now),
    )
    logins.store(account, session, how="one click", actor=actor, request=request)
    lines.verify(account)


def by_request_token(
    account: BrokerAccount,
    request_token: str,
    *,
    how: str = "the broker's page",
    actor: User | None = None,
    request: HttpRequest | None = None,
) -> None:
    """Turn what the broker's log-in page gave into a session."""
    if missing := what_is_missing(account):
        raise SecretMissing(missing)
    with alone_with(account) as adapter:
        session = adapter.exchange(request_token, account.credentials.api_secret or "")
        check_client(account, session.user_id, adapter)
    logins.store(account, session, how=how, actor=actor, request=request)
    lines.verify(account)


def by_access_token(
    account: BrokerAccount,
    access_token: str,
    *,
    actor: User | None = None,
    request: HttpRequest | None = None,
) -> None:
    """Take a session that was made elsewhere, once the broker has said whose it is."""
    try:
        with alone_with(account, access_token) as adapter:
            profile = adapter.profile()
    except AuthExpired as error:
        over = "the broker does not accept it: it is over, or belongs to another API key"
        raise AuthFailed(
            "take the access token",
            text=over if error.status else error.text,  # no status: it was not even sent
            status=error.status,
        ) from error
    if not is_client(account, profile.user_id):
        # It was made elsewhere and is used there: it is not ours to end.
        raise AuthFailed("take the access token", text=f"it belongs to {profile.user_id}")
    now = timezone.now()
    policy = kind(account.broker).capabilities(account.environment).session
    session = BrokerSession(
        user_id=profile.user_id,
        access_token=access_token,
        logged_in_at=now,
        expires_at=policy.expires_at(now),
        profile=profile,
    )
    logins.store(account, session, how="access token", actor=actor, request=request)
    lines.verify(account)


def what_is_missing(account: BrokerAccount) -> str:
    """Name the secret that the broker wants at every log-in and that is not stored, if any."""
    wanted = (one for one in kind(account.broker).fields if one.is_required and one.is_secret)
    missing = (one.label for one in wanted if not getattr(account.credentials, one.name))
    return next(missing, "")


def is_client(account: BrokerAccount, user_id: str) -> bool:
    return user_id.strip().upper() == account.broker_user_id.strip().upper()


def check_client(account: BrokerAccount, user_id: str, adapter: Broker) -> None:
    """End the session of anybody else at once."""
    if is_client(account, user_id):
        return
    try:
        adapter.logout()
    except BrokerError as error:
        logins.note_error(account, error)
    audit.record("account.wrong_client", account=account, after={"client_id": user_id})
    raise WrongClient(user_id, account)


# Without a person ------------------------------------------------------------------------------


def is_switched_on(account: BrokerAccount) -> bool:
    """Tell whether the operator lets this broker's accounts be logged in without a person."""
    return bool(getattr(settings, f"{account.broker.upper()}_AUTOMATIC_LOGIN", False))


def is_offered(account: BrokerAccount) -> bool:
    """Tell whether the owner may allow it for this account at all."""
    policy = kind(account.broker).capabilities(account.environment).session
    return policy.can_log_in_alone and is_switched_on(account) and not account.opened_here


def why_not_alone(account: BrokerAccount, *, has_code: bool = False) -> str:
    """Say why the desk may not log this account in by itself; empty when it may."""
    if not kind(account.broker).capabilities(account.environment).session.can_log_in_alone:
        return "This broker has no automatic log-in."
    if not is_switched_on(account):
        return f"The operator has not switched it on ({account.broker.upper()}_AUTOMATIC_LOGIN=on)."
    if account.opened_here:
        return "Paper money of this desk is logged in by one click."
    if account.mode != Mode.AUTO or not hasattr(account, "automatic"):
        return "The owner has not allowed it for this account."
    credentials = account.credentials
    if missing := what_is_missing(account):
        return str(SecretMissing(missing))
    if not credentials.password:
        return "The password is not stored."
    if not (credentials.totp_seed or has_code):
        return "The authenticator seed is not stored: a person gives the code."
    return account.automatic.stopped_why


def alone(
    account: BrokerAccount,
    *,
    code: str = "",
    actor: User | None = None,
    request: HttpRequest | None = None,
) -> None:
    """Log in with the stored password and a code. What was refused is never sent again."""
    if not take_lease(account.session):  # a second click would send the same code
        raise NotAllowed("Somebody is logging it in, or just has. Reload the page in a moment.")
    try:
        account = fresh(account)  # as the last try left it
        if why := why_not_alone(account, has_code=bool(code)):
            raise NotAllowed(why)
        code = code or next_code(account)
        note_try(account)
        with alone_with(account) as adapter:
            password = account.credentials.password or ""
            token = adapter.log_in_alone(account.broker_user_id, password, code)
        by_request_token(account, token, how="automatic", actor=actor, request=request)
    except (AuthFailed, WrongClient) as error:
        stop(account, str(error))
        raise
    finally:
        LoginSession.objects.filter(account=account).update(leased_until=None)


def next_code(account: BrokerAccount) -> str:
    """Make a code that was not used yet, waiting for the next half minute if need be."""
    automatic: AutomaticLogin = account.automatic
    while (step := int(time.time()) // CODE_SECONDS) <= (automatic.code_step or 0):
        time.sleep(0.5)
    AutomaticLogin.objects.filter(pk=automatic.pk).update(code_step=step)
    return pyotp.TOTP(account.credentials.totp_seed or "").at(step * CODE_SECONDS)


def note_try(account: BrokerAccount) -> None:
    """Count the try before it is made, so that a crash does not make it free."""
    now = timezone.localtime()
    same_day = Q(tries_on=now.date())
    mine = AutomaticLogin.objects.filter(account=account)
    if not mine.filter(same_day).update(tried_at=now, tries=F("tries") + 1):
        mine.update(tried_at=now, tries_on=now.date(), tries=1)
    account.automatic.refresh_from_db()


def stop(account: BrokerAccount, why: str) -> None:
    """Leave the account to a person until its owner allows it again."""
    words = f"The broker refused it: {why}"[:300]
    AutomaticLogin.objects.filter(account=account).update(stopped_why=words)
    account.automatic.stopped_why = words
    audit.record("account.automatic_stopped", account=account, after=words)
    logins.announce(account)


def may_try_now(account: BrokerAccount) -> bool:
    """Tell whether another try without a person is due: three a day, with pauses between."""
    if why_not_alone(account):
        return False
    automatic = account.automatic
    now = timezone.localtime()
    if automatic.tried_at and now - automatic.tried_at < PAUSE_BETWEEN_TRIES:
        return False
    return automatic.tries_on != now.date() or automatic.tries < TRIES_A_DAY


def ensure(account: BrokerAccount, *, patience_seconds: float = 60) -> LoginSession:
    """Give a session that stands. However many ask at once, one of them logs in."""
    deadline = time.monotonic() + patience_seconds
    while True:
        account = fresh(account)
        session = account.session
        if session.stands(timezone.now()):
            return session
        is_leased = session.leased_until is not None and session.leased_until > timezone.now()
        if not is_leased:
            if not may_try_now(account):
                raise AuthExpired(
                    "use the account", text="log in again, or give a fresh access token"
                )
            with suppress(NotAllowed):  # somebody was faster
                alone(account)
        if time.monotonic() > deadline:
            raise AuthExpired("use the account", text="another worker is still logging in")
        time.sleep(0.1)


def take_lease(session: LoginSession) -> bool:
    """Be the one who logs in, unless somebody is or has."""
    now = timezone.now()
    is_free = Q(leased_until=None) | Q(leased_until__lte=now)
    here = LoginSession.objects.filter(is_free, pk=session.pk, generation=session.generation)
    return bool(here.update(leased_until=now + LEASE))


def fresh(account: BrokerAccount) -> BrokerAccount:
    """Read the account again, with all that logging in needs."""
    related = ("session", "credentials", "automatic")
    return BrokerAccount.objects.select_related(*related).get(pk=account.pk)


# What the owner decides ----------------------------------------------------------------------


def allow(account: BrokerAccount, *, actor: User, request: HttpRequest | None = None) -> None:
    """Let the desk log this account in by itself from now on."""
    AutomaticLogin.objects.update_or_create(
        account=account,
        defaults={
            "allowed_by": actor, "allowed_at": timezone.now(), "stopped_why": "", "tries": 0,
            "tried_at": None,
        },
    )  # fmt: skip
    set_mode(account, Mode.AUTO, actor=actor, request=request)


def forbid(account: BrokerAccount, *, actor: User, request: HttpRequest | None = None) -> None:
    """Leave every log-in to a person again, and forget the password."""
    AutomaticLogin.objects.filter(account=account).delete()
    credentials: Any = Credentials.objects.get(account=account)
    credentials.password = None
    credentials.save(update_fields=["password", "changed_at"])
    set_mode(account, Mode.MANUAL, actor=actor, request=request)


def set_mode(
    account: BrokerAccount, mode: Mode, *, actor: User, request: HttpRequest | None
) -> None:
    before, account.mode = account.mode, mode
    account.save(update_fields=["mode"])
    facts = {"before": before, "after": mode.value}
    audit.record("account.log_in_mode", actor=actor, request=request, account=account, **facts)
    logins.announce(account)
