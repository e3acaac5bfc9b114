"""What the market shows of an instrument: its newest quote, kept in Redis for every process.

A broker is asked at most once a second for one instrument, and once a second on one account's line; whoever
comes meanwhile gets what is kept. Quotes are the same for all accounts of a broker, so any line that the
person may see will do for them. Orders never go that way.
"""

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers import limits, patience
from accounts.brokers.errors import BrokerError
from accounts.brokers.types import Depth, Quote
from accounts.lines import line_to
from accounts.models import User
from orders.instruments.models import master_of
from orders.tickets.facts import PRICE_AGE, Band, LastPrice
from orders.tickets.gathering import seen_in

logger = logging.getLogger(__name__)
EVERY = 1000  # ms between two askings, for one instrument and on one line
PAUSE = 8000  # ms until a line that failed is tried again
PATIENCE = 3.0  # seconds that a page waits for a broker
WATCHED = timedelta(seconds=6)  # who asked so lately will ask again: one call brings theirs, too
MOST = 200  # instruments of one call; brokers take 500
KEPT = timedelta(minutes=10)  # what is older is not even good for a guess


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A quote, and when it came."""

    quote: Quote
    at: datetime

    @property
    def last(self) -> LastPrice | None:
        return seen_in(self.quote, at=self.at)[0]

    @property
    def band(self) -> Band | None:
        return seen_in(self.quote, at=self.at)[1]

    @property
    def moment(self) -> datetime:
        """Tell of when the prices are: the exchange's word, where there is one."""
        return self.quote.quoted_at or self.at


def market_in(seen: Seen | None) -> tuple[LastPrice | None, Band | None]:
    """Tell the last price and the band of a quote, if there is one."""
    return (seen.last, seen.band) if seen else (None, None)


@cache
def kept() -> Any:
    """Give this process's line to what is kept; it never holds a page or an order up."""
    return limits.connect(settings.REDIS_URL)


def newest(account: BrokerAccount, exchange: str, symbol: str) -> Seen | None:
    """Give the newest quote that is kept, however old. Nobody is asked."""
    with suppress(redis.RedisError):
        text = kept().get(place_of(market_of(account), f"{exchange}:{symbol}"))
        return read(text) if text else None
    return None


def look(
    account: BrokerAccount,
    exchange: str,
    symbol: str,
    *,
    user: User | None = None,
    older_than: timedelta = PRICE_AGE,
) -> Seen | None:
    """Give the newest quote; what came longer ago than this is asked for first, if that can be."""
    seen = newest(account, exchange, symbol)
    if seen and timezone.now() - seen.at < older_than:
        return seen
    with suppress(redis.RedisError):
        if ask(account, f"{exchange}:{symbol}", user):
            return newest(account, exchange, symbol)
    return seen


def last_price(
    account: BrokerAccount, exchange: str, symbol: str, *, user: User | None
) -> LastPrice | None:
    """Give the last price, no older than a few seconds; nothing where nobody tells."""
    seen = look(account, exchange, symbol, user=user)
    return seen.last if seen else None


def ask(account: BrokerAccount, key: str, user: User | None) -> bool:
    """Ask for this instrument and those that others watch; tell whether an answer came."""
    market = market_of(account)
    watch(market, key)
    if not is_first(f"quotes:asked:{market}:{key}"):
        return False
    with patience.within(PATIENCE):
        for line in lines(account, user):
            if not is_first(f"quotes:line:{line.pk}"):
                continue
            others = [one for one in watched(market) if is_first(f"quotes:asked:{market}:{one}")]
            found = fetch(line, [key, *others])
            if found is not None:
                keep(market, found)
                return key in found
    return False


def lines(account: BrokerAccount, user: User | None) -> list[BrokerAccount]:
    """Name the accounts that may be asked: the order's own first, then what else the person may see."""
    up = BrokerAccount.objects.logged_in().exclude(breaker__opened_at__isnull=False)
    same = up.filter(broker=account.broker, environment=account.environment, blocked_why="")
    mine = same.seen_by(user) if user else same.filter(pk=account.pk)
    found = mine.select_related("session", "credentials")
    return sorted(found, key=lambda one: one.pk != account.pk)


def fetch(line: BrokerAccount, keys: list[str]) -> dict[str, Quote] | None:
    """Read quotes on the line of an account; one that failed is left alone for a while."""
    try:
        with line_to(line, is_vital=False) as broker:
            return broker.quote(keys)
    except BrokerError as error:
        kept().set(f"quotes:line:{line.pk}", 1, px=PAUSE)
        logger.info("account %s: no quotes: %s", line.code, error)
        return None


# In Redis -------------------------------------------------------------------------------------


def market_of(account: BrokerAccount) -> str:
    return master_of(account.broker, account.environment)


def place_of(market: str, key: str) -> str:
    return f"quotes:{market}:{key}"


def is_first(name: str) -> bool:
    """Be the one who asks, in this second, of all processes."""
    return bool(kept().set(name, 1, nx=True, px=EVERY))


def watch(market: str, key: str) -> None:
    kept().zadd(f"quotes:watched:{market}", {key: timezone.now().timestamp()})


def watched(market: str) -> list[str]:
    """Name what somebody looks at."""
    since = timezone.now().timestamp() - WATCHED.total_seconds()
    kept().zremrangebyscore(f"quotes:watched:{market}", 0, since)
    return [one.decode() for one in kept().zrange(f"quotes:watched:{market}", 0, MOST - 1)]


def keep(market: str, found: dict[str, Quote]) -> None:
    at = timezone.now()
    with kept().pipeline(transaction=False) as several:
        for key, quote in found.items():
            several.set(place_of(market, key), written(quote, at), ex=KEPT)
        several.execute()


def written(quote: Quote, at: datetime) -> str:
    """Write what a ticket needs of a quote: prices as text, the book's first step."""
    prices = {name: str(getattr(quote, name)) for name in PRICES}
    best = {name: [spelt(one) for one in getattr(quote, name)[:1]] for name in ("bids", "offers")}
    moment = quote.quoted_at.isoformat() if quote.quoted_at else None
    told = {"token": quote.instrument_token, "quoted_at": moment, "at": at.isoformat()}
    return json.dumps(prices | best | told)


PRICES = ("last_price", "close", "lower_circuit", "upper_circuit")


def spelt(step: Depth) -> list[Any]:
    return [str(step.price), step.quantity, step.orders]


def read(text: bytes) -> Seen:
    told = json.loads(text)
    moment = told["quoted_at"]
    quote = Quote(
        instrument_token=told["token"],
        last_price=Decimal(told["last_price"]),
        close=Decimal(told["close"]),
        lower_circuit=Decimal(told["lower_circuit"]),
        upper_circuit=Decimal(told["upper_circuit"]),
        bids=steps(told["bids"]),
        offers=steps(told["offers"]),
        quoted_at=datetime.fromisoformat(moment) if moment else None,
    )
    return Seen(quote=quote, at=datetime.fromisoformat(told["at"]))


def steps(rows: Iterable[list[Any]]) -> tuple[Depth, ...]:
    return tuple(Depth(price=Decimal(row[0]), quantity=row[1], orders=row[2]) for row in rows)
