"""Kite's rows of orders, trades, triggers and people, in our words."""

from collections.abc import Mapping
from typing import Any

from accounts.brokers.kite.values import ist, money, or_none, raw, text, token, whole
from accounts.brokers.types import (
    Alert,
    AlertFiring,
    Fill,
    Gtt,
    GttLeg,
    GttStatus,
    OrderStatus,
    OrderUpdate,
    Placed,
    Profile,
    Side,
    Slice,
)

type Row = Mapping[str, Any]

STATUSES = {
    "COMPLETE": OrderStatus.COMPLETE,
    "CANCELLED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "OPEN": OrderStatus.OPEN,
    "UPDATE": OrderStatus.OPEN,  # only in pushed messages: a partial fill or a modification
    "NOT MODIFIED": OrderStatus.OPEN,
    "NOT CANCELLED": OrderStatus.OPEN,
    "TRIGGER PENDING": OrderStatus.TRIGGER_PENDING,
}
# Words of orders on their way; whatever else comes is kept, read as well as can be, and told of.
PASSING = frozenset(
    {
        "PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "AMO REQ RECEIVED",
        "MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED", "CANCEL PENDING",
        "CANCEL VALIDATION PENDING", "CANCELLED AMO", "MODIFY AMO REQ RECEIVED",
    }
)  # fmt: skip
TOKENS = frozenset({"access_token", "refresh_token", "public_token", "enctoken", "api_key"})


def status_of(word: str) -> OrderStatus:
    """Read a status. Only the three end states end an order, whatever other words may come."""
    if known := STATUSES.get(word):
        return known
    if word.startswith("MODIF"):
        return OrderStatus.MODIFYING
    return OrderStatus.CANCELLING if word.startswith("CANCEL") else OrderStatus.RECEIVED


def odd(word: str) -> str:
    """Say so where a status is new to us."""
    return "" if word in STATUSES or word in PASSING else f"the status {word!r} is new to us"


def order_from(row: Row) -> OrderUpdate:
    """Read an order; the stream's and postback's messages have the same form."""
    return OrderUpdate(
        order_id=text(row["order_id"]),
        status=status_of(text(row["status"])),
        status_text=text(row["status"]),
        message=text(row.get("status_message")),
        raw_message=text(row.get("status_message_raw")),
        exchange=text(row["exchange"]),
        symbol=text(row["tradingsymbol"]),
        instrument_token=token(row.get("instrument_token")),
        side=Side(row["transaction_type"]),
        order_type=text(row["order_type"]),
        product=text(row["product"]),
        variety=text(row.get("variety")),
        validity=text(row.get("validity")),
        validity_minutes=token(row.get("validity_ttl")),
        quantity=whole(row["quantity"]),
        filled_quantity=whole(row.get("filled_quantity")),
        cancelled_quantity=whole(row.get("cancelled_quantity")),
        disclosed_quantity=whole(row.get("disclosed_quantity")),
        held_back_quantity=held_back(row.get("meta")),
        price=money(row.get("price")),
        trigger_price=money(row.get("trigger_price")),
        average_price=money(row.get("average_price")),
        market_protection=money(row.get("market_protection")),
        exchange_order_id=or_none(row.get("exchange_order_id")),
        parent_order_id=or_none(row.get("parent_order_id")),
        placed_by=text(row.get("placed_by")),
        tag=or_none(row.get("tag")),
        tags=tuple(text(one) for one in row.get("tags") or ()),
        is_modified=bool(row.get("modified")),
        ordered_at=ist(row.get("order_timestamp")),
        exchange_at=ist(row.get("exchange_timestamp")),
        updated_at=ist(row.get("exchange_update_timestamp")),
        odd=odd(text(row["status"])),
        raw=raw(row),
    )


def held_back(meta: Any) -> int:
    """Read what an iceberg still has behind this leg; Kite tells an empty list where it tells nothing."""
    iceberg = meta.get("iceberg") if isinstance(meta, dict) else None
    return whole(iceberg.get("remaining_quantity")) if isinstance(iceberg, dict) else 0


