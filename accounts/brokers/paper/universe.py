"""The instruments of a day, made from a small data file and rolled with the calendar."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from .calendar import is_trading_day, trading_day_before
from .instruments import OPTION_TICK, SEGMENT_CODES, Instrument, equity_tick, strike_step
from .units import RUPEE, units

STRIKES_EACH_SIDE = 20
WEEKDAYS = {"tuesday": 1, "thursday": 3}
WEEKLY_MONTHS = "123456789OND"
SLOTS = 128  # contracts live shorter than this many days, then their tokens are used again
SHARE_OPTION_MONTHS = 1
SHARE_FUTURE_MONTHS = 3

Chains = dict[str, list[int]]  # "NIFTY:<expiry>" to the strikes listed so far
Spot = Callable[[int], int]


@cache
def source() -> dict[str, Any]:
    """The data file."""
    plain: dict[str, Any] = json.loads(
        files(__package__).joinpath("universe.json").read_text(encoding="utf-8")
    )
    return plain


def full_token(segment: str, exchange_token: int) -> int:
    """An instrument token: the exchange's own, and the segment in the last byte."""
    return exchange_token * 256 + SEGMENT_CODES[segment]


@cache
def shares_and_indices() -> tuple[Instrument, ...]:
    """Everything that has no expiry."""
    made = [_index(*row) for row in source()["indices"]]
    for row in source()["equities"]:
        made += _share(row)
    return tuple(made)


def _index(name: str, exchange: str, token: int, level: str) -> Instrument:
    code = full_token("INDICES", token)
    return Instrument(
        code, name, name, exchange, "INDICES", "EQ", "equity", tick=500, lot=1,
        base=units(level), walk=code, follows_market=name != "INDIA VIX",
        swing=8_000 if name == "INDIA VIX" else 150,
    )  # fmt: skip


def _share(row: list[Any]) -> list[Instrument]:
    symbol, name, isin, nse, bse, price, lot, volume, _ = row
    base = units(price)
    token = full_token("NSE", nse)
    market = "equity-cas" if lot else "equity"
    original = Instrument(
        token, symbol, name, "NSE", "NSE", "EQ", market, tick=equity_tick(base), base=base,
        walk=token, swing=700, follows_market=True, isin=isin, daily_volume=volume,
        has_derivatives=bool(lot),
    )  # fmt: skip
    twin = Instrument(
        full_token("BSE", bse), symbol, name, "BSE", "BSE", "EQ", market,
        tick=original.tick, source=token, isin=isin, daily_volume=volume // 15,
        has_derivatives=bool(lot),
    )  # fmt: skip
    return [original, twin]


def expiries(weekday: int, day: int, weeklies: int, monthlies: int) -> list[tuple[int, bool]]:
    """The next expiry days of a family and whether each closes its month."""
    found: dict[int, bool] = {}
    months = weeks = 0
    nominal = day
    while months < monthlies or weeks < weeklies:
        nominal += (weekday - date.fromordinal(nominal).weekday()) % 7
        closes_month = date.fromordinal(nominal + 7).month != date.fromordinal(nominal).month
        actual = nominal if is_trading_day(nominal) else trading_day_before(nominal)
        if actual >= day:
            if weeks < weeklies or (closes_month and months < monthlies):
                found[actual] = closes_month
            weeks += 1
            months += closes_month
        nominal += 1
    return sorted(found.items())


def monthly_on(target: int, day: int, months: int) -> list[int]:
    """The next monthly expiries on a day of the month, moved back from holidays."""
    found: list[int] = []
    month = date.fromordinal(day).replace(day=1)
    while len(found) < months:
        nominal = month.replace(day=target).toordinal()
        actual = nominal if is_trading_day(nominal) else trading_day_before(nominal)
        if actual >= day:
            found.append(actual)
        month = (month + timedelta(days=32)).replace(day=1)
    return found


