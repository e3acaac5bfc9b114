"""Whether an account's positions moved today by what was traded in it.

The broker tells both, each in an answer of its own and each in its own time. So a difference counts
only if nothing was traded for a while, and if it is still the same when both were read again.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis

from accounts.brokerage import BrokerAccount
from orders.datasets import Dataset, Part, looks
from orders.ledger import Trade, trading_day
from orders.risk.measures import position_rows, signed

QUIET = timedelta(seconds=30)  # what was traded later may not be in the positions yet
STANDS_FOR = 60.0  # seconds until a difference is none of two answers that crossed
FORGOTTEN = 1200  # seconds; the sync comes every five minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Positions and trades of one instrument that do not fit together."""

    exchange: str
    symbol: str
    moved: int
    traded: int


def differences(account: BrokerAccount, at: datetime) -> Iterator[Difference]:
    """Compare what was traded today with the positions; what nobody traded tells nothing here."""
    today = trading_day(at)
    read = Dataset.objects.filter(account=account, part=Part.POSITIONS).first()
    if read is None or read.synced_at is None or trading_day(read.synced_at) != today:
        return
    traded: dict[tuple[str, str], int] = {}
    moving: set[tuple[str, str]] = set()
    for one in Trade.objects.filter(account=account, day=today):
        key = (one.exchange, one.symbol)
        traded[key] = traded.get(key, 0) + signed(one.side, one.quantity)
        last = max(one.filled_at or one.synced_at, one.synced_at)
        if last > read.synced_at - QUIET:
            moving.add(key)
    moved = dict.fromkeys(traded, 0)
    for row in position_rows(account):
        key = (row.exchange, row.symbol)
        if key in moved:  # a conversion moves it from product to product, and comes to nothing
            moved[key] += row.quantity - row.overnight_quantity
    for key in traded.keys() - moving:
        if moved[key] != traded[key]:
            yield Difference(exchange=key[0], symbol=key[1], moved=moved[key], traded=traded[key])


def standing(account: BrokerAccount, at: datetime) -> Iterator[Difference]:
    """Keep the differences that were there a minute ago already. Without Redis none was."""
    for one in differences(account, at):
        name = f"differs:{account.pk}:{one.exchange}:{one.symbol}:{one.moved}:{one.traded}"
        with suppress(redis.RedisError):
            if looks().set(name, at.timestamp(), nx=True, ex=FORGOTTEN):
                continue
            first = float(looks().get(name) or at.timestamp())
            if at.timestamp() - first >= STANDS_FOR:
                yield one
