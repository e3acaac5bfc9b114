"""A person with a live paper account at an exchange of these tests' own, and an engine in a hurry."""

from dataclasses import replace

import pytest

from accounts import linking
from orders.engine.core import Timing
from orders.engine.sending import Sender
from tests.accounts.conftest import asha, hashed_password, make_person, stranger  # noqa: F401
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.engine.desk import list_shares


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    exchange.control("POST", "prices", {"NSE:INFY": "1500"})
    list_shares()
    return linking.link_paper(owner=asha)


@pytest.fixture
def sender():
    """The product's own, with waits a thirtieth as long."""
    return Sender(timing=replace(Timing().scaled(1 / 30), lease=2.0, deadline=1.0))
