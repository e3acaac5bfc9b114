"""How a request stands in a task's row: as JSON that is read back to the very same request."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from accounts.brokers.types import GttLeg, GttRequest, OrderChange, OrderRequest
from accounts.brokers.words import GttKind, OrderType, Product, Side, Validity, Variety

WORDS = {
    "side": Side,
    "product": Product,
    "order_type": OrderType,
    "variety": Variety,
    "validity": Validity,
}
CAPPED = "is_capped"  # in what is spelt: the quantity is at most what the position has
PIECE = "piece"  # in what is spelt: which part of a large exit it is, after the first
PASSING = {"tag", "last_price", "before"}
DECIMALS = {"price", "trigger_price", "market_protection"}


def spell(request: Any) -> dict[str, Any]:
    """Spell what is given; a price is text, the same for 2.5 and 2.50."""
    told = {one.name: getattr(request, one.name) for one in fields(request)}
    return {name: plain(value) for name, value in told.items() if value is not None}


def plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return spell(value) if is_dataclass(value) else value


def read_values(spelt: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in spelt.items() if name not in {CAPPED, PIECE}}
    for name in DECIMALS & found.keys():
        found[name] = Decimal(found[name])
    for name in WORDS.keys() & found.keys():
        found[name] = WORDS[name](found[name])
    return found


def read_order(spelt: Mapping[str, Any]) -> OrderRequest:
    return OrderRequest(**read_values(spelt))


def read_change(spelt: Mapping[str, Any]) -> OrderChange:
    return OrderChange(**read_values(spelt))


def read_gtt(spelt: Mapping[str, Any]) -> GttRequest:
    return GttRequest(
        kind=GttKind(spelt["kind"]),
        exchange=spelt["exchange"],
        symbol=spelt["symbol"],
        triggers=tuple(map(Decimal, spelt["triggers"])),
        last_price=Decimal(spelt["last_price"]),
        legs=tuple(GttLeg(**read_values(leg)) for leg in spelt["legs"]),
    )


def fingerprint(account_id: int, kind: str, params: Mapping[str, Any]) -> str:
    """Tell two contents apart. Whose tag it carries and where the market stood is no part of it."""
    content = {name: value for name, value in params.items() if name not in PASSING}
    text = json.dumps([account_id, kind, content], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
