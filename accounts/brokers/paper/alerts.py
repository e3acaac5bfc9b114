"""Alerts: a condition on a price, told once each time it comes true."""

import operator
from collections.abc import Callable
from typing import Any

from .floor import Floor
from .gtt import plain
from .instruments import Instrument
from .intake import receive
from .quotes import last_quantity, ohlc, quote_row, shown_at
from .ranges import day_volume, open_interest
from .state import Alert
from .terms import Command, Refusal
from .tickets import choice, read_ticket
from .units import DAY, RUPEE, rupees, stamp, units
from .users import secret

OPERATORS = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
}
ATTRIBUTES = (
    "LastTradedPrice", "OpenPrice", "HighPrice", "LowPrice", "ClosePrice", "LastTradedQuantity",
    "Volume", "OpenInterest",
)  # fmt: skip
TEXTS = (
    "lhs_attribute", "lhs_exchange", "lhs_tradingsymbol", "operator", "rhs_type", "rhs_attribute",
    "rhs_exchange", "rhs_tradingsymbol",
)  # fmt: skip
HISTORY_KEPT = 100
NEVER = "0001-01-01 00:00:00"


def create(floor: Floor, command: Command) -> Any:
    """Watch a condition from now on."""
    enabled = [each for each in _mine(floor, command.user) if each.status == "enabled"]
    if len(enabled) >= floor.rules.most_alerts:
        raise Refusal(f"Only {floor.rules.most_alerts} active alerts are allowed.")
    fields = _read(floor, command.args)
    digits = secret(floor, "alert", floor.number("alert"))
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
    alert = floor.state.alerts[uuid] = Alert(
        uuid=uuid, user=command.user, name="", kind="", fields={},
        created_at=floor.now, updated_at=floor.now,
    )  # fmt: skip
    _apply(floor, alert, command, fields)
    return row(alert)


def modify(floor: Floor, command: Command) -> Any:
    """Watch another condition under the same name."""
    alert = _own(floor, command.user, command.args.get("uuid"))
    _apply(floor, alert, command, _read(floor, command.args))
    return row(alert)


def _apply(floor: Floor, alert: Alert, command: Command, fields: dict[str, Any]) -> None:
    basket = command.args.get("basket")
    alert.kind = choice(command.args, "type", ("simple", "ato"))
    alert.name = str(command.args["name"])
    alert.basket = fields.pop("basket", None) if basket else None
    alert.fields = fields
    alert.updated_at = floor.now
    alert.status, alert.armed = "enabled", True


def _read(floor: Floor, args: dict[str, Any]) -> dict[str, Any]:
    if not args.get("name"):
        raise Refusal("Missing or empty field `name`.")
    kind = choice(args, "type", ("simple", "ato"))
    choice(args, "operator", tuple(OPERATORS))
    choice(args, "lhs_attribute", ATTRIBUTES)
    _instrument(floor, args.get("lhs_exchange"), args.get("lhs_tradingsymbol"))
    fields: dict[str, Any] = {name: str(args.get(name) or "") for name in TEXTS}
    if choice(args, "rhs_type", ("constant", "instrument")) == "instrument":
        choice(args, "rhs_attribute", ATTRIBUTES)
        _instrument(floor, args.get("rhs_exchange"), args.get("rhs_tradingsymbol"))
        fields["rhs_constant"] = 0
    else:
        try:
            fields["rhs_constant"] = units(args.get("rhs_constant"))
        except ValueError:
            raise Refusal("Invalid `rhs_constant`.") from None
    if kind == "ato" or args.get("basket"):
        fields["basket"] = _read_basket(floor, args.get("basket"))
    return fields


def _read_basket(floor: Floor, given: Any) -> dict[str, Any]:
    basket: dict[str, Any] = plain(given, "basket", dict)
    items = basket.get("items")
    if not isinstance(items, list) or not items:
        raise Refusal("Invalid `basket`.")
    return basket | {"items": [_read_item(floor, nth, each) for nth, each in enumerate(items, 1)]}


