"""People and a paper exchange, as the tests of accounts have them."""

from tests.accounts.conftest import (
    asha,
    enter,
    guarded,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange

__all__ = [
    "asha",
    "enter",
    "exchange",
    "guarded",
    "hashed_password",
    "make_person",
    "running_exchange",
    "stranger",
]
