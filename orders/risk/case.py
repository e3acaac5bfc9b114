"""An order about to leave, and what its rules read."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from accounts.brokerage import BrokerAccount
from accounts.models import User
from orders.datasets import Part
from orders.engine.models import OrderTask
from orders.ledger import Order
from orders.risk import measures
from orders.risk.limits import Standing
from orders.risk.measures import Leg, Missing


@dataclass
class Case:
    """Each part is read once, and only if a rule asks for it."""

    task: OrderTask
    account: BrokerAccount
    limits: Standing
    at: datetime
    terms: dict[str, Any]  # of the order as it would be
    replaced: Order | None = None  # the order that would become it: what it holds counts once
    last: Decimal | None = None  # the market's price, if a quote was seen

    @cached_property
    def leg(self) -> Leg:
        """What the order may still do."""
        leg = measures.leg_from(self.task, self.terms)
        if leg.quantity < 0 and leg.price and self.last and not self.terms.get("trigger_price"):
            # Offered below the market, it is done at the market.
            leg = replace(leg, price=max(leg.price, self.last))
        if self.replaced is None:
            return leg
        done = measures.signed(self.replaced.side, self.replaced.filled_quantity)
        return replace(leg, quantity=leg.quantity - done)

    @property
    def user(self) -> User | None:
        return self.task.user

    @property
    def target(self) -> str:
        return self.replaced.order_id if self.replaced else ""

    @cached_property
    def read_at(self) -> datetime:
        return measures.fresh_reading(self.account, Part.POSITIONS, self.at)

    @cached_property
    def positions(self) -> list[Any]:
        _ = self.read_at
        return measures.position_rows(self.account)

    @cached_property
    def to_come(self) -> list[Leg]:
        legs = measures.legs_to_come(self.todays_orders, self.unseen, self.read_at)
        changed = [one for one in self.todays_orders if one.order_id != self.target]
        return legs + measures.legs_of_changes(self.account, changed, self.at)

    @cached_property
    def todays_orders(self) -> list[Order]:
        """Read what is unseen first: what comes into the book meanwhile counts twice."""
        _ = self.unseen
        measures.fresh_reading(self.account, Part.ORDERS, self.at)
        orders = list(Order.objects.filter(account=self.account).of_today(self.at))
        for order in orders:
            if order.order_id == self.target:
                order.quantity = (
                    order.filled_quantity
                )  # what it would still do is the case's own leg
        return orders

    @cached_property
    def unseen(self) -> list[OrderTask]:
        return measures.unseen_tasks(self.account, self.at)

    @cached_property
    def net(self) -> dict[tuple[str, str], int]:
        """Positions by instrument, all products together."""
        found: dict[tuple[str, str], int] = {self.leg.key: 0}
        for row in self.positions:
            key = (row.exchange, row.symbol)
            found[key] = found.get(key, 0) + row.quantity
        return found

    @cached_property
    def prices(self) -> dict[tuple[str, str], Decimal]:
        """The highest price that is known of each instrument."""
        known = [((row.exchange, row.symbol), row.last_price) for row in self.positions]
        known += [(leg.key, leg.price) for leg in [*self.to_come, self.leg] if leg.price]
        known += [(self.leg.key, self.last)] if self.last else []
        found: dict[tuple[str, str], Decimal] = {}
        for key, price in known:
            found[key] = max(price, found.get(key, Decimal(0)))
        return found

    def worth(self, leg: Leg) -> Decimal:
        """Value something; nobody's guess is as good as none."""
        price = leg.price or self.prices.get(leg.key)
        each = self.each.get(leg.key)
        if not price:
            raise Missing(
                f"A limit in rupees is set and no price of {leg.symbol} is known. Use a limit order."
            )
        if each is None:
            raise Missing(
                f"A limit in rupees is set and the worth of one {leg.symbol} is not known. Ask the "
                "operator to bring the instruments up to date, or to take the limit away."
            )
        return abs(leg.quantity) * price * each

    @cached_property
    def each(self) -> dict[Any, Decimal | None]:
        keys = {leg.key for leg in self.to_come} | {self.leg.key}
        known = measures.worth_of_one(self.account, keys)
        return known | {(row.exchange, row.symbol): row.multiplier for row in self.positions}
