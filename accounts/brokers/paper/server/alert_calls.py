"""Price alerts, as the Go client offers them."""

import re
from typing import Any, Final

from accounts.brokers.paper.engine import Refusal

from .order_calls import LONGEST_SYMBOL
from .reading import Fields, invalid
from .routes import Call, Route

TYPES: Final = frozenset({"simple", "ato"})
OPERATORS: Final = frozenset({"<=", ">=", "<", ">", "=="})
STATUSES: Final = frozenset({"enabled", "disabled", "deleted"})
RIGHT_SIDES: Final = frozenset({"constant", "instrument"})
UUID: Final = re.compile(r"[0-9a-fA-F-]{1,64}")
MOST_DELETED: Final = 500


def definition(form: Fields) -> dict[str, Any]:
    """An alert as a form describes it: one side, a comparison, the other side."""
    right = form.choice("rhs_type", RIGHT_SIDES)
    kind = form.choice("type", TYPES)
    return {
        "name": form.text("name"),
        "type": kind,
        "lhs_exchange": form.text("lhs_exchange", longest=16),
        "lhs_tradingsymbol": form.text("lhs_tradingsymbol", longest=LONGEST_SYMBOL),
        "lhs_attribute": form.text("lhs_attribute", longest=64),
        "operator": form.choice("operator", OPERATORS),
        "rhs_type": right,
        "status": form.choice("status", STATUSES) if form.maybe("status") else None,
        "basket": basket_of(form) if kind == "ato" else None,
        **right_side(form, right),
    }


def right_side(form: Fields, right: str) -> dict[str, Any]:
    if right == "constant":
        return {"rhs_constant": form.price("rhs_constant")}
    return {
        "rhs_exchange": form.text("rhs_exchange", longest=16),
        "rhs_tradingsymbol": form.text("rhs_tradingsymbol", longest=LONGEST_SYMBOL),
        "rhs_attribute": form.text("rhs_attribute", longest=64),
    }


def basket_of(form: Fields) -> dict[str, Any]:
    basket = form.json("basket")
    if not isinstance(basket, dict) or not isinstance(basket.get("items"), list):
        raise invalid("basket")
    return basket


def uuid_of(text: str) -> str:
    if not UUID.fullmatch(text):
        raise invalid("uuid")
    return text


def page_of(query: Fields) -> dict[str, int]:
    page = query.maybe_whole("page", lowest=1) or 1
    size = query.maybe_whole("page_size", lowest=1) or 500
    return {"page": page, "page_size": min(size, 500)}


async def listing(call: Call) -> Any:
    query = call.query()
    status = query.choice("status", STATUSES) if query.maybe("status") else None
    return call.read("alerts", status=status, **page_of(query))


async def create(call: Call) -> Any:
    return await call.do("alert.create", **definition(call.form()))


async def modify(call: Call) -> Any:
    return await call.do("alert.modify", uuid=uuid_of(call.part("uuid")), **definition(call.form()))


async def delete(call: Call) -> Any:
    uuids = [uuid_of(text) for text in call.query().all("uuid")]
    if not uuids or len(uuids) > MOST_DELETED:
        raise Refusal("Invalid `uuid`.")
    return await call.do("alert.delete", uuid=uuids)


async def one(call: Call) -> Any:
    return call.read("alert", uuid=uuid_of(call.part("uuid")))


async def history(call: Call) -> Any:
    return call.read("alert.history", uuid=uuid_of(call.part("uuid")))


ROUTES = [
    Route("alerts", "GET", "/alerts", listing),
    Route("alert.create", "POST", "/alerts", create),
    Route("alert.delete", "DELETE", "/alerts", delete),
    Route("alert", "GET", "/alerts/{uuid}", one),
    Route("alert.modify", "PUT", "/alerts/{uuid}", modify),
    Route("alert.history", "GET", "/alerts/{uuid}/history", history),
]
