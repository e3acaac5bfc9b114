"""The facts for a ticket, from what the desk knows of its account and its instrument."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.brokerage import BrokerAccount
from accounts.brokers.registry import kind
from accounts.brokers.types import Quote
from orders.instruments.contracts import freeze_of, multiplier_of
from orders.instruments.models import Instrument, find, master_of
from orders.product_rules import restrictions_of
from orders.tickets.facts import Band, Caps, Facts, LastPrice, Listing
from orders.tickets.ticket import Ticket
from tradedesk.times import in_ist


def facts_for(
    ticket: Ticket,
    account: BrokerAccount,
    *,
    at: datetime,
    caps: Caps | None,
    last: LastPrice | None = None,
    band: Band | None = None,
    is_exit: bool = False,
) -> Facts:
    """Gather what a ticket of this account is judged by; the market's part is the caller's."""
    master = master_of(account.broker, account.environment)
    row = find(master, ticket.exchange, ticket.symbol)
    day = in_ist(at).date()
    return Facts(
        at=at,
        capabilities=kind(account.broker).capabilities(account.environment),
        listing=listing_of(row) if row else None,
        caps=caps,
        restrictions=restrictions_of(master, ticket.exchange, ticket.symbol, on=day),
        account_exchanges=told(account.profile, "exchanges"),
        account_products=told(account.profile, "products"),
        last=last,
        band=band,
        is_exit=is_exit,
    )


def listing_of(row: Instrument) -> Listing:
    """Tell what the rules look at of an instrument."""
    return Listing(
        exchange=row.exchange,
        symbol=row.symbol,
        kind=row.kind,
        lot_size=row.lot_size,
        tick_size=row.tick_size,
        freeze_quantity=freeze_of(row),
        expiry=row.expiry,
        is_active=row.is_active,
        multiplier=multiplier_of(row),
    )


def seen_in(quote: Quote, *, at: datetime) -> tuple[LastPrice | None, Band | None]:
    """Tell what a quote says of the market; `at` is when it came, if it does not know."""
    moment = quote.quoted_at or at
    last = LastPrice(price=quote.last_price, at=moment) if quote.last_price > 0 else None
    lower, upper = quote.lower_circuit, quote.upper_circuit
    # Nought is how brokers say that they do not tell.
    band = Band(lower=lower, upper=upper, at=moment) if upper > 0 else None
    return last, band


def told(profile: Mapping[str, Any] | None, name: str) -> frozenset[str] | None:
    """Read a list of the broker's profile; an empty one tells nothing."""
    return frozenset(map(str, (profile or {}).get(name) or ())) or None
