"""What the control API may do: prices, the clock, holdings and positions to begin with."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from . import clockwork
from .floor import Floor
from .instruments import Instrument
from .margins import hold_margin
from .positions import find_position
from .state import Account, Holding
from .terms import Command, Refusal
from .tickets import PRODUCTS, choice, money
from .units import LARGEST, moment, units

FASTEST = 100_000


def set_prices(floor: Floor, command: Command) -> Any:
    """Instruments trade at these prices from now on."""
    read = {_listed(floor, key): _price(given) for key, given in command.args["prices"].items()}
    for instrument, price in read.items():
        floor.market.set_price(instrument, price, floor.now)
    clockwork.look(floor)
    if read:
        floor.tell("tick", "", {"tokens": _touched(floor, list(read))})
    return {instrument.key: price / 10_000 for instrument, price in read.items()}


def _listed(floor: Floor, key: str) -> Instrument:
    found = floor.market.by_key.get(key)
    if found is None:
        raise Refusal(f"Unknown instrument `{key}`.")
    return found


def _price(given: Any) -> int:
    try:
        price = units(given)
    except ValueError:
        raise Refusal("Invalid price.") from None
    if not 0 < price < LARGEST // 1_000:
        raise Refusal("Invalid price.")
    return price


def _touched(floor: Floor, instruments: list[Instrument]) -> list[int]:
    """The instruments, and those whose price follows theirs."""
    tokens = {each.token for each in instruments}
    return [
        each.token
        for each in floor.market.by_token.values()
        if each.token in tokens or each.source in tokens
    ]


def set_clock(floor: Floor, command: Command) -> Any:
    """Move the clock forward, or let it run faster or slower."""
    args = command.args
    if args.get("speed") is not None:
        try:
            speed = int(Decimal(str(args["speed"])) * 1_000)
        except (InvalidOperation, ValueError, OverflowError):
            raise Refusal("Invalid `speed`.") from None
        if not 0 <= speed <= FASTEST * 1_000:
            raise Refusal("Invalid `speed`.")
        floor.state.speed = speed
    if args.get("now") is not None:
        clockwork.advance(floor, _moment(floor, args["now"]))
    return {"now": floor.now, "speed": floor.state.speed / 1_000}


def _moment(floor: Floor, given: Any) -> int:
    try:
        at = given if isinstance(given, int) else moment(str(given))
    except ValueError:
        raise Refusal("Invalid `now`.") from None
    if at < floor.now:
        raise Refusal("The clock does not go backwards.")
    return at


def seed(floor: Floor, command: Command) -> Any:
    """Give an account holdings and positions to begin with."""
    account = floor.account(str(command.args.get("user_id") or command.user))
    for row in command.args.get("holdings") or []:
        _seed_holding(floor, account, row)
    for row in command.args.get("positions") or []:
        _seed_position(floor, account, row)
    return True


def _seed_holding(floor: Floor, account: Account, row: dict[str, Any]) -> None:
    share = floor.instrument(row.get("exchange") or "NSE", row.get("tradingsymbol"))
    if not share.is_share:
        raise Refusal("Only shares can be held.")
    quantity, t1 = int(row.get("quantity") or 0), int(row.get("t1_quantity") or 0)
    price = money(row, "average_price") or floor.last_price(share.token)
    holding = account.holdings.get(share.isin)
    if holding is None:
        holding = account.holdings[share.isin] = Holding(share.isin, share.token)
    holding.quantity += quantity
    holding.opening += quantity
    holding.t1 += t1
    holding.authorised += int(row.get("authorised_quantity") or 0)
    holding.cost += (quantity + t1) * price


def _seed_position(floor: Floor, account: Account, row: dict[str, Any]) -> None:
    """A position carried from yesterday; nothing is paid for it."""
    instrument = floor.instrument(row.get("exchange"), row.get("tradingsymbol"))
    product = choice(row, "product", PRODUCTS)
    quantity = int(row.get("quantity") or 0)
    if not quantity or quantity % instrument.lot or product == "CNC":
        raise Refusal("Invalid position.")
    price = money(row, "average_price") or floor.last_price(instrument.token)
    position = find_position(account, instrument, product)
    value = abs(quantity) * price * instrument.multiplier
    position.overnight = quantity
    position.carried_buy = value if quantity > 0 else 0
    position.carried_sell = value if quantity < 0 else 0
    position.cost = value
    hold_margin(floor, account, position)


OPS: dict[str, Callable[[Floor, Command], Any]] = {
    "prices.set": set_prices,
    "clock.set": set_clock,
    "holdings.seed": seed,
}
