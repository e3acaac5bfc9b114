"""Facts about contracts that stand in no broker's list. They change: each has its date.

NSE's circular of 1 Dec 2025 for its freeze quantities, which fall as an index rises; BSE's and the
multipliers as of November 2026. What is not here is not known, which is not the same as unlimited.
"""

from decimal import Decimal

from accounts.brokers.words import Exchange
from orders.instruments.models import CASH, Instrument

FREEZES = {
    ("NFO", "NIFTY"): 1800,
    ("NFO", "BANKNIFTY"): 600,
    ("NFO", "FINNIFTY"): 1200,
    ("NFO", "MIDCPNIFTY"): 2800,
    ("NFO", "NIFTYNXT50"): 600,
    ("BFO", "SENSEX"): 1000,
    ("BFO", "BANKEX"): 900,
}
# There a quantity counts contracts, and prices are per 10 g, per barrel, per dollar.
MULTIPLIERS = {
    ("MCX", "GOLD"): 100,
    ("MCX", "GOLDM"): 10,
    ("MCX", "SILVER"): 30,
    ("MCX", "SILVERM"): 5,
    ("MCX", "CRUDEOIL"): 100,
    ("MCX", "NATURALGAS"): 1250,
    ("MCX", "COPPER"): 2500,
    ("MCX", "LEADMINI"): 1000,
    ("CDS", "USDINR"): 1000,
    ("CDS", "EURINR"): 1000,
    ("CDS", "GBPINR"): 1000,
    ("CDS", "JPYINR"): 1000,
}
IN_UNITS = frozenset({Exchange.NSE, Exchange.BSE, Exchange.NFO, Exchange.BFO})


def freeze_of(row: Instrument) -> int | None:
    """Tell the largest single order, where it is known."""
    if row.freeze_quantity is not None or row.kind in CASH:
        return row.freeze_quantity
    return FREEZES.get((row.exchange, row.underlying))


def multiplier_of(row: Instrument) -> Decimal | None:
    """Tell what one of a quantity is worth in prices, where it is known."""
    if row.exchange in IN_UNITS:
        return Decimal(1)
    known = MULTIPLIERS.get((row.exchange, row.underlying))
    return Decimal(known) if known else None
