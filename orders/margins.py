"""What an order would block of the account's money, by the broker's own reckoning."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.brokerage import BrokerAccount
from accounts.brokers import patience
from accounts.brokers.errors import BrokerError
from accounts.brokers.registry import kind
from accounts.brokers.words import Exchange
from accounts.lines import line_to
from orders.tickets import Ticket

PATIENCE = 2.0  # seconds that somebody who types waits for a hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What is needed and what is there; None is not known."""

    total: Decimal | None = None
    available: Decimal | None = None

    @property
    def is_short(self) -> bool:
        known = self.total is not None and self.available is not None
        return known and self.total > self.available  # type: ignore[operator]


def offers_margins(account: BrokerAccount) -> bool:
    return kind(account.broker).capabilities(account.environment).has_margins


def need_of(account: BrokerAccount, ticket: Ticket) -> Need:
    """Ask the broker what this order would block."""
    try:
        with patience.within(PATIENCE), line_to(account, is_vital=False) as broker:
            [margin] = broker.margins([ticket.request()])
    except (BrokerError, ValueError):  # ValueError: not one answer for one order
        return Need()
    return Need(total=margin.total, available=available(account, ticket))


def available(account: BrokerAccount, ticket: Ticket) -> Decimal | None:
    """Tell what is left of the segment's money. The portfolio keeps it; only its row is read."""
    rows: Any = account
    segment = "commodity" if ticket.exchange == Exchange.MCX else "equity"
    purse = rows.fundsrows.filter(segment=segment, is_enabled=True).first()
    return purse.net if purse else None