def _read_item(floor: Floor, nth: int, item: Any) -> dict[str, Any]:
    if not isinstance(item, dict) or not isinstance(item.get("params"), dict):
        raise Refusal("Invalid `basket`.")
    traded = floor.instrument(item.get("exchange"), item.get("tradingsymbol"))
    return {"id": nth, "weight": 0} | item | {"instrument_token": traded.token}


def _instrument(floor: Floor, exchange: Any, symbol: Any) -> Instrument:
    """What an alert looks at; indices go by an exchange of their own here."""
    exchanges = ("NSE", "BSE") if exchange == "INDICES" else (exchange,)
    for each in exchanges:
        found = floor.market.by_key.get(f"{each}:{symbol}")
        if found is not None:
            return found
    raise Refusal("The instrument does not exist.")


def delete(floor: Floor, command: Command) -> Any:
    """Stop watching."""
    given = command.args.get("uuid") or []
    named = given if isinstance(given, list) else [given]
    for alert in [_own(floor, command.user, uuid) for uuid in named]:
        alert.status, alert.updated_at = "deleted", floor.now


def _mine(floor: Floor, user: str) -> list[Alert]:
    return [
        each
        for each in floor.state.alerts.values()
        if each.user == user and each.status != "deleted"
    ]


def _own(floor: Floor, user: str, uuid: Any) -> Alert:
    found = floor.state.alerts.get(str(uuid))
    if found is None or found.user != user or found.status == "deleted":
        raise Refusal("Alert not found.", status=404, error_type="GeneralException")
    return found


def watched(floor: Floor) -> bool:
    """Whether anybody waits to be told."""
    return any(each.status == "enabled" for each in floor.state.alerts.values())


def look(floor: Floor) -> None:
    """Tell those whose condition has become true."""
    for alert in list(floor.state.alerts.values()):
        if alert.status == "enabled" and not is_blind(floor, alert):
            holds = _holds(floor, alert)
            if holds and alert.armed:
                _fire(floor, alert)
            alert.armed = not holds


def seen_by(floor: Floor, fields: dict[str, Any], side: str) -> Instrument | None:
    """The instrument on one side of a condition, if it is still listed."""
    try:
        return _instrument(floor, fields[f"{side}_exchange"], fields[f"{side}_tradingsymbol"])
    except Refusal:
        return None


def is_blind(floor: Floor, alert: Alert) -> bool:
    """Whether a contract in the condition has expired."""
    sides = ("lhs", "rhs") if alert.fields["rhs_type"] == "instrument" else ("lhs",)
    return any(seen_by(floor, alert.fields, side) is None for side in sides)


def roll(floor: Floor) -> None:
    """Switch off alerts on contracts that have expired, forget those deleted long ago."""
    oldest = floor.now - floor.rules.ledger_days * DAY
    for uuid, alert in list(floor.state.alerts.items()):
        if alert.status == "enabled" and is_blind(floor, alert):
            alert.status = "disabled"
            alert.fields["disabled_reason"] = "The contract has expired."
        elif alert.status == "deleted" and alert.updated_at < oldest:
            del floor.state.alerts[uuid]


def _holds(floor: Floor, alert: Alert) -> bool:
    fields = alert.fields
    left = _value(floor, fields, "lhs")
    right = fields["rhs_constant"]
    if fields["rhs_type"] == "instrument":
        right = _value(floor, fields, "rhs")
    return bool(OPERATORS[fields["operator"]](left, right))


def _value(floor: Floor, fields: dict[str, Any], side: str) -> int:
    instrument = _instrument(floor, fields[f"{side}_exchange"], fields[f"{side}_tradingsymbol"])
    name = fields[f"{side}_attribute"]
    at = shown_at(floor, instrument)
    if name == "LastTradedPrice":
        return floor.market.price(instrument, at)
    if name == "LastTradedQuantity":
        return last_quantity(floor, instrument, at) * RUPEE
    if name == "Volume":
        return day_volume(floor.market, instrument, at) * RUPEE
    if name == "OpenInterest":
        return open_interest(floor.market, instrument, at)[0] * RUPEE
    names = ("OpenPrice", "HighPrice", "LowPrice", "ClosePrice")
    return ohlc(floor, instrument)[names.index(name)]


