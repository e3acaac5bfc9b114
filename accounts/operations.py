"""What an operator does for an account from the administration; each act is audited as theirs."""

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, breaker, lines, linking
from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import TradedeskError
from accounts.models import User
from tradedesk.asking import ask

WHY = "by the administration"


class NothingDone(TradedeskError):
    """The account is not in a state in which this makes sense."""


def is_logged_in(account: BrokerAccount) -> bool:
    session = getattr(account, "session", None)
    return session is not None and session.stands(timezone.now())


def verify_session(account: BrokerAccount, *, actor: User, request: HttpRequest) -> str:
    """Ask the broker for the profile; a refused token ends the session."""
    if not is_logged_in(account):
        raise NothingDone("it is not logged in.")
    stands = lines.verify(account)
    after = {"answer": "stands" if stands else account.last_error}
    audit.record(
        "account.session_verified", actor=actor, request=request, account=account, after=after
    )
    if not stands:
        raise NothingDone(account.last_error or "its session does not stand.")
    return "the broker knows its session."


def log_out(account: BrokerAccount, *, actor: User, request: HttpRequest) -> str:
    """End the session, here and at the broker."""
    if not is_logged_in(account):
        raise NothingDone("it is not logged in.")
    lines.log_out(account, actor=actor, request=request)
    return "it is logged out."


def refresh_now(account: BrokerAccount, *, actor: User, request: HttpRequest) -> str:
    """Have all data of the account fetched from its broker, without waiting for them."""
    if not is_logged_in(account):
        raise NothingDone("it is not logged in.")
    if not ask("portfolio.tasks.sync_account_task", account.pk, expires=240):
        raise NothingDone("no worker could be asked.")
    audit.record("account.refresh_asked", actor=actor, request=request, account=account)
    return "its broker is being asked; its panels show what comes."


def pause(account: BrokerAccount, *, actor: User, request: HttpRequest) -> str:
    """Let no order leave."""
    if account.paused_at:
        raise NothingDone("its trading is paused already.")
    linking.set_paused(account, paused=True, why=WHY, actor=actor, request=request)
    return "its trading is paused."


def resume(account: BrokerAccount, *, actor: User, request: HttpRequest) -> str:
    """Let orders leave again."""
    if not account.paused_at:
        raise NothingDone("its trading is not paused.")
    linking.set_paused(account, paused=False, actor=actor, request=request)
    return "its trading is on again."


@transaction.atomic
def reset_breaker(account: BrokerAccount, *, actor: User, request: HttpRequest) -> str:
    """Trust the line again before a probe has proved it."""
    found = breaker.locked(account)
    if not (found.failures or found.is_open):
        raise NothingDone("its breaker is closed, and nothing has failed since.")
    before = {"failures": found.failures, "open": found.is_open, "last": found.last_failure}
    breaker.record_life(account)
    audit.record(
        "account.breaker_reset", actor=actor, request=request, account=account, before=before
    )
    return "its breaker is closed."
