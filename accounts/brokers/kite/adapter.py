"""Kite as a `Broker`."""

from accounts.brokers.capabilities import Capabilities
from accounts.brokers.kite.market import Market
from accounts.brokers.kite.orders import Orders
from accounts.brokers.kite.portfolio import Portfolio
from accounts.brokers.kite.sessions import Sessions
from accounts.brokers.kite.triggers import Triggers
from accounts.brokers.types import ClockSkew


class KiteBroker(Sessions, Orders, Portfolio, Triggers, Market):
    """One account at Kite, live, in the sandbox, or at a paper exchange."""

    @property
    def capabilities(self) -> Capabilities:
        return self.offers

    @property
    def environment(self) -> str:
        return self.place_of_business.name

    @property
    def clock_skew(self) -> ClockSkew | None:
        return self.sender.skew