def _fire(floor: Floor, alert: Alert) -> None:
    alert.count += 1
    fields = alert.fields
    instrument = _instrument(floor, fields["lhs_exchange"], fields["lhs_tradingsymbol"])
    quote = quote_row(floor, instrument)
    quote.pop("depth")
    quote |= {
        "tradingsymbol": instrument.symbol,
        "exchange": fields["lhs_exchange"],
        "volume_tick": 0,
        "last_trade_time": quote["last_trade_time"] or NEVER,
    }
    alert.history.insert(0, {
        "uuid": alert.uuid, "type": alert.kind, "meta": [quote],
        "condition": _condition(fields), "created_at": stamp(floor.now),
        "order_meta": _send_basket(floor, alert),
    })  # fmt: skip
    del alert.history[HISTORY_KEPT:]
    if alert.kind == "ato":
        alert.status = "disabled"
        fields["disabled_reason"] = "The orders of the alert were placed."
    floor.tell("alert", alert.user, {"uuid": alert.uuid, "name": alert.name})


def _condition(fields: dict[str, Any]) -> str:
    def side(name: str) -> str:
        key = f"{fields[f'{name}_exchange']}:{fields[f'{name}_tradingsymbol']}"
        return f'{fields[f"{name}_attribute"]}("{key}")'

    if fields["rhs_type"] == "instrument":
        right = side("rhs")
    else:
        right = str(rupees(fields["rhs_constant"]))
    return f"{side('lhs')} {fields['operator']} {right}"


def _send_basket(floor: Floor, alert: Alert) -> list[dict[str, Any]] | None:
    if alert.basket is None:
        return None
    outcomes: list[dict[str, Any]] = []
    for item in alert.basket["items"]:
        asked = item["params"] | {
            "exchange": item["exchange"],
            "tradingsymbol": item["tradingsymbol"],
            "tag": None,
        }
        try:
            order = receive(floor, read_ticket(floor, asked), alert.user)
        except Refusal as refusal:
            outcomes.append({"order_id": "", "rejection_reason": refusal.message})
        else:
            outcomes.append({"order_id": order.order_id, "rejection_reason": ""})
    return outcomes


def row(alert: Alert) -> dict[str, Any]:
    """An alert as Kite shows it."""
    shown: dict[str, Any] = {
        "type": alert.kind,
        "user_id": alert.user,
        "uuid": alert.uuid,
        "name": alert.name,
        "status": alert.status,
        "disabled_reason": alert.fields.get("disabled_reason", ""),
        **{name: alert.fields[name] for name in TEXTS},
        "rhs_constant": rupees(alert.fields["rhs_constant"]),
        "alert_count": alert.count,
        "created_at": stamp(alert.created_at),
        "updated_at": stamp(alert.updated_at),
    }
    if alert.basket is not None:
        shown["basket"] = alert.basket
    return shown


def listed(
    floor: Floor, user: str, *, status: str | None = None, page: Any = None, page_size: Any = None
) -> Any:
    """A user's alerts, newest first."""
    found = [each for each in _mine(floor, user) if status in (None, "", each.status)]
    found.reverse()
    size = int(page_size) if str(page_size or "").isdecimal() else len(found)
    first = (int(page) - 1) * size if str(page or "").isdecimal() and int(page) > 0 else 0
    return [row(each) for each in found[first : first + size]]


def single(floor: Floor, user: str, *, uuid: str) -> Any:
    """One alert."""
    return row(_own(floor, user, uuid))


def history(floor: Floor, user: str, *, uuid: str) -> Any:
    """When it came true, latest first."""
    return _own(floor, user, uuid).history


OPS: dict[str, Callable[[Floor, Command], Any]] = {
    "alert.create": create,
    "alert.modify": modify,
    "alert.delete": delete,
}
QUERIES: dict[str, Callable[..., Any]] = {
    "alerts": listed,
    "alert": single,
    "alert.history": history,
}
