"""How a request stands in a task's row: as JSON that is read back to the very same request."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from accounts.brokers.types import OrderChange, OrderRequest
from accounts.brokers.words import OrderType, Product, Side, Validity, Variety

WORDS = {
    "side": Side,
    "product": Product,
    "order_type": OrderType,
    "variety": Variety,
    "validity": Validity,
}
CAPPED = "is_capped"  # in what is spelt: the quantity is at most what the position has
DECIMALS = {"price", "trigger_price", "market_protection"}


def spell(request: OrderRequest | OrderChange) -> dict[str, Any]:
    """Spell what is given; a price is text, the same for 2.5 and 2.50."""
    told = {one.name: getattr(request, one.name) for one in fields(request)}
    return {
        name: f"{value.normalize():f}" if isinstance(value, Decimal) else value
        for name, value in told.items()
        if value is not None
    }


def read_values(spelt: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in spelt.items() if name != CAPPED}
    for name in DECIMALS & found.keys():
        found[name] = Decimal(found[name])
    for name in WORDS.keys() & found.keys():
        found[name] = WORDS[name](found[name])
    return found


def read_order(spelt: Mapping[str, Any]) -> OrderRequest:
    return OrderRequest(**read_values(spelt))


def read_change(spelt: Mapping[str, Any]) -> OrderChange:
    return OrderChange(**read_values(spelt))


def fingerprint(account_id: int, kind: str, params: Mapping[str, Any]) -> str:
    """Tell two contents apart. Whose tag an order carries is no part of it."""
    content = {name: value for name, value in params.items() if name != "tag"}
    text = json.dumps([account_id, kind, content], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
