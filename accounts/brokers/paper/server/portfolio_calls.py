"""The user, the money, holdings and positions."""

from typing import Any, Final

from accounts.brokers.paper.engine import Refusal

from .order_calls import LONGEST_SYMBOL, PRODUCTS, SIDES
from .reading import invalid, money, to_decimal
from .routes import Call, Route, read_only

SEGMENTS: Final = frozenset({"equity", "commodity"})
POSITION_TYPES: Final = frozenset({"day", "overnight"})
MOST_AUTHORISED: Final = 500


async def segment_margins(call: Call) -> Any:
    segment = call.part("segment")
    if segment not in SEGMENTS:
        raise Refusal("Invalid segment type.")
    return call.read("margins", segment=segment)


async def convert(call: Call) -> Any:
    form = call.form()
    return await call.do(
        "position.convert",
        exchange=form.text("exchange", longest=16),
        tradingsymbol=form.text("tradingsymbol", longest=LONGEST_SYMBOL),
        transaction_type=form.choice("transaction_type", SIDES),
        position_type=form.choice("position_type", POSITION_TYPES),
        quantity=form.whole("quantity", lowest=1),
        old_product=form.choice("old_product", PRODUCTS),
        new_product=form.choice("new_product", PRODUCTS),
    )


async def authorise(call: Call) -> Any:
    """Ask the depository for leave to sell; pairs of isin and quantity, or all holdings."""
    form = call.form()
    isins, quantities = form.all("isin"), form.all("quantity")
    if len(isins) != len(quantities) or len(isins) > MOST_AUTHORISED:
        raise invalid("quantity")
    return await call.do(
        "holdings.authorise",
        isin=isins,
        quantity=[money(to_decimal(quantity, "quantity")) for quantity in quantities],
        type=form.maybe("type") or None,
        transfer_type=form.maybe("transfer_type") or None,
        exec_date=form.maybe("exec_date") or None,
    )


ROUTES = [
    Route("profile", "GET", "/user/profile", read_only("profile")),
    Route("profile.full", "GET", "/user/profile/full", read_only("profile.full")),
    Route("margins", "GET", "/user/margins", read_only("margins")),
    Route("margins", "GET", "/user/margins/{segment}", segment_margins),
    Route("holdings", "GET", "/portfolio/holdings", read_only("holdings")),
    Route("holdings.summary", "GET", "/portfolio/holdings/summary", read_only("holdings.summary")),
    Route("holdings.compact", "GET", "/portfolio/holdings/compact", read_only("holdings.compact")),
    Route("auctions", "GET", "/portfolio/holdings/auctions", read_only("auctions")),
    Route("holdings.authorise", "POST", "/portfolio/holdings/authorise", authorise),
    Route("positions", "GET", "/portfolio/positions", read_only("positions")),
    Route("position.convert", "PUT", "/portfolio/positions", convert),
]
