"""Moving a position from one product to another."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .floor import Floor
from .instruments import Instrument
from .margins import hold_margin
from .positions import closing_key, find_position, pending_exits, position_key
from .reserves import funds_refusal
from .state import BUY, SELL, Account, Position
from .terms import Command, Refusal
from .tickets import CONTRACT_PRODUCTS, PRODUCTS, SHARE_PRODUCTS, SIDES, choice, whole


def convert(floor: Floor, command: Command) -> Any:
    """Move so much of a position to another product, at what it cost."""
    args = command.args
    account = floor.account(command.user)
    instrument = floor.instrument(args.get("exchange"), args.get("tradingsymbol"))
    old, new = choice(args, "old_product", PRODUCTS), choice(args, "new_product", PRODUCTS)
    side = SIDES[choice(args, "transaction_type", tuple(SIDES))]
    choice(args, "position_type", ("day", "overnight"))
    quantity = whole(args, "quantity")
    _check(instrument, old, new, side, quantity)
    position = account.positions.get(position_key(instrument.token, old))
    exits = pending_exits(account, closing_key(instrument, old))[side == BUY]
    if position is None or quantity > side * position.quantity - exits:
        raise Refusal("Conversion failed: there is no such position to convert.")
    _move(floor, account, instrument, position, new, quantity)
    return True


def _check(instrument: Instrument, old: str, new: str, side: int, quantity: int) -> None:
    allowed = SHARE_PRODUCTS if instrument.is_share else CONTRACT_PRODUCTS
    for product in (old, new):
        if product not in allowed:
            raise Refusal(
                f"Trading in {instrument.exchange} is not allowed using {product} product type."
            )
    if old == new:
        raise Refusal("The position has this product already.")
    if new in ("CNC", "MTF") and side == SELL:
        raise Refusal("Shares sold short cannot be taken for delivery.")
    if not quantity or quantity % instrument.lot:
        raise Refusal("Invalid `quantity`.")


def _move(
    floor: Floor, account: Account, instrument: Instrument, position: Position, new: str,
    quantity: int,
) -> None:  # fmt: skip
    net, cash, margins = account.net, account.cash, dict(account.margins)
    kept = dict(account.positions)
    source = account.positions[_key(position)] = replace(position)
    found = find_position(account, instrument, new)
    target = account.positions[_key(found)] = replace(found)
    if target.quantity * source.quantity < 0:
        account.positions = kept
        raise Refusal("Conversion failed: the other product is held the other way round.")
    account.cash += _transfer(source, target, quantity)
    hold_margin(floor, account, source)
    hold_margin(floor, account, target)
    if account.net < min(net, 0):
        needed = net - account.net
        account.positions, account.cash, account.margins = kept, cash, margins
        raise funds_refusal(account, needed)
    if not _has_traded(source):
        del account.positions[_key(source)]


def _key(position: Position) -> str:
    return position_key(position.token, position.product)


def _transfer(position: Position, target: Position, quantity: int) -> int:
    """Shift quantity and its cost; the cash this takes or gives back."""
    side = BUY if position.quantity > 0 else SELL
    cost = position.cost * quantity // abs(position.quantity)
    position.cost -= cost
    target.cost += cost
    _shift_display(position, target, side, quantity, cost)
    paid = -side * cost
    return (paid if target.delivers else 0) - (paid if position.delivers else 0)


def _shift_display(
    position: Position, target: Position, side: int, quantity: int, cost: int
) -> None:
    """Today's part moves first, then what was carried."""
    opened = position.day_buy_quantity if side == BUY else position.day_sell_quantity
    today = min(quantity, opened)
    carried = quantity - today
    carried_cost = cost * carried // quantity
    day_cost = cost - carried_cost
    for each, sign in ((position, -1), (target, 1)):
        each.overnight += sign * side * carried
        if side == BUY:
            each.day_buy_quantity += sign * today
            each.day_buy_value += sign * day_cost
            each.carried_buy += sign * carried_cost
        else:
            each.day_sell_quantity += sign * today
            each.day_sell_value += sign * day_cost
            each.carried_sell += sign * carried_cost


def _has_traded(position: Position) -> bool:
    return bool(position.overnight or position.day_buy_quantity or position.day_sell_quantity)


OPS: dict[str, Callable[[Floor, Command], Any]] = {"position.convert": convert}
