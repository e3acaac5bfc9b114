"""Comparing an answer with the field list of Kite, name by name and type by type."""

from typing import Any

# Named null by the field tables, though every sample happens to hold a value.
NULLABLE = {
    "auction_number",
    "avatar_url",
    "collateral_type",
    "exchange_order_id",
    "exchange_timestamp",
    "exchange_update_timestamp",
    "folio",
    "guid",
    "last_instalment",
    "last_trade_time",
    "order_meta",
    "parent_order_id",
    "purchase_type",
    "settlement_id",
    "sip_reg_num",
    "status_message",
    "status_message_raw",
    "tag",
}
# Seen on some rows only.
OPTIONAL = {"auction_number", "basket", "fund_source", "iceberg", "tags", "terminal_id", "error"}
FREE_FORM = {"step_up", "meta", "authorisation"}
NAMES = {"str": (str,), "int": (int, float), "float": (int, float), "bool": (bool,)}


def differences(expected: Any, found: Any, place: str = "data") -> list[str]:
    """What is wrong with an answer; nothing is the right answer."""
    if isinstance(expected, str):
        return simple_differences(expected, found, place)
    if isinstance(expected, list):
        if not isinstance(found, list):
            return [f"{place} is {found!r}, not a list"]
        rows = [differences(expected[0], row, f"{place}[]") for row in found] if expected else []
        return [one for row in rows for one in row]
    if not isinstance(found, dict):
        free = found is None and (expected.get("__nullable") or place.endswith("meta"))
        return [] if free else [f"{place} is {found!r}, not an object"]
    if "<EXCH:SYMBOL>" in expected:
        rows = [differences(expected["<EXCH:SYMBOL>"], row, f"{place}.*") for row in found.values()]
        return [one for row in rows for one in row]
    return object_differences(expected, found, place)


def object_differences(expected: dict[str, Any], found: dict[str, Any], place: str) -> list[str]:
    wrong = []
    for name, kind in expected.items():
        if name == "__nullable" or (name in FREE_FORM and found.get(name) is not None):
            continue
        if name in found:
            wrong += differences(kind, found[name], f"{place}.{name}")
        elif name not in OPTIONAL:
            wrong.append(f"{place}.{name} is missing")
    return wrong


def simple_differences(expected: str, found: Any, place: str) -> list[str]:
    kinds = expected.split("|")
    name = place.rpartition(".")[2]
    if found is None:
        allowed = "null" in kinds or name in NULLABLE
        return [] if allowed else [f"{place} must not be null"]
    if kinds == ["null"]:
        return []
    allowed_types = tuple(kind for one in kinds for kind in NAMES.get(one, ()))
    if isinstance(found, bool) and "bool" not in kinds:
        return [f"{place} is {found!r}, not {expected}"]
    # A whole number where samples show one must stay whole: Go decodes it so.
    return [] if isinstance(found, allowed_types) else [f"{place} is {found!r}, not {expected}"]
