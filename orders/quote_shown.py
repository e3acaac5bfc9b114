"""A quote as the ticket shows it: the last price, today's band, the best of the book, and how old it is."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import Depth
from accounts.models import User
from orders import quotes
from orders.instruments.models import Instrument
from orders.quotes import Seen
from orders.tickets.facts import PRICE_AGE
from orders.tickets.ticket import written

REFRESHED = timedelta(seconds=1.5)  # a page that asks every two seconds finds a newer one each time


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLine:
    """What the market shows, or why it shows nothing."""

    row: Instrument
    seen: Seen | None
    why: str = ""

    @property
    def last(self) -> Decimal | None:
        return self.seen.last.price if self.seen and self.seen.last else None

    @property
    def fill(self) -> str:
        """Tell what a press on the price enters."""
        return urlencode({"price": written(self.last)})

    @property
    def change(self) -> Decimal | None:
        close = self.seen.quote.close if self.seen else Decimal(0)
        return self.last - close if self.last is not None and close else None

    @property
    def change_percent(self) -> Decimal | None:
        return self.change / self.seen.quote.close * 100 if self.change is not None and self.seen else None  # fmt: skip

    @property
    def bid(self) -> Depth | None:
        return best(self.seen.quote.bids) if self.seen else None

    @property
    def offer(self) -> Depth | None:
        return best(self.seen.quote.offers) if self.seen else None

    @property
    def age(self) -> int:
        """Tell how many seconds old the price is."""
        if self.seen is None:
            return 0
        return max(0, int((timezone.now() - self.seen.moment).total_seconds()))

    @property
    def is_old(self) -> bool:
        return self.age > PRICE_AGE.total_seconds()

    @property
    def aged(self) -> str:
        """Say it as the page goes on to count it."""
        return f"{self.age} s ago" if self.age < 120 else f"{self.age // 60} min ago"


def best(steps: tuple[Depth, ...]) -> Depth | None:
    """Give the first step of a side, if anybody stands there."""
    return steps[0] if steps and steps[0].quantity else None


def quote_line(account: BrokerAccount, row: Instrument, user: User) -> QuoteLine:
    """Look at the market for a page."""
    seen = quotes.look(account, row.exchange, row.symbol, user=user, older_than=REFRESHED)
    if seen and seen.last:
        return QuoteLine(row=row, seen=seen)
    if quotes.lines(account, user):
        why = "The broker tells no price now. It is asked again every two seconds."
    else:
        why = "No price: log the account in, and it is shown."
    return QuoteLine(row=row, seen=None, why=why)


def quote_facts(account: BrokerAccount, chosen: Any, user: User) -> dict[str, Any]:
    """Give what the template of a ticket shows of the market."""
    return {"quote": quote_line(account, chosen.row, user) if chosen else None}
