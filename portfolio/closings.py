"""What works against a position already: an exit closes no more than it leaves."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.brokerage import BrokerAccount
from accounts.brokers.words import Side
from orders import front
from orders.ledger import Order
from tradedesk.money import quantity as shown

Place = tuple[str, str, str, str]  # exchange, symbol, product, side


@dataclass(frozen=True, slots=True, kw_only=True)
class Closings:
    """The working orders that close a position of this size, whoever gave them: stops, targets, exits."""

    orders: Sequence[Order]
    size: int

    @property
    def closed(self) -> int:
        return min(self.size, sum(one.coming_quantity for one in self.orders))

    @property
    def left(self) -> int:
        return self.size - self.closed

    @property
    def what(self) -> str:
        """Say how much of it is spoken for: 2 orders close 3 of the 5 already."""
        number = len(self.orders)
        words = "1 order closes" if number == 1 else f"{shown(number)} orders close"
        share = f"{shown(self.closed)} of the {shown(self.size)}" if self.left else "all of it"
        return f"{words} {share} already."

    @property
    def way_out(self) -> str:
        """Say what to do about it."""
        them = "it" if len(self.orders) == 1 else "them"
        if not self.left:
            return f"Nothing is left for an exit: cancel {them} first."
        return f"An exit closes the other {shown(self.left)} and no more. To exit all, cancel {them} first."


def closing_orders(account: BrokerAccount, at: datetime) -> Mapping[Place, list[Order]]:
    """Give what works in the account by the place and the side of what it would fill."""
    found = defaultdict(list)
    for order in front.working_orders(account, at):
        found[order.exchange, order.symbol, order.product, order.side].append(order)
    return found


def closings_of(
    orders: Mapping[Place, list[Order]], *, exchange: str, symbol: str, product: str, net: int
) -> Closings | None:
    """Keep those that work against this position; nothing, where it stands alone."""
    side = Side.SELL if net > 0 else Side.BUY
    against = orders.get((exchange, symbol, product, side), [])
    return Closings(orders=against, size=abs(net)) if against else None
