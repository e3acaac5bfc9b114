"""Mutual funds: a small sample of schemes, orders filled at the next roll, and SIPs.

Payments come from the bank, as they do at Kite: nothing here touches the trading ledger.
"""

import json
from collections.abc import Callable
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from .floor import Floor
from .state import Account
from .terms import Command, Refusal
from .tickets import choice, money
from .units import ordinal, units
from .users import secret
from .walk import WHOLE

FREQUENCIES = {"weekly": 7, "monthly": 30, "quarterly": 91}
THOUSANDTH = 1_000  # units of a fund are counted in thousandths
SWING = 300


@cache
def schemes() -> dict[str, dict[str, Any]]:
    """The sample, by ISIN."""
    plain = json.loads(files(__package__).joinpath("funds.json").read_text(encoding="utf-8"))
    rows = [dict(zip(plain["columns"], row, strict=True)) for row in plain["schemes"]]
    return {row["tradingsymbol"]: row for row in rows}


def value_of(floor: Floor, isin: str, day: int) -> int:
    """The value of one unit on a day."""
    base = units(schemes()[isin]["last_price"])
    walk = sum(isin.encode()) + 2**40
    return base + base * (floor.market.walk.at(walk, day * 86_400) * SWING // 1_000) // WHOLE


def day_text(day: int) -> str:
    """A day as Kite writes it."""
    return date.fromordinal(day).isoformat()


def yesterday(floor: Floor) -> int:
    """The last day whose values are known."""
    return ordinal(floor.now) - 1


def _scheme(args: dict[str, Any]) -> str:
    isin = str(args.get("tradingsymbol") or "")
    if isin not in schemes():
        raise Refusal("Invalid `tradingsymbol`.")
    return isin


def _uuid(floor: Floor, series: str) -> str:
    digits = secret(floor, series, floor.number(series))
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def place(floor: Floor, command: Command) -> Any:
    """Order units of a fund, by amount, or give units back, by quantity."""
    args, account = command.args, floor.account(command.user)
    isin = _scheme(args)
    side = choice(args, "transaction_type", ("BUY", "SELL"))
    amount, quantity = money(args, "amount"), money(args, "quantity") * THOUSANDTH // 10_000
    if side == "BUY" and amount < units(schemes()[isin]["minimum_purchase_amount"]):
        raise Refusal("Invalid `amount`.")
    held = account.fund_holdings.get(isin, {"quantity": 0})["quantity"]
    if side == "SELL" and not 0 < quantity <= held:
        raise Refusal("Invalid `quantity`.")
    return {"order_id": _order(floor, account, isin, side, amount, quantity, args.get("tag"))}


def _order(
    floor: Floor, account: Account, isin: str, side: str, amount: int, quantity: int, tag: Any,
    variety: str = "regular",
) -> str:  # fmt: skip
    order_id = _uuid(floor, "fund_order")
    owned = isin in account.fund_holdings
    account.fund_orders[order_id] = {
        "isin": isin, "side": side, "amount": amount, "quantity": quantity, "average": 0,
        "status": "OPEN", "message": "", "at": floor.now, "day": 0, "folio": None,
        "tag": str(tag)[:20] if tag else None, "variety": variety,
        "purchase": "ADDITIONAL" if owned else "FRESH",
    }  # fmt: skip
    return order_id


def cancel(floor: Floor, command: Command) -> Any:
    """Take back an order that waits for its day."""
    order = own(floor.account(command.user).fund_orders, command.args.get("order_id"), "order_id")
    if order["status"] != "OPEN":
        raise Refusal("Order cannot be cancelled.", error_type="OrderException")
    order["status"], order["message"] = "CANCELLED", "Cancelled by the user."
    return {"order_id": command.args["order_id"]}


def own(kept: dict[str, dict[str, Any]], given: Any, name: str) -> dict[str, Any]:
    """Something of the user's; what is not does not exist."""
    found = kept.get(str(given))
    if found is None:
        raise Refusal(f"Couldn't find that `{name}`.", status=404, error_type="GeneralException")
    return found


def start_sip(floor: Floor, command: Command) -> Any:
    """Buy regularly from now on."""
    args, account = command.args, floor.account(command.user)
    isin = _scheme(args)
    amount = money(args, "amount")
    if amount < units(schemes()[isin]["minimum_additional_purchase_amount"]):
        raise Refusal("Invalid `amount`.")
    sip_id = _uuid(floor, "sip")
    frequency = choice(args, "frequency", tuple(FREQUENCIES))
    account.sips[sip_id] = {
        "isin": isin, "amount": amount, "frequency": frequency, "status": "ACTIVE",
        "instalments": _count(args, "instalments", -1), "done": 0, "created": floor.now,
        "day": _count(args, "instalment_day", 0), "last": 0,
        "next": ordinal(floor.now) + FREQUENCIES[frequency],
        "tag": str(args["tag"])[:20] if args.get("tag") else "",
    }  # fmt: skip
    first = money(args, "initial_amount")
    if first:
        _order(floor, account, isin, "BUY", first, 0, args.get("tag"), "sip")
    return {"sip_id": sip_id}


def _count(args: dict[str, Any], name: str, default: int) -> int:
    text = str(args.get(name) if args.get(name) not in (None, "") else default)
    if not text.lstrip("-").isdecimal() or not -1 <= int(text) <= 9_999:
        raise Refusal(f"Invalid `{name}`.")
    return int(text)


def change_sip(floor: Floor, command: Command) -> Any:
    """Other terms, a pause, or on again."""
    args = command.args
    sip = own(floor.account(command.user).sips, args.get("sip_id"), "sip_id")
    if sip["status"] == "CANCELLED":
        raise Refusal("The SIP is cancelled.")
    sip["amount"] = money(args, "amount") or sip["amount"]
    if args.get("status"):
        sip["status"] = choice(args | {"status": str(args["status"]).upper()}, "status", ("ACTIVE", "PAUSED"))  # fmt: skip
    if args.get("frequency"):
        sip["frequency"] = choice(args, "frequency", tuple(FREQUENCIES))
    sip["instalments"] = _count(args, "instalments", sip["instalments"])
    sip["day"] = _count(args, "instalment_day", sip["day"])
    return {"sip_id": args["sip_id"]}


def end_sip(floor: Floor, command: Command) -> Any:
    """Buy no more."""
    sip = own(floor.account(command.user).sips, command.args.get("sip_id"), "sip_id")
    sip["status"] = "CANCELLED"
    return {"sip_id": command.args["sip_id"]}


def roll(floor: Floor) -> None:
    """Instalments fall due, and yesterday's orders are filled at yesterday's value."""
    today = ordinal(floor.now)
    for account in floor.state.accounts.values():
        for sip in account.sips.values():
            if sip["status"] == "ACTIVE" and sip["next"] <= today:
                _order(floor, account, sip["isin"], "BUY", sip["amount"], 0, sip["tag"], "sip")
                sip["done"] += 1
                sip["last"], sip["next"] = floor.now, today + FREQUENCIES[sip["frequency"]]
                if 0 < sip["instalments"] <= sip["done"]:
                    sip["status"] = "CANCELLED"
        for order in account.fund_orders.values():
            if order["status"] == "OPEN" and order["at"] < floor.now:
                _fill(floor, account, order)


def _fill(floor: Floor, account: Account, order: dict[str, Any]) -> None:
    isin, day = order["isin"], yesterday(floor)
    price = value_of(floor, isin, day)
    holding = account.fund_holdings.setdefault(
        isin, {"quantity": 0, "cost": 0, "folio": str(floor.number("folio") + 900_000_000)}
    )
    if order["side"] == "BUY":
        order["quantity"] = order["amount"] * THOUSANDTH // price
        holding["quantity"] += order["quantity"]
        holding["cost"] += order["amount"]
    elif order["quantity"] > holding["quantity"]:
        order["status"], order["message"] = "REJECTED", "Insufficient units."
        return
    else:
        order["amount"] = order["quantity"] * price // THOUSANDTH
        holding["cost"] -= holding["cost"] * order["quantity"] // holding["quantity"]
        holding["quantity"] -= order["quantity"]
    order |= {"status": "COMPLETE", "average": price, "day": day, "folio": holding["folio"]}


OPS: dict[str, Callable[[Floor, Command], Any]] = {
    "mf.order.place": place,
    "mf.order.cancel": cancel,
    "mf.sip.place": start_sip,
    "mf.sip.modify": change_sip,
    "mf.sip.cancel": end_sip,
}
