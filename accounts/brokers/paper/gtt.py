"""Good till triggered: limit orders that wait outside the exchange, for up to a year."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from .calendar import Session
from .floor import Floor
from .instruments import Instrument
from .intake import band_fault, receive
from .state import Gtt
from .terms import Command, Refusal
from .tickets import SIDES, choice, money, read_ticket, rupees_text, whole
from .units import DAY, SECOND, rupees, stamp, units

PRODUCTS = ("CNC", "NRML", "MTF")
LEGS = {"single": 1, "two-leg": 2}
NOT_FOUND = "Couldn't find that `trigger_id`."
MOST_ACTIVE = 500


def place(floor: Floor, command: Command) -> Any:
    """Keep a trigger until its price comes."""
    _enabled(floor)
    active = [each for each in _mine(floor, command.user) if each.status == "active"]
    if len(active) >= MOST_ACTIVE:
        raise Refusal(f"Only {MOST_ACTIVE} active triggers are allowed.")
    gtt = _read(floor, command)
    gtt.gtt_id = floor.number("gtt") + 100_000
    floor.state.gtts[gtt.gtt_id] = gtt
    return {"trigger_id": gtt.gtt_id}


def modify(floor: Floor, command: Command) -> Any:
    """Replace the whole definition of an active trigger."""
    _enabled(floor)
    old = _own_active(floor, command)
    new = _read(floor, command)
    new.gtt_id, new.created_at, new.expires_at = old.gtt_id, old.created_at, old.expires_at
    floor.state.gtts[old.gtt_id] = new
    return {"trigger_id": old.gtt_id}


def delete(floor: Floor, command: Command) -> Any:
    """Give up an active trigger."""
    _enabled(floor)
    gtt = _own_active(floor, command)
    _end(floor, gtt, "deleted")
    return {"trigger_id": gtt.gtt_id}


def _enabled(floor: Floor) -> None:
    if not floor.rules.gtt_enabled:
        raise Refusal("GTT is not available in the sandbox.")


def _mine(floor: Floor, user: str) -> Iterable[Gtt]:
    return [each for each in floor.state.gtts.values() if each.user == user]


def _own(floor: Floor, user: str, trigger_id: Any) -> Gtt:
    text = str(trigger_id)
    found = floor.state.gtts.get(int(text)) if text.isdecimal() and len(text) < 16 else None
    if found is None or found.user != user:
        raise Refusal(NOT_FOUND, status=404, error_type="GeneralException")
    return found


def _own_active(floor: Floor, command: Command) -> Gtt:
    found = _own(floor, command.user, command.args.get("trigger_id"))
    if found.status != "active":
        raise Refusal(f"Trigger is already {found.status}.")
    return found


def _read(floor: Floor, command: Command) -> Gtt:
    args = command.args
    kind = choice(args, "type", tuple(LEGS))
    condition = plain(args.get("condition"), "condition", dict)
    orders = plain(args.get("orders"), "orders", list)
    exchange, symbol = condition.get("exchange"), condition.get("tradingsymbol")
    instrument = floor.instrument(exchange, symbol)
    triggers = _triggers(condition, LEGS[kind])
    last = floor.last_price(instrument.token)
    directions = _directions(floor, instrument, kind, triggers, last)
    if len(orders) != LEGS[kind]:
        raise Refusal("Invalid `orders`.")
    return Gtt(
        gtt_id=0,
        user=command.user,
        api_key=str(args.get("api_key") or ""),
        kind=kind,
        token=instrument.token,
        key=instrument.key,
        triggers=triggers,
        last_price=money(condition, "last_price") or last,
        orders=[_read_order(instrument, row) for row in orders],
        created_at=floor.now,
        updated_at=floor.now,
        expires_at=floor.now + floor.rules.gtt_days * DAY,
        directions=directions,
        results=[None] * len(orders),
    )


def plain(given: Any, name: str, kind: type[Any]) -> Any:
    """A parameter that is JSON, parsed already or still a string."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise Refusal(f"Invalid `{name}`.") from None
    if not isinstance(given, kind):
        raise Refusal(f"Invalid `{name}`.")
    return given


def _triggers(condition: dict[str, Any], count: int) -> list[int]:
    values = condition.get("trigger_values")
    if not isinstance(values, list) or len(values) != count:
        raise Refusal("Invalid `trigger_values`.")
    try:
        triggers = [units(value) for value in values]
    except ValueError:
        raise Refusal("Invalid `trigger_values`.") from None
    if min(triggers) <= 0 or triggers != sorted(set(triggers)):
        raise Refusal("Invalid `trigger_values`.")
    return triggers


def _directions(
    floor: Floor, instrument: Instrument, kind: str, triggers: list[int], last: int
) -> list[int]:
    """Which way the price has to come for each trigger."""
    least = last * floor.rules.gtt_distance // 10_000
    for trigger in triggers:
        if trigger % instrument.tick:
            raise Refusal(
                f"Tick size for this script is {rupees_text(instrument.tick)}. Kindly enter"
                " trigger price in the multiple of tick size for this script"
            )
    if kind == "two-leg" and not triggers[0] < last < triggers[1]:
        raise Refusal("Trigger already met.")
    for trigger in triggers:
        if trigger == last:
            raise Refusal("Trigger already met.")
        if abs(trigger - last) < least:
            raise Refusal(
                "Trigger price should be at least"
                f" {floor.rules.gtt_distance / 100:.2f}% away from the last price."
            )
    return [1 if trigger > last else -1 for trigger in triggers]


