"""What the control API may do: prices, the clock, holdings and positions to begin with."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from . import clockwork
from .floor import Floor
from .instruments import Instrument
from .margins import hold_margin
from .positions import find_position, position_key
from .state import Account, Holding
from .terms import Command, Refusal
from .tickets import PRODUCTS, choice, money, whole
from .units import DAY, LARGEST, moment, rupees, units

FASTEST = 100_000
FURTHEST = 366 * DAY


def set_prices(floor: Floor, command: Command) -> Any:
    """Instruments trade at these prices from now on."""
    given = command.args.get("prices")
    if not isinstance(given, dict):
        raise Refusal("Missing or empty field `prices`.")
    read = {_listed(floor, key): _price(amount) for key, amount in given.items()}
    for instrument, price in read.items():
        floor.market.set_price(instrument, price, floor.now)
    clockwork.look(floor)
    if read:
        floor.tell("tick", "", {"tokens": _touched(floor, list(read))})
    return {instrument.key: rupees(price) for instrument, price in read.items()}


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
    except (ValueError, OverflowError):
        raise Refusal("Invalid `now`.") from None
    if at < floor.now:
        raise Refusal("The clock does not go backwards.")
    if at > floor.now + FURTHEST:
        raise Refusal("The clock moves a year at most.")
    return at


def seed(floor: Floor, command: Command) -> Any:
    """Give an account holdings and positions to begin with."""
    account = floor.account(str(command.args.get("user_id") or command.user))
    held = [_read_holding(floor, row) for row in _rows(command, "holdings")]
    carried = [_read_position(floor, row) for row in _rows(command, "positions")]
    keys = [position_key(instrument.token, product) for instrument, product, _, _ in carried]
    twice = floor.state.edition > 1 and len(set(keys)) < len(keys)
    if twice or not account.positions.keys().isdisjoint(keys):
        raise Refusal("There is such a position already.")
    for share, quantity, t1, authorised, price in held:
        _give_shares(account, share, quantity, t1, authorised, price)
    for instrument, product, quantity, price in carried:
        _give_position(floor, account, instrument, product, quantity, price)
    return True


def _rows(command: Command, name: str) -> list[dict[str, Any]]:
    given = command.args.get(name) or []
    if not isinstance(given, list) or not all(isinstance(row, dict) for row in given):
        raise Refusal(f"Invalid `{name}`.")
    return given


def _read_holding(floor: Floor, row: dict[str, Any]) -> tuple[Instrument, int, int, int, int]:
    share = floor.instrument(row.get("exchange") or "NSE", row.get("tradingsymbol"))
    if not share.is_share:
        raise Refusal("Only shares can be held.")
    price = money(row, "average_price") or floor.last_price(share.token)
    counts = [whole(row, name) for name in ("quantity", "t1_quantity", "authorised_quantity")]
    return share, counts[0], counts[1], counts[2], price


def _give_shares(
    account: Account, share: Instrument, quantity: int, t1: int, authorised: int, price: int
) -> None:
    holding = account.holdings.get(share.isin)
    if holding is None:
        holding = account.holdings[share.isin] = Holding(share.isin, share.token)
    holding.quantity += quantity
    holding.opening += quantity
    holding.t1 += t1
    holding.authorised += authorised
    holding.cost += (quantity + t1) * price


def _read_position(floor: Floor, row: dict[str, Any]) -> tuple[Instrument, str, int, int]:
    instrument = floor.instrument(row.get("exchange"), row.get("tradingsymbol"))
    product = choice(row, "product", PRODUCTS)
    text = str(row.get("quantity") or "0")
    size = whole({"quantity": text.removeprefix("-")}, "quantity")
    delivered = product == "CNC" or (product == "NRML") == instrument.is_share
    if not size or size % instrument.lot or delivered:
        raise Refusal("Invalid position.")
    price = money(row, "average_price") or floor.last_price(instrument.token)
    return instrument, product, -size if text.startswith("-") else size, price


def _give_position(
    floor: Floor, account: Account, instrument: Instrument, product: str, quantity: int, price: int
) -> None:
    """A position carried from yesterday; nothing is paid for it."""
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
