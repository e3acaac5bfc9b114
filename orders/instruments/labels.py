"""How an instrument is called on a page: what it is written on, and the contract."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orders.instruments.models import Instrument

PAISA = Decimal("0.01")
CURRENCY_TICK = Decimal("0.0025")
CURRENCY = frozenset({"CDS", "BCD"})


@dataclass(frozen=True, slots=True)
class Label:
    """`NIFTY` in bold, `24 NOV 26400 CE` behind it, and the step of its prices."""

    name: str
    contract: str = ""
    tick: Decimal = PAISA

    def __str__(self) -> str:
        return f"{self.name} {self.contract}".strip()


type Key = tuple[str, str, str]  # the master, the exchange, the symbol


def labels_of(keys: Iterable[Key], today: date) -> dict[Key, Label]:
    """Name many instruments at once; one that no master lists goes by its symbol."""
    wanted = set(keys)
    listed = Instrument.objects.filter(
        master__in={master for master, _, _ in wanted},
        symbol__in={symbol for _, _, symbol in wanted},
    )
    known = {(row.master, row.exchange, row.symbol): label_of(row, today) for row in listed}
    return {key: known.get(key) or unlisted(key) for key in wanted}


def unlisted(key: Key) -> Label:
    _, exchange, symbol = key
    return Label(symbol, tick=CURRENCY_TICK if exchange in CURRENCY else PAISA)


def label_of(row: Instrument, today: date) -> Label:
    """Name one instrument. Weekly and monthly contracts both carry their date."""
    tick = row.tick_size or PAISA
    if row.expiry is None:
        return Label(row.symbol, tick=tick)
    day = f"{row.expiry.day} {row.expiry:%b}".upper()
    year = "" if row.expiry.year == today.year else f" {row.expiry:%y}"
    strike = f" {row.strike.normalize():f}" if row.strike else ""
    return Label(row.underlying, f"{day}{year}{strike} {row.kind}", tick)
