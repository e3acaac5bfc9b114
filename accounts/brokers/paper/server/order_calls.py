"""Placing, changing and cancelling orders."""

from typing import Any, Final

from accounts.brokers.paper.engine import Refusal

from .reading import Fields
from .routes import Call, Route, read_only

VARIETIES: Final = frozenset({"regular", "amo", "co", "iceberg", "auction"})
ORDER_TYPES: Final = frozenset({"MARKET", "LIMIT", "SL", "SL-M"})
PRODUCTS: Final = frozenset({"CNC", "MIS", "NRML", "MTF", "CO"})
VALIDITIES: Final = frozenset({"DAY", "IOC", "TTL"})
SIDES: Final = frozenset({"BUY", "SELL"})
LONGEST_SYMBOL: Final = 64


def variety_of(call: Call) -> str:
    variety = call.part("variety")
    if variety not in VARIETIES:
        raise Refusal("Invalid `variety`.")
    return variety


def optional_terms(form: Fields) -> dict[str, Any]:
    """What an order may say beyond the obligatory, in one place for placing and modifying."""
    return {
        "price": form.maybe_price("price"),
        "trigger_price": form.maybe_price("trigger_price"),
        "disclosed_quantity": form.maybe_whole("disclosed_quantity"),
        "market_protection": form.maybe_signed("market_protection"),
    }


async def place(call: Call) -> Any:
    variety = variety_of(call)
    form = call.form()
    return await call.do(
        "order.place",
        variety=variety,
        exchange=form.text("exchange", longest=16),
        tradingsymbol=form.text("tradingsymbol", longest=LONGEST_SYMBOL),
        transaction_type=form.choice("transaction_type", SIDES),
        order_type=form.choice("order_type", ORDER_TYPES),
        quantity=form.whole("quantity", lowest=1),
        product=form.choice("product", PRODUCTS),
        validity=form.choice("validity", VALIDITIES, "DAY"),
        validity_ttl=form.maybe_whole("validity_ttl"),
        iceberg_legs=form.maybe_whole("iceberg_legs"),
        iceberg_quantity=form.maybe_whole("iceberg_quantity"),
        auction_number=form.maybe("auction_number", longest=32) or None,
        autoslice=form.flag("autoslice") or None,
        algo_id=form.maybe("algo_id", longest=64) or None,
        tag=form.maybe("tag", longest=64) or None,
        **optional_terms(form),
    )


async def modify(call: Call) -> Any:
    variety = variety_of(call)
    form = call.form()
    order_type = form.choice("order_type", ORDER_TYPES) if form.maybe("order_type") else None
    validity = form.choice("validity", VALIDITIES) if form.maybe("validity") else None
    return await call.do(
        "order.modify",
        variety=variety,
        order_id=call.part("order_id"),
        parent_order_id=form.maybe("parent_order_id") or None,
        order_type=order_type,
        quantity=form.maybe_whole("quantity", lowest=1),
        validity=validity,
        validity_ttl=form.maybe_whole("validity_ttl"),
        **optional_terms(form),
    )


async def cancel(call: Call) -> Any:
    return await call.do(
        "order.cancel",
        variety=variety_of(call),
        order_id=call.part("order_id"),
        parent_order_id=call.query().maybe("parent_order_id") or None,
    )


async def history(call: Call) -> Any:
    return call.read("order.history", order_id=call.part("order_id"))


async def trades_of(call: Call) -> Any:
    return call.read("order.trades", order_id=call.part("order_id"))


ROUTES = [
    Route("orders", "GET", "/orders", read_only("orders")),
    Route("order.history", "GET", "/orders/{order_id}", history),
    Route("order.place", "POST", "/orders/{variety}", place, kind="order", places=True),
    Route("order.modify", "PUT", "/orders/{variety}/{order_id}", modify, kind="order"),
    Route("order.cancel", "DELETE", "/orders/{variety}/{order_id}", cancel, kind="order"),
    Route("trades", "GET", "/trades", read_only("trades")),
    Route("order.trades", "GET", "/orders/{order_id}/trades", trades_of),
]
