"""What fills do to positions, holdings and cash."""

from .floor import Floor
from .instruments import Instrument
from .margins import hold_margin, up_to_paisa
from .state import BUY, Account, Holding, Position

WHOLE = 10_000


def position_key(token: int, product: str) -> str:
    """How an account finds a position."""
    return f"{token}:{product}"


def find_position(account: Account, instrument: Instrument, product: str) -> Position:
    """The position of an instrument under a product, a new one if need be."""
    key = position_key(instrument.token, product)
    found = account.positions.get(key)
    if found is None:
        delivers = product == "CNC" or instrument.is_option
        found = account.positions[key] = Position(
            instrument.token, instrument.key, product, instrument.multiplier, delivers
        )
    return found


def apply_fill(
    floor: Floor, account: Account, instrument: Instrument, product: str, side: int,
    quantity: int, price: int,
) -> None:  # fmt: skip
    """Book an execution."""
    position = find_position(account, instrument, product)
    if product == "CNC":
        _use_holding(floor, account, position, instrument, side, quantity, price)
    account.cash += book(position, side, quantity, price * quantity * instrument.multiplier)
    hold_margin(floor, account, position)


def book(position: Position, side: int, quantity: int, value: int) -> int:
    """Add bought or sold quantity to a position; the cash it brings or takes."""
    realised = _realise(position, side, quantity, value)
    if side == BUY:
        position.day_buy_quantity += quantity
        position.day_buy_value += value
    else:
        position.day_sell_quantity += quantity
        position.day_sell_value += value
    position.realised += realised
    return -side * value if position.delivers else realised


def _realise(position: Position, side: int, quantity: int, value: int) -> int:
    """Settle the part that closes something against its cost, add the rest to the cost."""
    before = position.quantity
    closed = min(quantity, abs(before)) if before * side < 0 else 0
    closing_value = value * closed // quantity
    released = position.cost * closed // abs(before) if closed else 0
    position.cost += value - closing_value - released
    return (released - closing_value) * side


def _use_holding(
    floor: Floor, account: Account, position: Position, instrument: Instrument, side: int,
    quantity: int, price: int,
) -> None:  # fmt: skip
    """Selling more than was bought today takes from the depository account."""
    holding = account.holdings.get(instrument.isin)
    if holding is None:
        return
    before = max(-position.quantity, 0)
    after = max(-(position.quantity + side * quantity), 0)
    if after > before:
        held = (after - before) * price * floor.rules.sale_held_back // WHOLE
        account.held_back += up_to_paisa(held)
    elif before:
        account.held_back -= account.held_back * (before - after) // max(holding.used, 1)
    holding.used += after - before


def sellable(account: Account, instrument: Instrument) -> int:
    """Shares for delivery that can be sold: bought today, and held."""
    position = account.positions.get(position_key(instrument.token, "CNC"))
    bought = max(position.quantity, 0) if position else 0
    holding = account.holdings.get(instrument.isin)
    held = available(holding) if holding else 0
    return bought + held - pending_exits(account, closing_key(instrument, "CNC"))[1]


def available(holding: Holding) -> int:
    """Shares in the depository account that are not sold yet."""
    return holding.quantity + holding.t1 - holding.used


def closing_key(instrument: Instrument, product: str) -> str:
    """Exits of a share for delivery count together on both exchanges."""
    return instrument.isin if product == "CNC" else position_key(instrument.token, product)


def pending_exits(account: Account, key: str) -> list[int]:
    """How much open orders already close: by buying, by selling."""
    return account.closing.get(key, [0, 0])


def closable(account: Account, instrument: Instrument, product: str, side: int) -> int:
    """How much an order on this side would only reduce."""
    if product == "CNC":
        return max(sellable(account, instrument), 0) if side != BUY else 0
    position = account.positions.get(position_key(instrument.token, product))
    open_quantity = -side * position.quantity if position else 0
    pending = pending_exits(account, closing_key(instrument, product))[side != BUY]
    return max(open_quantity - pending, 0)
