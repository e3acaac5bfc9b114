"""The trip to a broker's log-in page and back: bound to a person and an account, used once.

The state that travels along is signed and holds all there is to know, so that showing a link
writes nothing; only coming back does.
"""

import secrets
from dataclasses import dataclass

from django.core import signing
from django.db import IntegrityError, transaction

from accounts.access import find_account
from accounts.brokerage import BrokerAccount, Role, UsedHandOff
from accounts.brokers.errors import TradedeskError
from accounts.models import User

LASTS = 600  # seconds
SALT = "accounts.hand_off"


class HandOffRefused(TradedeskError):
    """What came back from a log-in page cannot be taken; its text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """Whose trip it is."""

    user_id: int
    account_id: int
    nonce: str


def begin(account: BrokerAccount, user: User) -> str:
    """Give the state for one trip."""
    facts = {"u": user.pk, "a": account.pk, "n": secrets.token_urlsafe(16)}
    return signing.dumps(facts, salt=SALT)


def read(state: str) -> HandOff:
    """Read a state that comes back, if it is ours and not too old."""
    try:
        facts = signing.loads(state, salt=SALT, max_age=LASTS)
    except signing.SignatureExpired:
        raise HandOffRefused("This log-in took longer than ten minutes. Begin it again.") from None
    except signing.BadSignature:
        raise HandOffRefused("This log-in did not begin at this desk. Begin it here.") from None
    return HandOff(user_id=facts["u"], account_id=facts["a"], nonce=facts["n"])


def finish(state: str, user: User) -> BrokerAccount:
    """Give the account that the trip was for, once, to the person who began it."""
    trip = read(state)
    if trip.user_id != user.pk:
        raise HandOffRefused(
            "Somebody else began this log-in. Log in to the desk as that person, or begin it again."
        )
    account = BrokerAccount.objects.linked().filter(pk=trip.account_id).first()
    if account is None:
        raise HandOffRefused("The account of this log-in is no longer linked.")
    find_account(user, account.code, needs=Role.TRADER)
    try:
        with transaction.atomic():
            UsedHandOff.objects.create(nonce=trip.nonce, account=account)
    except IntegrityError:
        raise HandOffRefused("This log-in came back already. Begin it again.") from None
    return account
