"""The key in a form: one thing asked for, however often the form is sent. Only our own keys count."""

import uuid

from django.core import signing

from accounts.brokerage import BrokerAccount
from accounts.brokers.errors import TradedeskError
from accounts.models import User

SALT = "orders.form"
LIVES = 24 * 60 * 60  # seconds


class KeyRefused(TradedeskError):
    """This form is not one that we gave this person for this account today."""


def make(user: User, account: BrokerAccount) -> str:
    """Make the key of a form that is about to be shown."""
    return signing.dumps([uuid.uuid4().hex, user.pk, account.pk], salt=SALT)


def read(signed: str, user: User, account: BrokerAccount) -> str:
    """Give the key of a form that came back."""
    try:
        key, user_id, account_id = signing.loads(signed, salt=SALT, max_age=LIVES)
    except signing.SignatureExpired as error:
        raise KeyRefused(
            "This form is older than a day. Look at it once more, then send it."
        ) from error
    except (signing.BadSignature, ValueError) as error:
        raise KeyRefused("This form is not one of this desk. Send it from here.") from error
    if (user_id, account_id) != (user.pk, account.pk):
        raise KeyRefused(
            "This form was made for somebody else or for another account. Send it from here."
        )
    return str(key)


def request_of(key: str) -> uuid.UUID:
    """Name the bulk operation of a form: the same for every time that it is sent."""
    return uuid.uuid5(uuid.NAMESPACE_OID, key)
