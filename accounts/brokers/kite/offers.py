"""What Kite offers in each environment, and how often it may be asked."""

from dataclasses import replace
from datetime import time
from decimal import Decimal

from accounts.brokers.capabilities import (
    Auth,
    Capabilities,
    Rule,
    SessionPolicy,
    Streams,
    TagRules,
)
from accounts.brokers.words import (
    CallClass,
    Exchange,
    GttKind,
    Interval,
    OrderType,
    Product,
    Validity,
    Variety,
)

# Longer than a second, so that what the network moves by up to 100 ms still lies inside the
# broker's own second, wherever its clock begins one.
SECOND = 1.1
GAP = 0.06
PACE = 7  # entries a second; a setting of the desk
WALL = 9  # with cancels and exits; the broker stops at 10


def limits(pace: int = PACE) -> dict[CallClass, tuple[Rule, ...]]:
    """Spread calls below what Kite allows: 10 orders a second, 400 a minute, 5,000 a day."""
    pace = max(1, min(pace, WALL - 2))
    return {
        CallClass.ENTRY: (
            Rule(log="orders", seconds=SECOND, most=pace, after_restart=0),
            Rule(log="entries", seconds=GAP, most=1),
            Rule(log="orders", seconds=60, most=360),
            Rule(log="orders", seconds=0, most=4500),
        ),
        CallClass.EXIT: (
            Rule(log="orders", seconds=SECOND, most=WALL, after_restart=WALL - pace),
            Rule(log="orders", seconds=60, most=390),
            Rule(log="orders", seconds=0, most=4950),
        ),
        CallClass.READ: (Rule(log="reads", seconds=SECOND, most=9),),
        CallClass.SYNC: (
            Rule(log="sync", seconds=SECOND, most=3),
            Rule(log="reads", seconds=SECOND, most=7),
        ),
        CallClass.QUOTE: (Rule(log="quotes", seconds=SECOND, most=1),),
        CallClass.HISTORICAL: (Rule(log="history", seconds=SECOND, most=2),),
    }


LIVE = Capabilities(
    auth=Auth.REDIRECT,
    # Tokens are flushed from 06:00; what is made before 08:00 may be caught by it.
    session=SessionPolicy(ends=time(6, 0), settled=time(8, 0), can_log_in_alone=True),
    exchanges=frozenset(Exchange),
    varieties=frozenset(Variety),
    products=frozenset(Product) - {Product.CO},
    order_types=frozenset(OrderType),
    validities=frozenset(Validity),
    intervals=frozenset(Interval),
    tags=TagRules(longest=20, alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
    limits=limits(),
    streams=Streams(ticks=True, orders=True, most_sockets=3, most_instruments=3000),
    gtt=frozenset(GttKind),
    has_margins=True,
    has_basket_margins=True,
    has_charges=True,
    has_conversion=True,
    has_alerts=True,
    has_funds=True,
    has_autoslice=True,
    needs_static_ip=True,
    needs_market_protection=True,
    automatic_protection=Decimal(-1),
    most_modifications=25,
    most_slices=10,
    quotes_per_call=500,
    prices_per_call=1000,
)  # fmt: skip
PAPER = replace(LIVE, needs_static_ip=False)
SANDBOX = replace(
    LIVE,
    order_types=frozenset({OrderType.LIMIT}),
    gtt=frozenset(),
    has_margins=False,
    has_basket_margins=False,
    has_charges=False,
    needs_static_ip=False,
)
