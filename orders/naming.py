"""What the instruments of accounts' rows are called: each by the list of its own broker."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from orders.instruments.labels import Label, labels_of
from orders.instruments.models import master_of
from orders.ledger import trading_day
from orders.panels import Seat


class Listed(Protocol):
    """Whatever is about an instrument: a position, an order, a trade, a trigger."""

    @property
    def exchange(self) -> str: ...
    @property
    def symbol(self) -> str: ...


type Key = tuple[int, str, str]  # the account, the exchange, the symbol


def key_of(seat: Seat, row: Listed) -> Key:
    return seat.account.pk, row.exchange, row.symbol


def names_of(rows: Iterable[tuple[Seat, Listed]], at: datetime) -> dict[Key, Label]:
    """Name the instruments of rows of several accounts, in one question."""
    keys = {
        key_of(seat, row): (
            master_of(seat.account.broker, seat.account.environment),
            row.exchange,
            row.symbol,
        )
        for seat, row in rows
    }
    labels = labels_of(keys.values(), trading_day(at))
    return {key: labels[named] for key, named in keys.items()}
