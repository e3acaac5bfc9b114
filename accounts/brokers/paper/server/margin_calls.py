"""What orders would cost: margins and charges."""

from typing import Any, Final

from accounts.brokers.paper.engine import Refusal

from .order_calls import LONGEST_SYMBOL, ORDER_TYPES, PRODUCTS, SIDES, VARIETIES
from .reading import Fields, as_text, read_json
from .routes import Call, Route

MOST_ORDERS: Final = 200


def listed(call: Call) -> list[Fields]:
    """The orders in the JSON body, each as fields that can be asked for by type."""
    items = read_json(call.request.body, "body")
    if not isinstance(items, list) or not items:
        raise Refusal("The body must be a list of orders.")
    if len(items) > MOST_ORDERS:
        raise Refusal(f"At most {MOST_ORDERS} orders can be sent at once.")
    return [one_order(item) for item in items]


def one_order(item: Any) -> Fields:
    if not isinstance(item, dict):
        raise Refusal("Each order must be an object.")
    return Fields.of([(name, as_text(value)) for name, value in item.items() if value is not None])


def terms(order: Fields) -> dict[str, Any]:
    """What every one of these calls says about an order."""
    return {
        "exchange": order.text("exchange", longest=16),
        "tradingsymbol": order.text("tradingsymbol", longest=LONGEST_SYMBOL),
        "transaction_type": order.choice("transaction_type", SIDES),
        "variety": order.choice("variety", VARIETIES, "regular"),
        "product": order.choice("product", PRODUCTS),
        "order_type": order.choice("order_type", ORDER_TYPES),
        "quantity": order.whole("quantity", lowest=1),
    }


def to_margin(order: Fields) -> dict[str, Any]:
    return {
        **terms(order),
        "price": order.maybe_price("price") or "0",
        "trigger_price": order.maybe_price("trigger_price") or "0",
    }


def to_note(order: Fields) -> dict[str, Any]:
    return {
        **terms(order),
        "order_id": order.maybe("order_id"),
        "average_price": order.price("average_price"),
    }


async def order_margins(call: Call) -> Any:
    orders = [to_margin(order) for order in listed(call)]
    return call.read("order.margins", orders=orders, mode=mode_of(call))


async def basket_margins(call: Call) -> Any:
    orders = [to_margin(order) for order in listed(call)]
    consider = call.query().flag("consider_positions")
    mode = mode_of(call)
    return call.read("basket.margins", orders=orders, consider_positions=consider, mode=mode)


async def charges(call: Call) -> Any:
    return call.read("charges", orders=[to_note(order) for order in listed(call)])


def mode_of(call: Call) -> str | None:
    return call.query().maybe("mode") or None


ROUTES = [
    Route("order.margins", "POST", "/margins/orders", order_margins),
    Route("basket.margins", "POST", "/margins/basket", basket_margins),
    Route("charges", "POST", "/charges/orders", charges),
]
