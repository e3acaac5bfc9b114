"""A master of the size and the shape of a real one, for measurements: invented names, no network."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import count, product

from accounts.brokers.types import Instrument

SHARES = 9_000  # on each of two exchanges
INDICES = ("50", "BANK", "IT", "AUTO", "PHARMA", "NEXT 50", "MIDCAP 100", "METAL", "ENERGY", "FMCG")
INDEX_OPTIONS = (("NIFTY", "NFO", 24000), ("BANKNIFTY", "NFO", 55000), ("SENSEX", "BFO", 80000),
                 ("FINNIFTY", "NFO", 26000), ("BANKEX", "BFO", 62000), ("MIDCPNIFTY", "NFO", 13000))  # fmt: skip
KNOWN = (
    "INFY",
    "RELIANCE",
    "TCS",
    "SBIN",
    "ITC",
    "HDFCBANK",
    "TATASTEEL",
    "TATAPOWER",
    "M&M",
    "BAJAJ-AUTO",
)
COMMODITIES = ("GOLD", "SILVER", "CRUDEOIL", "NATURALGAS", "COPPER", "ZINC", "LEAD", "ALUMINIUM")
CURRENCIES = ("USDINR", "EURINR", "GBPINR", "JPYINR")
SYLLABLES = ("AD", "BH", "CEN", "DAL", "ESS", "FIN", "GUJ", "HIN", "IND", "JAY", "KAL", "LAX", "MAH", "NAV", "ORI",
             "PRI", "RAJ", "SHR", "TAT", "UNI", "VED", "WEL", "ZEN")  # fmt: skip
ENDS = ("INDUSTRIES", "FINANCE", "STEEL", "MOTORS", "BANK", "INDIA", "POWER", "CHEMICALS")
WEEKLY_MONTHS = "123456789OND"
CODES = {"NSE": 1, "NFO": 2, "CDS": 3, "BSE": 4, "BFO": 5, "MCX": 7}


def rows(day: date, size: int = 110_000) -> Iterator[Instrument]:
    """Yield so many rows as they would be listed on a day."""
    numbers = count(1)
    for number, row in enumerate(everything(day, numbers)):
        if number == size:
            return
        yield row


def everything(day: date, numbers: Iterator[int]) -> Iterator[Instrument]:
    names = share_names()
    for index in INDICES:
        yield listed("NSE", f"NIFTY {index}", f"NIFTY {index}", "EQ", numbers, segment="INDICES")
    for exchange in ("NSE", "BSE"):
        for symbol, name in names:
            yield listed(exchange, symbol, name, "EQ", numbers)
    for underlying, exchange, level in INDEX_OPTIONS:
        yield from chain(underlying, exchange, level, 50, 90, weeks(day, 12), numbers)
    for name in CURRENCIES:
        yield from chain(name, "CDS", 84, Decimal("0.25"), 40, weeks(day, 12), numbers)
    for name in COMMODITIES:
        yield from chain(name, "MCX", 9000, 100, 40, months(day, 6), numbers)
    for number, (symbol, _) in enumerate(names[:400]):
        yield from chain(symbol, "NFO", 500 + 10 * number, 10, 30, months(day, 3), numbers)


def share_names() -> list[tuple[str, str]]:
    """Invent shares whose symbols and names begin alike, as real ones do."""
    made = {symbol: f"{symbol} {ENDS[number % 8]}" for number, symbol in enumerate(KNOWN)}
    for first, second, third in product(SYLLABLES, repeat=3):
        end = ENDS[len(made) % 8]
        made.setdefault(first + second + third, f"{first}{second} {third} {end} LTD")
        if len(made) == SHARES:
            break
    return list(made.items())


def weeks(day: date, number: int) -> list[date]:
    tuesday = day + timedelta(days=(1 - day.weekday()) % 7)
    return [tuesday + timedelta(weeks=week) for week in range(number)]


def months(day: date, number: int) -> list[date]:
    return [expiry for expiry in weeks(day, 5 * number) if ends_month(expiry)][:number]


def ends_month(expiry: date) -> bool:
    """Tell whether this is the last such weekday of its month: it has the monthly symbol."""
    return (expiry + timedelta(weeks=1)).month != expiry.month


def chain(
    underlying: str, exchange: str, level: Decimal | int, step: Decimal | int, each_side: int,
    expiries: list[date], numbers: Iterator[int],
) -> Iterator[Instrument]:  # fmt: skip
    """Yield the futures and options on one thing."""
    for expiry in expiries:
        month = f"{underlying}{expiry:%y}{expiry:%b}".upper()
        week = f"{underlying}{expiry:%y}{WEEKLY_MONTHS[expiry.month - 1]}{expiry:%d}"
        if ends_month(expiry):
            yield listed(exchange, f"{month}FUT", underlying, "FUT", numbers, expiry=expiry)
        for number, kind in product(range(-each_side, each_side), ("CE", "PE")):
            strike = Decimal(level) + number * Decimal(step)
            symbol = f"{month if ends_month(expiry) else week}{strike.normalize():f}{kind}"
            yield listed(exchange, symbol, underlying, kind, numbers, expiry=expiry, strike=strike)


def listed(
    exchange: str, symbol: str, name: str, kind: str, numbers: Iterator[int], *, segment: str = "",
    expiry: date | None = None, strike: Decimal | None = None,
) -> Instrument:  # fmt: skip
    number = next(numbers)
    family = {"FUT": "FUT", "CE": "OPT", "PE": "OPT"}.get(kind)
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        instrument_token=number * 256 + (9 if segment else CODES[exchange]),
        exchange_token=str(number),
        name=name,
        kind=kind,
        segment=segment or (f"{exchange}-{family}" if family else exchange),
        lot_size=1 if not family else 75,
        tick_size=Decimal("0.05"),
        expiry=expiry,
        strike=strike,
    )
