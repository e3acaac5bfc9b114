"""Placing, modifying and cancelling: what a request does at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .answers import record
from .floor import Floor
from .intake import band_fault, new_order_id, price_to_reserve, receive
from .lifecycle import cancelled, open_now
from .positions import closable
from .reserves import Unreserved, check_authorised, release, reserve, restore
from .state import (
    AMO_RECEIVED,
    BUY,
    CANCELLING,
    MODIFY_VALIDATING,
    MODIFYING,
    TRIGGER_PENDING,
    WORKING,
    Account,
    Order,
)
from .terms import Command, Refusal
from .tickets import (
    MIS_OVER,
    ORDER_TYPES,
    VALIDITIES,
    Ticket,
    check,
    choice,
    freeze_text,
    money,
    protected_price,
    protection,
    read_ticket,
    too_large,
    whole,
)
from .units import stamp

REFUSED_KEPT = 5_000


def place(floor: Floor, command: Command) -> Any:
    """Take an order in; the answer is its id, or those of its slices."""
    try:
        return _place(floor, command)
    except Refusal as refusal:
        _remember_refusal(floor, command, refusal)
        raise


def _place(floor: Floor, command: Command) -> Any:
    account = floor.account(command.user)
    ticket = read_ticket(floor, command.args)
    api_key = str(command.args.get("api_key") or "")
    if ticket.product == "CNC" and ticket.side != BUY:
        check_authorised(account, ticket.instrument, ticket.quantity)
    _check_intraday(floor, account, ticket)
    freeze = ticket.instrument.freeze
    if ticket.autoslice and not ticket.legs and 0 < freeze < ticket.quantity:
        return _place_slices(floor, ticket, command.user, api_key)
    if ticket.legs:
        return {"order_id": place_iceberg(floor, ticket, command.user, api_key).order_id}
    order_id = receive(floor, ticket, command.user, api_key=api_key).order_id
    if ticket.autoslice:
        return {"order_id": order_id, "children": []}
    return {"order_id": order_id}


def _check_intraday(floor: Floor, account: Account, ticket: Ticket) -> None:
    """After the forced exit nothing new is opened for the day: nobody would close it."""
    if ticket.product != "MIS" or ticket.variety == "amo" or floor.state.edition == 1:
        return
    ended = floor.calendar.square_off(ticket.instrument.market, floor.state.day)
    reduces = closable(account, ticket.instrument, "MIS", ticket.side) >= ticket.quantity
    if ended is not None and floor.now >= ended and not reduces:
        raise Refusal(MIS_OVER)


def _remember_refusal(floor: Floor, command: Command, refusal: Refusal) -> None:
    account = floor.state.accounts.get(command.user)
    if account is None:
        return
    asked = {
        name: str(command.args[name])[:64]
        for name in ("exchange", "tradingsymbol", "transaction_type", "quantity", "tag")
        if command.args.get(name) is not None
    }
    told = {"message": refusal.message, "placed_at": stamp(floor.now), "placed_at_ms": floor.now}
    account.refused.append(asked | told)
    del account.refused[: max(len(account.refused) - REFUSED_KEPT, 0)]


def _place_slices(floor: Floor, ticket: Ticket, user: str, api_key: str) -> Any:
    largest = ticket.instrument.freeze // ticket.instrument.lot * ticket.instrument.lot
    count = -(-ticket.quantity // largest)
    if count > floor.rules.most_slices:
        raise Refusal(f"Autoslice makes {floor.rules.most_slices} orders at most.")
    parent = new_order_id(floor)
    children: list[dict[str, Any]] = []
    for nth in range(count):
        quantity = min(largest, ticket.quantity - nth * largest)
        slice_ = replace(ticket, quantity=quantity, autoslice=False, variety="regular")
        tags = ("autoslice", f"autoslice:{parent}")
        try:
            child = receive(floor, slice_, user, api_key=api_key, tags=tags)
        except Refusal as refusal:
            children.append({"error": {
                "code": refusal.status, "error_type": refusal.error_type,
                "message": refusal.message, "data": None,
            }})  # fmt: skip
        else:
            children.append({"order_id": child.order_id})
    return children if floor.rules.autoslice_array else {"order_id": parent, "children": children}


def place_iceberg(floor: Floor, ticket: Ticket, user: str, api_key: str) -> Order:
    """Show the first leg; the others follow one by one."""
    lots = ticket.quantity // ticket.instrument.lot
    sizes = [
        (lots * (nth + 1) // ticket.legs - lots * nth // ticket.legs) * ticket.instrument.lot
        for nth in range(ticket.legs)
    ]
    if not all(sizes):
        raise Refusal("Every iceberg leg has to be one lot at least.")
    first = replace(ticket, quantity=sizes[0])
    check(floor, first)
    meta = {"iceberg": {
        "leg": 1, "legs": ticket.legs, "leg_quantity": sizes[0],
        "total_quantity": ticket.quantity, "remaining_quantity": ticket.quantity - sizes[0],
    }}  # fmt: skip
    return receive(floor, first, user, api_key=api_key, meta=meta, legs=sizes[1:])


def modify(floor: Floor, command: Command) -> Any:
    """Ask for other terms; they hold after a moment, or the request is refused."""
    order = floor.own_order(command.user, command.args.get("order_id"))
    if order.status not in WORKING and order.status != AMO_RECEIVED:
        raise _busy("modified")
    if order.modifications >= floor.rules.most_modifications:
        raise Refusal(
            "Maximum allowed order modifications exceeded.",
            status=429,
            error_type="NetworkException",
        )
    change = _read_change(floor, order, command.args)
    _hold_for(floor, order, change)
    order.modifications += 1
    order.modified = True
    order.ordered_at = floor.now
    if order.status == AMO_RECEIVED:
        for name, value in change.items():
            setattr(order, name, value)
        record(order, AMO_RECEIVED, floor.now)
    else:
        order.change = change
        record(order, MODIFY_VALIDATING, floor.now)
        record(order, MODIFYING, floor.now)
        floor.later(floor.now + floor.rules.change_ms, "modify", order.order_id)
    return {"order_id": order.order_id}


def _busy(what: str) -> Refusal:
    return Refusal(
        f"Order cannot be {what} as it is being processed. Try later.",
        error_type="OrderException",
    )


def _read_change(floor: Floor, order: Order, args: dict[str, Any]) -> dict[str, Any]:
    """The new terms, checked as those of a new order."""
    ticket = _as_ticket(floor, order, args)
    if ticket.quantity <= order.filled:
        raise Refusal("Quantity cannot be less than or equal to the filled quantity.")
    check(floor, ticket)
    _check_asked_later(floor, ticket)
    change: dict[str, Any] = {
        "order_type": ticket.order_type,
        "quantity": ticket.quantity,
        "price": 0 if ticket.is_market else ticket.price,
        "trigger": ticket.trigger,
        "disclosed": ticket.disclosed,
        "validity": ticket.validity,
        "limit": 0 if ticket.is_market else ticket.price,
        "protection": ticket.protection,
    }
    if ticket.order_type == "MARKET" and ticket.protection:
        last = floor.last_price(order.token)
        band = floor.market.band(ticket.instrument, floor.now)
        limit, part = protected_price(
            floor.rules, ticket.instrument, ticket.protection, order.side, last, band
        )
        change |= {"order_type": "LIMIT", "price": limit, "limit": limit}
        plain = [tag for tag in order.tags if not tag.startswith("mktp")]
        change["tags"] = [*plain, "mktp", f"mktp:{part / 100:.2f}"]
    text = band_fault(floor, order.token, change["price"])
    if text:
        raise Refusal(text)
    return change


def _check_asked_later(floor: Floor, ticket: Ticket) -> None:
    """What a new order is rejected for afterwards, a modification is refused for at once."""
    if floor.state.edition == 1:
        return
    if ticket.wrong_side:
        raise Refusal(ticket.wrong_side)
    if too_large(ticket):
        raise Refusal(freeze_text(ticket.instrument))


def _as_ticket(floor: Floor, order: Order, args: dict[str, Any]) -> Ticket:
    """The order as it would be with the changes; what is left out stays."""
    given = {name: value for name, value in args.items() if value not in (None, "")}
    is_second_leg = order.variety == "co" and order.parent
    kind = choice(given, "order_type", ORDER_TYPES, order.order_type)
    needs_trigger = kind in ("SL", "SL-M")
    return Ticket(
        instrument=floor.market.by_token[order.token],
        side=order.side,
        variety="regular" if order.variety in ("iceberg", "co") else order.variety,
        product="MIS" if order.product == "CO" else order.product,
        order_type=kind,
        validity=choice(given, "validity", VALIDITIES, order.validity),
        quantity=whole(given, "quantity") if "quantity" in given else order.quantity,
        price=_money_or(given, "price", order.price),
        trigger=_money_or(given, "trigger_price", order.trigger)
        if needs_trigger or is_second_leg
        else order.trigger,
        disclosed=_whole_or(given, "disclosed_quantity", order.disclosed),
        ttl=_whole_or(given, "validity_ttl", order.ttl),
        protection=protection(given) or order.protection,
    )


def _money_or(given: dict[str, Any], name: str, otherwise: int) -> int:
    # Clients send a price of 0 along with orders that have none.
    return money(given, name) or otherwise


def _whole_or(given: dict[str, Any], name: str, otherwise: int) -> int:
    return whole(given, name) if name in given else otherwise


def _hold_for(floor: Floor, order: Order, change: dict[str, Any]) -> None:
    """Swap what is held for the old terms against what the new ones need."""
    blocked, closing, quantity = order.blocked, order.closing, order.quantity
    release(floor, order)
    order.quantity = change["quantity"]
    price = change["limit"] or change["trigger"] or price_to_reserve(floor, order)
    try:
        reserve(floor, order, price)
    except Unreserved as problem:
        order.quantity = quantity
        restore(floor, order, blocked, closing)
        raise problem.as_refusal() from None
    order.quantity = quantity


def cancel(floor: Floor, command: Command) -> Any:
    """Ask for an order to be taken back; a cover order's second leg is exited instead."""
    order = floor.own_order(command.user, command.args.get("order_id"))
    if order.status == AMO_RECEIVED:
        cancelled(floor, order)
    elif order.status not in WORKING:
        raise _busy("cancelled")
    elif order.variety == "co" and order.parent and order.status == TRIGGER_PENDING:
        _exit_cover(floor, order)
    else:
        order.ordered_at = floor.now
        record(order, CANCELLING, floor.now)
        floor.later(floor.now + floor.rules.change_ms, "cancel", order.order_id)
    return {"order_id": order.order_id}


def _exit_cover(floor: Floor, order: Order) -> None:
    order.order_type, order.limit, order.price, order.trigger = "MARKET", 0, 0, 0
    order.ordered_at = floor.now
    order.rank = floor.number("rank")
    open_now(floor, order)


OPS: dict[str, Callable[[Floor, Command], Any]] = {
    "order.place": place,
    "order.modify": modify,
    "order.cancel": cancel,
}