def contract_symbol(name: str, expiry: int, *, monthly: bool, strike: int, kind: str) -> str:
    """The trading symbol of a future or an option."""
    day = date.fromordinal(expiry)
    if kind == "FUT":
        return f"{name}{day:%y%b}FUT".upper()
    when = f"{day:%y%b}".upper() if monthly else f"{day:%y}{WEEKLY_MONTHS[day.month - 1]}{day:%d}"
    shown = f"{strike / RUPEE:g}" if strike % RUPEE else str(strike // RUPEE)
    return f"{name}{when}{shown}{kind}"


@cache
def families() -> list[dict[str, Any]]:
    """Everything with options or futures on NFO and BFO, one row each."""
    names = source()["index_contracts_columns"]
    rows = [dict(zip(names, row, strict=True)) for row in source()["index_contracts"]]
    levels = {each.symbol: each for each in shares_and_indices() if each.is_index}
    for row in rows:
        spot = levels[row["index"]]
        row |= {"spot": spot, "strike_step": units(row["strike_step"]), "tick": OPTION_TICK}
    return rows + _share_families()


def _share_families() -> list[dict[str, Any]]:
    shares = {each.symbol: each for each in shares_and_indices() if each.segment == "NSE"}
    made = []
    for slot, row in enumerate(source()["equities"], start=16):
        symbol, price, lot, options = row[0], units(row[5]), row[6], row[8]
        if lot:
            made.append({
                "name": symbol, "spot": shares[symbol], "exchange": "NFO", "slot": slot,
                "strike_step": strike_step(price), "lot": lot, "freeze": lot * 40,
                "weeklies": 0, "monthlies": SHARE_OPTION_MONTHS if options else 0,
                "futures": SHARE_FUTURE_MONTHS, "expiry_weekday": "tuesday",
                "tick": shares[symbol].tick,
            })  # fmt: skip
    return made


def list_strikes(chains: Chains, day: int, spot: Spot) -> Chains:
    """The chains of a day: the old ones without the expired, strikes added around the price."""
    listed = {key: rows for key, rows in chains.items() if int(key.split(":")[1]) >= day}
    for family in families():
        weekday = WEEKDAYS[family["expiry_weekday"]]
        wanted = expiries(weekday, day, family["weeklies"], family["monthlies"])
        step = family["strike_step"]
        middle = round(spot(family["spot"].token) / step)
        for expiry, _ in wanted:
            key = f"{family['name']}:{expiry}"
            around = {
                (middle + away) * step
                for away in range(-STRIKES_EACH_SIDE, STRIKES_EACH_SIDE + 1)
                if middle + away > 0
            }
            listed[key] = sorted(around.union(listed.get(key, [])))
    return listed


def contracts(chains: Chains, day: int) -> tuple[Instrument, ...]:
    """All futures and options that can be traded on a day."""
    return _contracts(tuple((key, tuple(strikes)) for key, strikes in chains.items()), day)


@lru_cache(8)
def _contracts(chains: tuple[tuple[str, tuple[int, ...]], ...], day: int) -> tuple[Instrument, ...]:
    made: list[Instrument] = []
    for family in families():
        made += _futures(family, day)
        for key, strikes in chains:
            name, expiry = key.rsplit(":", 1)
            if name == family["name"] and int(expiry) >= day:
                made += _options(family, int(expiry), strikes)
    return (*made, *currencies(day), *commodities(day))


def _contract_token(family: dict[str, Any], expiry: int, strike: int, kind: str) -> int:
    # Built from what the contract is, so it never changes while the contract lives.
    place = family["slot"] * SLOTS + expiry % SLOTS
    if kind != "FUT":
        nth = strike // family["strike_step"] % 128
        place = 2**15 + (place * 128 + nth) * 2 + (kind == "PE")
    return full_token(family["exchange"], place)


def _futures(family: dict[str, Any], day: int) -> list[Instrument]:
    weekday = WEEKDAYS[family["expiry_weekday"]]
    return [
        _contract(family, expiry, 0, "FUT", monthly=True)
        for expiry, monthly in expiries(weekday, day, 0, family["futures"])
        if monthly
    ]


def _options(family: dict[str, Any], expiry: int, strikes: tuple[int, ...]) -> list[Instrument]:
    weekday = WEEKDAYS[family["expiry_weekday"]]
    monthly = expiries(weekday, expiry, 1, 0)[0][1]
    return [
        _contract(family, expiry, strike, kind, monthly=monthly)
        for strike in strikes
        for kind in ("CE", "PE")
    ]


def _contract(
    family: dict[str, Any], expiry: int, strike: int, kind: str, *, monthly: bool
) -> Instrument:
    exchange, name = family["exchange"], family["name"]
    is_future = kind == "FUT"
    symbol = contract_symbol(name, expiry, monthly=monthly, strike=strike, kind=kind)
    return Instrument(
        _contract_token(family, expiry, strike, kind), symbol, name, exchange,
        f"{exchange}-FUT" if is_future else f"{exchange}-OPT", kind, "derivatives",
        tick=family["tick"] if is_future else OPTION_TICK, lot=family["lot"],
        freeze=family["freeze"], expiry=expiry, strike=strike, source=family["spot"].token,
        daily_volume=family["lot"] * (20_000 if is_future else 40_000),
    )  # fmt: skip


def currencies(day: int) -> list[Instrument]:
    """Currency futures; they expire two working days before the month ends."""
    rows = [(*row, 26, "CDS", "currency", 120) for row in source()["currencies"]]
    return [each for slot, row in enumerate(rows, 1) for each in _plain_futures(slot, row, day)]


def commodities(day: int) -> list[Instrument]:
    """Commodity futures; quantities are lots, the multiplier makes them money."""
    rows = [(*row, "MCX", "commodity", 900) for row in source()["commodities"]]
    return [each for slot, row in enumerate(rows, 1) for each in _plain_futures(slot, row, day)]


def _plain_futures(slot: int, row: tuple[Any, ...], day: int) -> list[Instrument]:
    name, _, price, tick, multiplier, freeze, volume, expiry_day, exchange, market, swing = row
    first = 200_000 if exchange == "MCX" else 1_000
    return [
        Instrument(
            full_token(exchange, first + slot * SLOTS + expiry % SLOTS),
            contract_symbol(name, expiry, monthly=True, strike=0, kind="FUT"),
            name, exchange, f"{exchange}-FUT", "FUT", market, tick=units(tick), freeze=freeze,
            expiry=expiry, multiplier=multiplier, base=units(price),
            walk=full_token(exchange, slot), swing=swing, daily_volume=volume,
        )
        for expiry in monthly_on(expiry_day, day, 3)
    ]  # fmt: skip
