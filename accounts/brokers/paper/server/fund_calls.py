"""Mutual funds: a small sample set, with the orders and plans the clients still offer."""

from typing import Any, Final

from .messages import Answer, csv_answer
from .order_calls import SIDES
from .routes import Call, Route, read_only

COLUMNS: Final = (
    "tradingsymbol",
    "amc",
    "name",
    "purchase_allowed",
    "redemption_allowed",
    "minimum_purchase_amount",
    "purchase_amount_multiplier",
    "minimum_additional_purchase_amount",
    "minimum_redemption_quantity",
    "redemption_quantity_multiplier",
    "dividend_type",
    "scheme_type",
    "plan",
    "settlement_type",
    "last_price",
    "last_price_date",
)
FREQUENCIES: Final = frozenset({"weekly", "monthly", "quarterly"})
STATUSES: Final = frozenset({"active", "paused", "cancelled", "ACTIVE", "PAUSED", "CANCELLED"})


async def place_order(call: Call) -> Any:
    form = call.form()
    return await call.do(
        "mf.order.place",
        tradingsymbol=form.text("tradingsymbol", longest=64),
        transaction_type=form.choice("transaction_type", SIDES),
        quantity=form.maybe_price("quantity"),
        amount=form.maybe_price("amount"),
        tag=form.maybe("tag", longest=64) or None,
    )


async def cancel_order(call: Call) -> Any:
    return await call.do("mf.order.cancel", order_id=call.part("order_id"))


async def one_order(call: Call) -> Any:
    return call.read("mf.order", order_id=call.part("order_id"))


async def place_sip(call: Call) -> Any:
    form = call.form()
    return await call.do(
        "mf.sip.place",
        tradingsymbol=form.text("tradingsymbol", longest=64),
        amount=form.price("amount"),
        initial_amount=form.maybe_price("initial_amount"),
        instalments=instalments(form.maybe_signed("instalments")),
        frequency=form.choice("frequency", FREQUENCIES),
        instalment_day=form.maybe_whole("instalment_day"),
        tag=form.maybe("tag", longest=64) or None,
    )


def instalments(text: str | None) -> int | None:
    """How many, or -1 for a plan without an end."""
    if text is None:
        return None
    return -1 if text.startswith("-") else int(text.partition(".")[0])


async def modify_sip(call: Call) -> Any:
    form = call.form()
    frequency = form.maybe("frequency")
    status = form.maybe("status")
    return await call.do(
        "mf.sip.modify",
        sip_id=call.part("sip_id"),
        amount=form.maybe_price("amount"),
        status=form.choice("status", STATUSES).upper() if status else None,
        instalments=instalments(form.maybe_signed("instalments")),
        frequency=form.choice("frequency", FREQUENCIES) if frequency else None,
        instalment_day=form.maybe_whole("instalment_day"),
    )


async def cancel_sip(call: Call) -> Any:
    return await call.do("mf.sip.cancel", sip_id=call.part("sip_id"))


async def one_sip(call: Call) -> Any:
    return call.read("mf.sip", sip_id=call.part("sip_id"))


async def one_holding(call: Call) -> Any:
    return call.read("mf.holdings", isin=call.part("isin"))


async def instruments(call: Call) -> Answer:
    return csv_answer(COLUMNS, call.read("mf.instruments"))


ROUTES = [
    Route("mf.orders", "GET", "/mf/orders", read_only("mf.orders")),
    Route("mf.order.place", "POST", "/mf/orders", place_order),
    Route("mf.order", "GET", "/mf/orders/{order_id}", one_order),
    Route("mf.order.cancel", "DELETE", "/mf/orders/{order_id}", cancel_order),
    Route("mf.sips", "GET", "/mf/sips", read_only("mf.sips")),
    Route("mf.sip.place", "POST", "/mf/sips", place_sip),
    Route("mf.sip", "GET", "/mf/sips/{sip_id}", one_sip),
    Route("mf.sip.modify", "PUT", "/mf/sips/{sip_id}", modify_sip),
    Route("mf.sip.cancel", "DELETE", "/mf/sips/{sip_id}", cancel_sip),
    Route("mf.holdings", "GET", "/mf/holdings", read_only("mf.holdings")),
    Route("mf.holding", "GET", "/mf/holdings/{isin}", one_holding),
    Route("mf.allotments", "GET", "/mf/allotments", read_only("mf.allotments")),
    Route("mf.instruments", "GET", "/mf/instruments", instruments, signed=False),
]
