"""Orders that wait for a price: GTT."""

from typing import Any, Final

from accounts.brokers.paper.engine import Refusal

from .order_calls import LONGEST_SYMBOL, ORDER_TYPES, PRODUCTS, SIDES
from .reading import Fields, as_text, invalid, money, to_decimal
from .routes import Call, Route, read_only

TYPES: Final = frozenset({"single", "two-leg"})
MOST_LEGS: Final = 2


def definition(call: Call) -> dict[str, Any]:
    """The whole trigger; keys we do not know are ignored, since Go sends all of its order's."""
    form = call.form()
    return {
        "type": form.choice("type", TYPES),
        "condition": condition_of(form.json("condition")),
        "orders": [leg(item) for item in legs_of(form.json("orders"))],
    }


def condition_of(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise invalid("condition")
    values = raw.get("trigger_values")
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_LEGS:
        raise Refusal("Invalid `trigger_values`.")
    fields = fields_of(raw)
    return {
        "exchange": fields.text("exchange", longest=16),
        "tradingsymbol": fields.text("tradingsymbol", longest=LONGEST_SYMBOL),
        "trigger_values": [positive(value, "trigger_values") for value in values],
        "last_price": fields.price("last_price"),
    }


def positive(raw: Any, name: str) -> str:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise invalid(name)
    value = to_decimal(as_text(raw), name)
    if value <= 0:
        raise invalid(name)
    return money(value)


def legs_of(raw: Any) -> list[Any]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_LEGS:
        raise invalid("orders")
    return raw


def fields_of(raw: dict[str, Any]) -> Fields:
    simple = {name: value for name, value in raw.items() if isinstance(value, str | int | float)}
    return Fields.of([(name, as_text(value)) for name, value in simple.items()])


def leg(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise invalid("orders")
    fields = fields_of(raw)
    return {
        "exchange": fields.maybe("exchange", longest=16),
        "tradingsymbol": fields.maybe("tradingsymbol", longest=LONGEST_SYMBOL),
        "transaction_type": fields.choice("transaction_type", SIDES),
        "quantity": fields.whole("quantity", lowest=1),
        "order_type": fields.choice("order_type", ORDER_TYPES),
        "product": fields.choice("product", PRODUCTS),
        "price": fields.price("price"),
    }


def trigger_id(call: Call) -> int:
    text = call.part("trigger_id")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise invalid("trigger_id")
    return int(text)


async def place(call: Call) -> Any:
    return await call.do("gtt.place", **definition(call))


async def modify(call: Call) -> Any:
    return await call.do("gtt.modify", trigger_id=trigger_id(call), **definition(call))


async def delete(call: Call) -> Any:
    return await call.do("gtt.delete", trigger_id=trigger_id(call))


async def one(call: Call) -> Any:
    return call.read("gtt", trigger_id=trigger_id(call))


ROUTES = [
    Route("gtts", "GET", "/gtt/triggers", read_only("gtts")),
    Route("gtt.place", "POST", "/gtt/triggers", place),
    Route("gtt", "GET", "/gtt/triggers/{trigger_id}", one),
    Route("gtt.modify", "PUT", "/gtt/triggers/{trigger_id}", modify),
    Route("gtt.delete", "DELETE", "/gtt/triggers/{trigger_id}", delete),
]
