"""A real paper exchange, raw peers that misbehave, and adapters that are closed afterwards."""

from decimal import Decimal

import pytest

from accounts.brokers.kite import environments, offers
from accounts.brokers.kite.adapter import KiteBroker
from accounts.brokers.paper.server.trial import start, stop
from accounts.brokers.types import OrderRequest, OrderType, Product, Side
from tests.brokers.peers import Peer

for part in ("contract", "contract_base", "contract_reads"):
    pytest.register_assert_rewrite(f"tests.brokers.{part}")


@pytest.fixture
def kite():
    """Make Kite adapters for paper exchanges at any address."""
    made = []

    def make(root, *, access_token="token", api_key="key", patience=0.1, **more):
        place = more.pop("place", None) or environments.paper(root)
        broker = KiteBroker(
            place,
            more.pop("capabilities", offers.PAPER),
            api_key=api_key,
            access_token=access_token,
            patience=patience,
            **more,
        )
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def peer():
    """Start raw peers."""
    started = []

    def begin(behave, **more):
        started.append(Peer(behave, **more))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def exchange(tmp_path_factory):
    """One paper exchange without rate limits, in its own process."""
    running = start(tmp_path_factory.mktemp("exchange") / "paper", "--rule", "rate_limits=off")
    yield running
    stop(running)


@pytest.fixture
def faults(exchange):
    """Break the exchange on purpose; it is whole again after the test."""

    def add(effect, **more):
        exchange.control("POST", "faults", {"rules": [{"effect": effect, **more}]})

    yield add
    exchange.control("DELETE", "faults")


class PaperAccount:
    """One account at the exchange, its adapter, and the exchange's own truth about it."""

    def __init__(self, exchange, make, **more):
        self.exchange = exchange
        self.facts = exchange.control(
            "POST", "accounts", {"name": "Asha Rao", "cash": "1000000", **more}
        )
        self.user_id = self.facts["user_id"]
        session = exchange.control(
            "POST", "sessions", {"user_id": self.user_id, "api_key": self.facts["api_key"]}
        )
        self.access_token = session["access_token"]
        self.make = make
        self.broker = self.adapter()

    def adapter(self, **more):
        return self.make(
            self.exchange.url,
            api_key=self.facts["api_key"],
            **{"access_token": self.access_token, "patience": 1.0, **more},
        )

    def ledger(self):
        return self.exchange.control("GET", f"ledger/{self.user_id}")

    def count(self, tag):
        """Count the orders with this tag that the exchange really took."""
        return sum(
            tag in (order.get("tags") or [order["tag"]]) for order in self.ledger()["orders"]
        )


@pytest.fixture
def account(exchange, kite):
    return PaperAccount(exchange, kite)


@pytest.fixture
def order():
    """Ask for a small order that nobody will fill."""

    def ask(tag="TEST1", **more):
        terms = {
            "exchange": "NSE",
            "symbol": "INFY",
            "side": Side.BUY,
            "quantity": 1,
            "product": Product.CNC,
            "order_type": OrderType.LIMIT,
            "price": Decimal("1450.0"),
            "tag": tag,
        }
        return OrderRequest(**{**terms, **more})

    return ask
