"""Instruments, quotes and candles."""

from datetime import datetime, timedelta, timezone
from typing import Any, Final

from accounts.brokers.paper.engine import Refusal

from .messages import Answer, csv_answer
from .reading import invalid, missing
from .routes import Call, Handler, Route

IST: Final = timezone(timedelta(hours=5, minutes=30))
# How many instruments one call may name.
MOST_QUOTES: Final = {"quote": 500, "ohlc": 1_000, "ltp": 1_000}
MOST_RANGES: Final = 500
EXCHANGES: Final = frozenset(
    {"NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "NCO", "NSEIX", "GLOBAL"}
)
MINUTES: Final = frozenset(f"{count}minute" for count in (2, 3, 4, 5, 10, 15, 30, 60))
HOURS: Final = frozenset({"hour", "2hour", "3hour", "4hour"})
INTERVALS: Final = MINUTES | HOURS | {"minute", "day", "week"}
COLUMNS: Final = (
    "instrument_token",
    "exchange_token",
    "tradingsymbol",
    "name",
    "last_price",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_type",
    "segment",
    "exchange",
)
DATE_ALONE: Final = "%Y-%m-%d"
DATE_FORMS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", DATE_ALONE, "%Y-%m-%dT%H:%M:%S")
FIRST_YEAR: Final = 1990


def asked(call: Call, most: int) -> list[str]:
    """The instruments a call names, each as EXCHANGE:SYMBOL."""
    names = call.query().all("i")
    if not names:
        raise missing("i")
    if len(names) > most:
        raise Refusal(f"At most {most} instruments can be asked for at once.")
    return names


def quoting(name: str) -> Handler:
    async def handler(call: Call) -> Any:
        return call.read(name, i=asked(call, MOST_QUOTES[name]))

    return handler


async def trigger_range(call: Call) -> Any:
    side = call.part("transaction_type").upper()
    if side not in {"BUY", "SELL"}:
        raise invalid("transaction_type")
    return call.read("trigger_range", transaction_type=side, i=asked(call, MOST_RANGES))


async def instruments(call: Call) -> Answer:
    """The dump of the day, of one exchange or of all."""
    exchange = call.part("exchange") if "exchange" in call.path else None
    if exchange is not None and exchange not in EXCHANGES:
        raise invalid("exchange")
    return csv_answer(COLUMNS, call.read("instruments", exchange=exchange))


def moment(text: str, name: str) -> str:
    """An Indian time in one form, or a date alone, which means all of its day."""
    cleaned = text.removesuffix("+0530").removesuffix("+05:30")
    for form in DATE_FORMS:
        try:
            found = datetime.strptime(cleaned, form).replace(tzinfo=IST)
        except ValueError:
            continue
        if found.year < FIRST_YEAR:
            break
        return f"{found:%Y-%m-%d}" if form == DATE_ALONE else f"{found:%Y-%m-%d %H:%M:%S}"
    raise invalid(name)


async def historical(call: Call) -> Any:
    token, interval = call.part("instrument_token"), call.part("interval")
    if not (token.isdigit() and len(token) <= 10):
        raise invalid("instrument_token")
    if interval not in INTERVALS:
        raise invalid("interval")
    query = call.query()
    return call.read(
        "historical",
        token=int(token),
        interval=interval,
        begins=moment(query.text("from"), "from"),
        ends=moment(query.text("to"), "to"),
        continuous=query.flag("continuous"),
        oi=query.flag("oi"),
    )


ROUTES = [
    Route("instruments", "GET", "/instruments", instruments, signed=False),
    Route("instruments", "GET", "/instruments/{exchange}", instruments, signed=False),
    Route(
        "historical",
        "GET",
        "/instruments/historical/{instrument_token}/{interval}",
        historical,
        kind="historical",
    ),
    Route("trigger_range", "GET", "/instruments/trigger_range/{transaction_type}", trigger_range),
    Route("quote", "GET", "/quote", quoting("quote"), kind="quote"),
    Route("ohlc", "GET", "/quote/ohlc", quoting("ohlc"), kind="quote"),
    Route("ltp", "GET", "/quote/ltp", quoting("ltp"), kind="quote"),
]
