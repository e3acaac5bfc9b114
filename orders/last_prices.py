"""The last price of one instrument, asked of the broker by a page; a trader who types asks it once in a while."""

from contextlib import suppress
from datetime import datetime
from decimal import Decimal

import redis
from django.core.cache import cache

from accounts.brokerage import BrokerAccount
from accounts.brokers import patience
from accounts.brokers.errors import BrokerError
from accounts.lines import line_to
from orders.instruments.models import master_of
from orders.tickets.facts import LastPrice

KEPT = 3  # seconds; the rules take a price of five
PATIENCE = 2.0  # seconds that a page waits for it
NONE = ""


def last_price(
    account: BrokerAccount, exchange: str, symbol: str, at: datetime
) -> LastPrice | None:
    """Give the last price, no older than a few seconds; nothing where the broker does not tell."""
    key = f"{exchange}:{symbol}"
    name = f"last-price:{master_of(account.broker, account.environment)}:{key}"
    known: tuple[str, datetime] | None = None
    with suppress(redis.RedisError):  # then it is asked for each time
        known = cache.get(name)
    if known is None:
        known = (ask(account, key), at)
        with suppress(redis.RedisError):
            cache.set(name, known, KEPT)
    text, moment = known
    return LastPrice(price=Decimal(text), at=moment) if text else None


def ask(account: BrokerAccount, key: str) -> str:
    try:
        with patience.within(PATIENCE), line_to(account) as broker:
            price = broker.ltp([key]).get(key)
    except BrokerError:
        return NONE  # whoever needs it says so
    return str(price) if price else NONE
