"""Trading an order against the simulated book."""

from .floor import Floor
from .instruments import Instrument
from .positions import apply_fill
from .reserves import use
from .state import BUY, Order, Trade
from .terms import Level
from .units import SECOND


def match(floor: Floor, order: Order) -> int:
    """Trade what can be traded now; how much that was."""
    instrument = floor.market.by_token[order.token]
    total = 0
    for quantity, price in _offers(floor, instrument, order):
        filled = min(quantity, order.pending)
        if filled:
            _take(floor, order, filled)
            execute(floor, instrument, order, filled, price)
            total += filled
    return total


def _offers(floor: Floor, instrument: Instrument, order: Order) -> list[tuple[int, int]]:
    """What an order may still take at this second: quantities and prices, best first."""
    if not order.resting and not _touches(floor, instrument, order):
        return []
    bids, offers = floor.market.depth(instrument, floor.now)
    levels = [each for each in (offers if order.side == BUY else bids) if each[0]]
    reachable = [each for each in levels if _is_reached(order, each[1])]
    if order.resting:
        return [(_rest_of(floor, order, reachable or levels[:1]), order.limit)]
    return _untaken(floor, order, reachable)


def _touches(floor: Floor, instrument: Instrument, order: Order) -> bool:
    """Whether the best of the other side is within the order's limit."""
    bid, offer = floor.market.touch(instrument, floor.now)
    return _is_reached(order, offer if order.side == BUY else bid)


def _is_reached(order: Order, price: int) -> bool:
    return not order.limit or (order.limit - price) * order.side >= 0


def _untaken(floor: Floor, order: Order, levels: list[Level]) -> list[tuple[int, int]]:
    gone = _taken(floor, order)
    left = []
    for quantity, price, _ in levels:
        here = max(quantity - gone, 0)
        gone = max(gone - quantity, 0)
        if here:
            left.append((here, price))
    return left


def _rest_of(floor: Floor, order: Order, levels: list[Level]) -> int:
    return max(sum(each[0] for each in levels) - _taken(floor, order), 0)


def _taken(floor: Floor, order: Order) -> int:
    """How much of this second's book others have had already."""
    taken = floor.state.taken.get(order.token)
    if taken is None or taken[0] != floor.now // SECOND:
        return 0
    return taken[1 if order.side == BUY else 2]


def _take(floor: Floor, order: Order, quantity: int) -> None:
    second = floor.now // SECOND
    taken = floor.state.taken.get(order.token)
    if taken is None or taken[0] != second:
        taken = floor.state.taken[order.token] = [second, 0, 0]
    taken[1 if order.side == BUY else 2] += quantity


def execute(floor: Floor, instrument: Instrument, order: Order, quantity: int, price: int) -> None:
    """One execution: the trade, the order, the position and the money."""
    account = floor.state.accounts[order.user]
    account.trades.append(Trade(
        trade_id=str(100_000_000 + floor.number("trade")),
        order_id=order.order_id, user=order.user, token=order.token, key=order.key,
        product=order.product, side=order.side, quantity=quantity, price=price,
        exchange_id=order.exchange_id or "", ordered_at=order.ordered_at, at=floor.now,
    ))  # fmt: skip
    use(floor, order, quantity, order.pending)
    order.filled += quantity
    order.value += quantity * price
    order.exchange_at = order.updated_at = floor.now
    apply_fill(floor, account, instrument, order.product, order.side, quantity, price)


def step(floor: Floor, token: int) -> tuple[list[Order], list[Order]]:
    """The waiting orders that the present price reaches: triggered, and to be traded."""
    instrument = floor.market.by_token[token]
    book = floor.books[token]
    last = floor.market.price(instrument, floor.now)
    bid, offer = floor.market.touch(instrument, floor.now)
    find = floor.state.orders.get
    triggered = list(book.triggered(last, find))
    # A trade at the limit itself means that somebody there was served, so may we be.
    crossed = list(book.crossed(max(bid, last), min(offer, last), find))
    return triggered, crossed
