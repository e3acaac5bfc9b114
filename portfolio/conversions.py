"""Converting positions: what one may become, how much of it, and having it done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.brokerage import BrokerAccount
from accounts.brokers.registry import kind
from accounts.brokers.types import Conversion
from accounts.brokers.words import OrderType, Product, Side
from orders import front
from orders.engine import asking
from orders.engine.accept import Accepted, Asked, NotAccepted
from orders.engine.models import Kind
from orders.engine.spelling import spell
from orders.tickets import Fix, Problem, Ticket, refusals
from orders.tickets import products as product_rules
from orders.tickets.problems import refused
from orders.tickets.quantities import lot
from portfolio.models import PositionRow
from tradedesk.money import quantity as shown

CONVERTED = frozenset({Product.CNC, Product.MIS, Product.NRML, Product.MTF})
DELIVERED = frozenset({Product.CNC, Product.MTF})
NOT_OFFERED = "This broker converts no positions. Exit it, and buy or sell under the other product."


def may_convert(account: BrokerAccount, product: str) -> bool:
    """Tell whether the broker converts positions of this product at all."""
    can = kind(account.broker).capabilities(account.environment)
    return can.has_conversion and product in CONVERTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is held since before today, or since today: brokers convert the two apart."""

    is_overnight: bool
    quantity: int

    @property
    def word(self) -> str:
        return f"{'Carried over' if self.is_overnight else 'Of today'}, {shown(self.quantity)}"


def parts_of(row: PositionRow) -> list[Part]:
    """Split a position by when it was opened, what is not there left out."""
    net, carried = abs(row.quantity), row.overnight_quantity * (1 if row.quantity > 0 else -1)
    old = min(net, max(carried, 0))
    parts = [Part(is_overnight=True, quantity=old), Part(is_overnight=False, quantity=net - old)]
    return [one for one in parts if one.quantity]


def ticket_of(row: PositionRow, quantity: int) -> Ticket:
    return Ticket(
        exchange=row.exchange,
        symbol=row.symbol,
        side=side_of(row),
        quantity=quantity,
        order_type=OrderType.MARKET,
        product=Product(row.product),
    )


def side_of(row: PositionRow) -> Side:
    """Tell the side of the trade that made the position."""
    return Side.BUY if row.quantity > 0 else Side.SELL


def targets_of(row: PositionRow, account: BrokerAccount, at: datetime) -> list[str]:
    """Tell what it may become, by segment, broker, account and the lists of instruments."""
    ticket = ticket_of(row, abs(row.quantity))
    found = product_rules.allowed(ticket, front.facts_of(ticket, account, at))
    never = {row.product} | (DELIVERED if row.quantity < 0 else set())
    return [one for one in found if one not in never]


def position_of(account: BrokerAccount, named: Mapping[str, Any]) -> PositionRow | None:
    """Find the position as it stands now; what is flat is none."""
    some = {name: named.get(name) or "" for name in ("exchange", "symbol", "product")}
    rows = PositionRow.objects.filter(account=account, is_day=False, **some)
    return rows.exclude(quantity=0).first()


def problems_of(
    row: PositionRow, wanted: Conversion, account: BrokerAccount, at: datetime
) -> Iterator[Problem]:
    """Tell what is wrong with the wish, each beside its field."""
    targets = targets_of(row, account, at)
    if wanted.new_product not in targets:
        cause = f"{row.symbol} cannot be turned from {row.product} to {wanted.new_product}."
        fixes = [Fix(text=one, changes={"new_product": one}) for one in targets]
        yield refused("product", "new_product", cause, fixes)
    ticket = ticket_of(row, wanted.quantity)
    yield from refusals(lot(ticket, front.facts_of(ticket, account, at)))
    most = sum(one.quantity for one in parts_of(row) if one.is_overnight == wanted.is_overnight)
    if wanted.quantity > most:
        which = "carried over" if wanted.is_overnight else "of today"
        fixes = [Fix(text=shown(most), changes={"quantity": most})] if most else []
        how = "" if most else "Choose the other part."
        cause = f"{shown(most)} {which} can be converted."
        yield refused("held", "quantity", cause, fixes, how=how)


def convert(asked: Asked, wanted: Conversion, at: datetime) -> Accepted:
    """Have so much of a position moved to another product."""
    if earlier := asking.standing(asked, Kind.CONVERT, spell(wanted)):
        return earlier
    if not may_convert(asked.account, wanted.old_product):
        raise NotAccepted(NOT_OFFERED)
    named = {"exchange": wanted.exchange, "symbol": wanted.symbol}
    row = position_of(asked.account, named | {"product": wanted.old_product})
    if row is None or side_of(row) is not wanted.side:
        raise NotAccepted(
            "The position is not what it was. Look at it, then convert it from its row."
        )
    if found := list(problems_of(row, wanted, asked.account, at)):
        raise front.Refused(found)
    other = position_of(asked.account, named | {"product": wanted.new_product})
    return asking.convert(asked, wanted, old=row.quantity, new=other.quantity if other else 0)
