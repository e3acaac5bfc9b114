"""What the desk does about sessions by itself: asks, renews, logs in where it may, reminds."""

from datetime import datetime, time, timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts import audit, lines, logins, ways_in
from accounts.brokerage import (
    EXPIRING,
    BrokerAccount,
    LoginSession,
    Membership,
    Mode,
    Role,
    State,
)
from accounts.brokers import patience
from accounts.brokers.errors import AuthExpired, BrokerError, TradedeskError
from accounts.brokers.registry import kind
from tradedesk.times import IST

CHECK_PATIENCE = 10.0  # seconds


def due_for_a_check() -> list[int]:
    """Name the accounts that count as logged in and were silent for a while."""
    silent = timezone.now() - timedelta(seconds=settings.SESSION_CHECK_SECONDS * 0.8)
    is_silent = Q(session__checked_at=None) | Q(session__checked_at__lte=silent)
    up = Q(session__ended_at=None, session__access_token__isnull=False)
    return list(BrokerAccount.objects.linked().filter(is_silent & up).values_list("pk", flat=True))


def check(account_id: int) -> None:
    """Ask one account's broker whether it knows the session; end what ran out."""
    now = timezone.now()
    silent = now - timedelta(seconds=settings.SESSION_CHECK_SECONDS * 0.8)
    is_silent = Q(checked_at=None) | Q(checked_at__lte=silent)
    mine = LoginSession.objects.filter(is_silent, account=account_id, ended_at=None)
    if not mine.update(checked_at=now):
        return  # somebody else took it on, or it ended
    account = ways_in.fresh(BrokerAccount(pk=account_id))
    session = account.session
    if session.expires_at <= now:
        logins.end(account, "it ended at the broker's hour", generation=session.generation)
        return
    announce_the_end(account, now)
    with patience.within(CHECK_PATIENCE):
        lines.verify(account)


def announce_the_end(account: BrokerAccount, now: datetime) -> None:
    """Tell the open pages, once, that the session is about to end."""
    if account.session.expires_at - now > EXPIRING:
        return
    here = LoginSession.objects.filter(pk=account.session.pk, end_announced=False)
    if here.update(end_announced=True):
        logins.announce(account)


def refresh(account: BrokerAccount) -> bool:
    """Renew a session that is about to end, where the broker gave the means."""
    session = account.session
    is_near = session.expires_at - timezone.now() <= EXPIRING
    if not (session.refresh_token and session.stands(timezone.now()) and is_near):
        return False
    if not ways_in.take_lease(session):
        return False
    try:
        with ways_in.alone_with(account, session.access_token or "") as adapter:
            secret = account.credentials.api_secret or ""
            renewed = adapter.refresh(session.refresh_token, secret)
        logins.store(account, renewed, how="renewed")
    except BrokerError as error:
        logins.note_error(account, error)
        return False
    finally:
        LoginSession.objects.filter(pk=session.pk).update(leased_until=None)
    return True


def renew_all() -> None:
    """Renew what ends soon; each account by itself."""
    now = timezone.now()
    near = LoginSession.objects.filter(
        ended_at=None,
        refresh_token__isnull=False,
        expires_at__gt=now,
        expires_at__lte=now + EXPIRING,
        account__unlinked_at=None,
    )
    for session in near.select_related("account"):
        refresh(ways_in.fresh(session.account))


# Automatic log-in ----------------------------------------------------------------------------


def is_hour_to_log_in(account: BrokerAccount, at: datetime) -> bool:
    """Tell whether the desk may log in by itself now: after the flush, until the markets close."""
    policy = kind(account.broker).capabilities(account.environment).session
    begins = max(policy.settled, settings.AUTOMATIC_LOGIN_AT)
    return begins <= at.astimezone(IST).time() and is_session_of_use(account, at)


def is_session_of_use(account: BrokerAccount, at: datetime) -> bool:
    """Tell whether the account's markets open, or are open, on this day; holidays count as days."""
    local = at.astimezone(IST)
    has_commodities = "MCX" in (account.profile or {}).get("exchanges", [])
    ends = time(23, 30) if has_commodities else time(15, 30)
    return local.time() < ends and (local.weekday() < 5 or account.is_paper)


def log_in_due() -> None:
    """Log in the accounts that may do without a person and have no session."""
    now = timezone.now()
    automatic = BrokerAccount.objects.linked().filter(mode=Mode.AUTO)
    for account in automatic.exclude(session__ended_at=None, session__expires_at__gt=now):
        if not is_hour_to_log_in(account, now):
            continue
        try:
            ways_in.ensure(account)
        except AuthExpired:
            continue  # not due yet, or left to a person
        except TradedeskError as error:
            logins.note_error(account, error)


# Reminders -----------------------------------------------------------------------------------


def remind() -> int:
    """Ask people, once a day, for the log-ins that only they can do."""
    now = timezone.now()
    if now.astimezone(IST).time() < settings.LOGIN_REMINDER_AT:
        return 0
    today = now.astimezone(IST).date()
    reminded = 0
    waiting = BrokerAccount.objects.linked().select_related("session")
    for account in waiting.filter(Q(prompted_on=None) | Q(prompted_on__lt=today)):
        if account.opened_here or account.state(now) != State.NEEDS_LOGIN:
            continue
        if not is_session_of_use(account, now):
            continue
        if ways_in.may_try_now(ways_in.fresh(account)):
            continue  # the desk does it by itself
        unasked = Q(prompted_on=None) | Q(prompted_on__lt=today)
        if BrokerAccount.objects.filter(unasked, pk=account.pk).update(prompted_on=today):
            prompt(account)
            reminded += 1
    return reminded


def prompt(account: BrokerAccount) -> None:
    """Tell whoever may log the account in, on their pages and by mail where mail is set."""
    able = Membership.objects.filter(account=account, role__in=[Role.OWNER, Role.TRADER])
    people = list(able.filter(user__is_active=True).values_list("user__email", flat=True))
    audit.record("account.log_in_asked", account=account, after={"people": len(people)})
    logins.announce(account)
    if settings.MAIL_SERVER and people:
        link = urljoin(settings.SITE_URL, reverse("log_in_account", args=[account.code]))
        words = (
            f"{account.name} ({account.broker_user_id}) is not logged in at its broker today, so "
            f"nothing of it is live. Log in here before the market opens:\n\n{link}\n"
        )
        for email in people:
            send_mail(f"Log {account.name} in", words, None, [email])