def fill_from(row: Row) -> Fill:
    """Read a trade. Its order_timestamp is a bare clock time and stays in `raw`."""
    return Fill(
        trade_id=text(row["trade_id"]),
        order_id=text(row["order_id"]),
        exchange=text(row["exchange"]),
        symbol=text(row["tradingsymbol"]),
        instrument_token=token(row.get("instrument_token")),
        side=Side(row["transaction_type"]),
        product=text(row["product"]),
        quantity=whole(row["quantity"]),
        price=money(row["average_price"]),
        filled_at=ist(row.get("fill_timestamp")),
        exchange_at=ist(row.get("exchange_timestamp")),
        exchange_order_id=or_none(row.get("exchange_order_id")),
        raw=raw(row),
    )


def placed_from(answer: Any) -> Placed:
    """Read what an autosliced order became: a parent with children, or the children alone."""
    children = answer if isinstance(answer, list) else answer.get("children") or []
    slices = tuple(slice_from(child) for child in children)
    first = next((one.order_id for one in slices if one.order_id), "")
    parent = "" if isinstance(answer, list) else text(answer.get("order_id"))
    return Placed(
        order_id=parent or first,
        slices=slices,
        raw={"children": answer} if isinstance(answer, list) else answer,
    )


def slice_from(child: Row) -> Slice:
    if order_id := or_none(child.get("order_id")):
        return Slice(order_id=order_id)
    error = child["error"]
    return Slice(
        order_id=None,
        refusal=text(error.get("message")) or "refused",
        error_type=text(error.get("error_type")),
    )


def gtt_from(row: Row) -> Gtt:
    condition = row["condition"]
    return Gtt(
        gtt_id=text(row["id"]),
        kind=text(row["type"]),
        status=known_gtt_status(text(row["status"])),
        exchange=text(condition["exchange"]),
        symbol=text(condition["tradingsymbol"]),
        triggers=tuple(money(value) for value in condition["trigger_values"]),
        last_price=money(condition.get("last_price")),
        legs=tuple(leg_from(leg) for leg in row["orders"]),
        created_at=ist(row.get("created_at")),
        updated_at=ist(row.get("updated_at")),
        expires_at=ist(row.get("expires_at")),
        raw=raw(row),
    )


def known_gtt_status(word: str) -> GttStatus | str:
    return GttStatus(word) if word in GttStatus else word


def leg_from(leg: Row) -> GttLeg:
    result = (leg.get("result") or {}).get("order_result") or {}
    return GttLeg(
        side=Side(leg["transaction_type"]),
        quantity=whole(leg["quantity"]),
        product=text(leg["product"]),
        price=money(leg["price"]),
        order_type=text(leg["order_type"]),
        order_id=or_none(result.get("order_id")),
        succeeded=result["status"] == "success" if result.get("status") else None,
        rejection=text(result.get("rejection_reason")),
    )


def alert_from(row: Row) -> Alert:
    is_constant = row.get("rhs_type") == "constant"
    return Alert(
        alert_id=text(row["uuid"]),
        name=text(row["name"]),
        kind=text(row["type"]),
        status=text(row["status"]),
        disabled_reason=text(row.get("disabled_reason")),
        exchange=text(row["lhs_exchange"]),
        symbol=text(row["lhs_tradingsymbol"]),
        attribute=text(row["lhs_attribute"]),
        operator=text(row["operator"]),
        constant=money(row.get("rhs_constant")) if is_constant else None,
        other_exchange=text(row.get("rhs_exchange")),
        other_symbol=text(row.get("rhs_tradingsymbol")),
        fired=whole(row.get("alert_count")),
        created_at=ist(row.get("created_at")),
        updated_at=ist(row.get("updated_at")),
        raw=raw(row),
    )


def firing_from(row: Row) -> AlertFiring:
    return AlertFiring(
        alert_id=text(row["uuid"]),
        condition=text(row.get("condition")),
        fired_at=ist(row.get("created_at")),
        raw=raw(row),
    )


def profile_from(row: Row) -> Profile:
    """Read who it is; the answer to a log-in holds tokens as well, which are no part of it."""
    return Profile(
        user_id=text(row["user_id"]),
        name=text(row.get("user_name")),
        short_name=text(row.get("user_shortname")),
        email=text(row.get("email")),
        broker=text(row.get("broker")),
        exchanges=tuple(row.get("exchanges") or ()),
        products=tuple(row.get("products") or ()),
        order_types=tuple(row.get("order_types") or ()),
        raw={name: value for name, value in raw(row).items() if name not in TOKENS},
    )
