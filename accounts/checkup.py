"""A check-up of one account at its broker: every read the desk lives by, and not one order."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers import patience
from accounts.brokers.base import Broker
from accounts.brokers.errors import TradedeskError
from accounts.brokers.types import Instrument, OrderRequest
from accounts.brokers.words import OrderType, Product, Side
from accounts.lines import line_to
from tradedesk.money import rupees
from tradedesk.times import in_ist

INDEX = "NIFTY"
PATIENCE = 60.0  # seconds that one check may take: the list of instruments is long


class NothingToAsk(TradedeskError):
    """The broker answered, and what the next question needs was not in it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What became of one check."""

    check: str
    ok: bool
    result: str
    took_ms: int


def examine(account: BrokerAccount) -> Iterator[Finding]:
    """Make one check after the other; what one of them meets stops none of the rest."""
    for name, check in CHECKS.items():
        began = time.perf_counter()
        try:
            # A line of its own each: the breaker and the session hear of every failure.
            with patience.within(PATIENCE), line_to(account) as broker:
                ok, result = True, check(broker)
        except TradedeskError as error:
            ok, result = False, str(error)
        took = round((time.perf_counter() - began) * 1000)
        yield Finding(check=name, ok=ok, result=result, took_ms=took)


def read_profile(broker: Broker) -> str:
    profile = broker.profile()
    return f"{profile.name}, {profile.user_id}"


def read_holdings(broker: Broker) -> str:
    return counted(len(broker.holdings()), "holding")


def read_positions(broker: Broker) -> str:
    return counted(len(broker.positions().net), "position")


def read_orders(broker: Broker) -> str:
    return counted(len(broker.orders()), "order") + " today"


def read_trades(broker: Broker) -> str:
    return counted(len(broker.trades()), "trade") + " today"


def read_funds(broker: Broker) -> str:
    funds = broker.funds()
    segments = {"equity": funds.equity, "commodity": funds.commodity}
    told = [f"{name} {rupees(one.net)}" for name, one in segments.items() if one is not None]
    return ", ".join(told) or "the broker offers no segment"


def ask_margin(broker: Broker) -> str:
    """Ask what a future with a call and a put would block. Asking costs nothing and places nothing."""
    legs = legs_near_the_money(broker, today=in_ist(timezone.now()).date())
    basket = broker.basket_margin([order_for(leg) for leg in legs], with_positions=False)
    names = " + ".join(leg.symbol for leg in legs)
    return f"{names}: {rupees(basket.final.total)}, benefit {rupees(basket.benefit)}"


CHECKS: dict[str, Callable[[Broker], str]] = {
    "profile": read_profile,
    "holdings": read_holdings,
    "positions": read_positions,
    "orders": read_orders,
    "trades": read_trades,
    "funds": read_funds,
    "basket margin": ask_margin,
}


def legs_near_the_money(broker: Broker, *, today: date) -> tuple[Instrument, ...]:
    """Choose the next future of the index, and the call and put next to its price."""
    with broker.instruments("NFO") as rows:
        listed = [row for row in rows if row.name == INDEX and row.expiry and row.expiry > today]
    futures = [row for row in listed if row.kind == "FUT"]
    if not futures:
        raise NothingToAsk(f"the broker lists no {INDEX} future that expires after today")
    future = min(futures, key=expiry_of)
    key = f"NFO:{future.symbol}"
    price = broker.ltp([key]).get(key) or future.last_price
    if not price:
        raise NothingToAsk(f"the broker has no price of {future.symbol}")
    return (future, *pair_near(price, listed))


def pair_near(price: Decimal, listed: list[Instrument]) -> tuple[Instrument, Instrument]:
    """Choose the call and the put of the next expiry whose common strike is next to the price."""
    sides: dict[str, dict[tuple[date, Decimal], Instrument]] = {"CE": {}, "PE": {}}
    for row in listed:
        if row.kind in sides and row.strike is not None:
            sides[row.kind][expiry_of(row), row.strike] = row
    both = sides["CE"].keys() & sides["PE"].keys()
    if not both:
        raise NothingToAsk(f"the broker lists no call and put of {INDEX} with the same strike")
    # The next expiry first, then the distance; of two as near, the lower strike.
    chosen = min(both, key=lambda one: (one[0], abs(one[1] - price), one[1]))
    return sides["CE"][chosen], sides["PE"][chosen]


def expiry_of(row: Instrument) -> date:
    return row.expiry or date.max


def order_for(leg: Instrument) -> OrderRequest:
    """Describe one lot: the future bought, the options sold against it."""
    return OrderRequest(
        exchange=leg.exchange,
        symbol=leg.symbol,
        side=Side.BUY if leg.kind == "FUT" else Side.SELL,
        quantity=leg.lot_size,
        product=Product.NRML,
        order_type=OrderType.MARKET,
    )


def counted(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