def _read_order(instrument: Instrument, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise Refusal("Invalid `orders`.")
    if row.get("order_type") != "LIMIT":
        raise Refusal("Only LIMIT orders are allowed in a GTT.")
    product = choice(row, "product", PRODUCTS)
    if (product == "NRML") == instrument.is_share:
        raise Refusal(
            f"Trading in {instrument.exchange} is not allowed using {product} product type."
        )
    quantity, price = whole(row, "quantity"), money(row, "price")
    if not quantity or quantity % instrument.lot:
        raise Refusal(f"Quantity must be in multiples of lot size {instrument.lot}")
    if not price:
        raise Refusal("Invalid `price`.")
    return {
        "exchange": instrument.exchange,
        "tradingsymbol": instrument.symbol,
        "product": product,
        "order_type": "LIMIT",
        "transaction_type": choice(row, "transaction_type", tuple(SIDES)),
        "quantity": quantity,
        "price": price,
    }


def watched(floor: Floor) -> bool:
    """Whether any trigger waits."""
    return any(each.status == "active" for each in floor.state.gtts.values())


def look(floor: Floor, sessions: dict[str, Session]) -> None:
    """Fire the triggers whose price has come, while the order they send would be accepted."""
    firing = {
        market: session.matches and (session.accepts or floor.state.edition == 1)
        for market, session in sessions.items()
    }
    for gtt in list(floor.state.gtts.values()):
        instrument = floor.market.by_token.get(gtt.token)
        if gtt.status != "active" or instrument is None or not firing[instrument.market]:
            continue
        last = floor.market.price(instrument, floor.now)
        for nth, (trigger, way) in enumerate(zip(gtt.triggers, gtt.directions, strict=True)):
            if (last - trigger) * way >= 0:
                _fire(floor, gtt, nth)
                break


def _fire(floor: Floor, gtt: Gtt, nth: int) -> None:
    """The condition holds; that the order fares well is another matter."""
    row = gtt.orders[nth]
    outcome = {"status": "success", "order_id": "", "rejection_reason": ""}
    try:
        fault = band_fault(floor, gtt.token, row["price"])
        if fault:
            raise Refusal(fault)
        ticket = read_ticket(floor, row | {"price": rupees(row["price"])})
        meta = _origin(floor, gtt) if floor.state.edition > 1 else None
        order = receive(floor, ticket, gtt.user, api_key=gtt.api_key, meta=meta)
        order.gtt = gtt.gtt_id
        outcome["order_id"] = order.order_id
    except Refusal as refusal:
        outcome |= {"status": "failed", "rejection_reason": refusal.message}
    gtt.results[nth] = _result(floor, gtt, row, outcome)
    _end(floor, gtt, "triggered")


def _origin(floor: Floor, gtt: Gtt) -> dict[str, Any]:
    """Where an order comes from; an object, since a string here stops the Go client."""
    app = floor.state.apps.get(gtt.api_key) if floor.state.edition > 1 else None
    return {"app_id": app.app_id if app else 0, "gtt": gtt.gtt_id}


def _result(floor: Floor, gtt: Gtt, row: dict[str, Any], outcome: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "account_id": gtt.user,
        "validity": "DAY",
        "meta": json.dumps(_origin(floor, gtt), separators=(",", ":")),
        "timestamp": stamp(floor.now),
        "triggered_at": floor.last_price(gtt.token),
        "order_result": outcome,
    }


def _end(floor: Floor, gtt: Gtt, status: str) -> None:
    gtt.status, gtt.updated_at = status, floor.now
    floor.tell("gtt", gtt.user, {"id": gtt.gtt_id, "status": status}, gtt.api_key)


def expire(floor: Floor) -> None:
    """Triggers end with their year, or with their contract."""
    for gtt in list(floor.state.gtts.values()):
        gone = gtt.token not in floor.market.by_token
        if gtt.status == "active" and (gone or gtt.expires_at <= floor.now):
            _end(floor, gtt, "expired")


def row(gtt: Gtt) -> dict[str, Any]:
    """A trigger as Kite shows it."""
    exchange, _, symbol = gtt.key.partition(":")
    return {
        "id": gtt.gtt_id,
        "user_id": gtt.user,
        "parent_trigger": None,
        "type": gtt.kind,
        "created_at": stamp(gtt.created_at),
        "updated_at": stamp(gtt.updated_at),
        "expires_at": stamp(gtt.expires_at),
        "status": gtt.status,
        "condition": {
            "exchange": exchange,
            "last_price": rupees(gtt.last_price),
            "tradingsymbol": symbol,
            "trigger_values": [rupees(each) for each in gtt.triggers],
            "instrument_token": gtt.token,
        },
        "orders": [
            order | {"price": rupees(order["price"]), "result": _shown(result)}
            for order, result in zip(gtt.orders, gtt.results, strict=True)
        ],
        "meta": None,
    }


def _shown(result: dict[str, Any] | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return result | {
        "price": rupees(result["price"]),
        "triggered_at": rupees(result["triggered_at"]),
    }


def listed(floor: Floor, user: str) -> Any:
    """Active triggers, and what became of others lately."""
    oldest = floor.now - floor.rules.gtt_shown_days * DAY
    return [
        row(each)
        for each in _mine(floor, user)
        if each.status == "active" or each.updated_at // SECOND >= oldest // SECOND
    ]


def single(floor: Floor, user: str, *, trigger_id: Any) -> Any:
    """One trigger, however old."""
    return row(_own(floor, user, trigger_id))


OPS: dict[str, Callable[[Floor, Command], Any]] = {
    "gtt.place": place,
    "gtt.modify": modify,
    "gtt.delete": delete,
}
QUERIES: dict[str, Callable[..., Any]] = {"gtts": listed, "gtt": single}
