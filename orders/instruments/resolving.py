"""From what a contract is to its row: an index, a share, a future or an option by its terms."""

from datetime import date
from decimal import Decimal

from django.db.models import Case, Value, When

from orders.instruments.models import CASH, Instrument, InstrumentQuerySet, Kind
from orders.instruments.words import compact

EXCHANGES = ("NSE", "NFO", "BSE", "BFO", "MCX", "CDS", "BCD", "NCO")
# Contracts and the index they are written on go by different names.
INDICES = {
    "NIFTY": "NIFTY50",
    "BANKNIFTY": "NIFTYBANK",
    "FINNIFTY": "NIFTYFINSERVICE",
    "MIDCPNIFTY": "NIFTYMIDSELECT",
    "NIFTYNXT50": "NIFTYNEXT50",
}
UNDERLYINGS = {index: name for name, index in INDICES.items()}


class Unresolved(LookupError):
    """No listed instrument has these terms; the message says which of them fails."""


def resolve(
    master: str,
    underlying: str,
    kind: Kind | str,
    *,
    on: date,
    expiry: date | None = None,
    strike: Decimal | int | None = None,
    exchange: str = "",
) -> Instrument:
    """Find the one instrument with these terms. Without an expiry it is the nearest from that day on.

    An expiry that has passed finds the contract as it was: history asks for those.
    """
    rows = Instrument.objects.of(master)
    rows = rows.filter(exchange=exchange) if exchange else rows
    # Below, what is listed is asked for first: it has the indexes, and the rest is asked for seldom.
    name = compact(underlying)
    if kind in CASH:
        return cash(rows, underlying, name, Kind(kind))
    if strike is None and kind != Kind.FUT:
        raise Unresolved(f"an option on {underlying} is known by its strike")
    if expiry is None:
        return nearest(rows.active().filter(expiry__gte=on), underlying, name, kind, strike)
    exact = of_family(rows, name, kind, strike).filter(expiry=expiry)
    found = exact.active().first() or exact.first()
    if found is None:
        raise Unresolved(
            why_not(rows.filter(expiry=expiry), underlying, name, kind, expiry, strike)
        )
    return found


def cash(rows: InstrumentQuerySet, underlying: str, name: str, kind: Kind) -> Instrument:
    """Find a share or an index by its symbol, or an index by the name of its contracts."""
    wanted = [name, INDICES.get(name, name)] if kind == Kind.INDEX else [name]
    as_written = Case(When(symbol=underlying, then=Value(0)), default=Value(1))  # M&M before MM
    found = rows.filter(expiry=None, kind=kind, compact__in=wanted).order_by(
        as_written, preferred()
    )
    row = found.active().first() or found.first()
    if row is None:
        raise Unresolved(f"no {Kind(kind).label.lower()} {underlying} is listed")
    return row


def nearest(
    rows: InstrumentQuerySet, underlying: str, name: str, kind: str, strike: Decimal | int | None
) -> Instrument:
    found = of_family(rows, name, kind, strike).order_by("expiry", preferred()).first()
    if found is None:
        raise Unresolved(why_not(rows, underlying, name, kind, None, strike))
    return found


def of_family(
    rows: InstrumentQuerySet, name: str, kind: str, strike: Decimal | int | None
) -> InstrumentQuerySet:
    """Keep the contracts of an underlying, called by its own name or by its index's."""
    family = rows.filter(family=UNDERLYINGS.get(name, name), expiry__isnull=False, kind=kind)
    return (family if strike is None else family.filter(strike=strike)).order_by(preferred())


def preferred() -> Case:
    """Put the exchange first that most of it is traded on."""
    ranks = [When(exchange=name, then=Value(rank)) for rank, name in enumerate(EXCHANGES)]
    return Case(*ranks, default=Value(len(EXCHANGES)))


def expiries_of(master: str, underlying: str, kind: Kind | str, *, on: date) -> list[date]:
    """Tell the days on which listed contracts of an underlying expire, from this day on."""
    rows = of_family(Instrument.objects.of(master).active(), compact(underlying), kind, None)
    days = rows.filter(expiry__gte=on).order_by("expiry").values_list("expiry", flat=True)
    return [day for day in days.distinct() if day]


def strikes_of(master: str, underlying: str, expiry: date) -> list[Decimal]:
    """Tell the strikes of one expiry, from the lowest."""
    rows = of_family(Instrument.objects.of(master), compact(underlying), Kind.CE, None)
    found = rows.filter(expiry=expiry).order_by("strike").values_list("strike", flat=True)
    return [strike for strike in found.distinct() if strike is not None]


def why_not(
    rows: InstrumentQuerySet,
    underlying: str,
    name: str,
    kind: str,
    expiry: date | None,
    strike: Decimal | int | None,
) -> str:
    """Say which term fails, and what there is instead."""
    what = f"{underlying} has no {Kind(kind).label.lower()}"
    when = f" that expires on {expiry.day} {expiry:%b %Y}" if expiry else ""
    near = of_family(rows, name, kind, None).order_by("strike")
    if strike is None or not near.exists():
        return f"{what}{when}"
    strikes = sorted({row.strike for row in near}, key=lambda one: abs(one - Decimal(strike)))[:2]
    listed = " and ".join(f"{one.normalize():f}" for one in sorted(strikes))
    return f"{what} at {Decimal(strike).normalize():f}{when}; near it: {listed}"
