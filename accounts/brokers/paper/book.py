"""The waiting orders of one instrument, best first."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from .state import BUY, OPEN, TRIGGER_PENDING, Order

Entry = tuple[int, int, str]  # how urgent, place in the queue, order id
Find = Callable[[str], Order | None]


class Book:
    """Four queues: resting buys and sells, and buys and sells that wait for a trigger.

    Entries are never searched for. One whose order has moved on since (another rank or
    status) is dropped when it comes to the top.
    """

    __slots__ = ("buy_stops", "buys", "sell_stops", "sells")

    def __init__(self) -> None:
        self.buys: list[Entry] = []
        self.sells: list[Entry] = []
        self.buy_stops: list[Entry] = []
        self.sell_stops: list[Entry] = []

    def rest(self, order: Order) -> None:
        """Queue an open order at its limit."""
        if order.side == BUY:
            heappush(self.buys, (-order.limit, order.rank, order.order_id))
        else:
            heappush(self.sells, (order.limit, order.rank, order.order_id))

    def wait(self, order: Order) -> None:
        """Queue an order until its trigger is reached."""
        if order.side == BUY:
            heappush(self.buy_stops, (order.trigger, order.rank, order.order_id))
        else:
            heappush(self.sell_stops, (-order.trigger, order.rank, order.order_id))

    def triggered(self, last: int, find: Find) -> Iterator[Order]:
        """Take out the orders whose trigger this price has reached."""
        while order := _top(self.buy_stops, last, TRIGGER_PENDING, find):
            heappop(self.buy_stops)
            yield order
        while order := _top(self.sell_stops, -last, TRIGGER_PENDING, find):
            heappop(self.sell_stops)
            yield order

    def crossed(self, bid: int, offer: int, find: Find) -> Iterator[Order]:
        """Take out the resting orders that these prices reach; best price first."""
        while order := _top(self.buys, -offer, OPEN, find):
            heappop(self.buys)
            yield order
        while order := _top(self.sells, bid, OPEN, find):
            heappop(self.sells)
            yield order

    def is_reached(self, low: int, high: int, find: Find) -> bool:
        """Whether prices between these would reach anybody."""
        return (
            _top(self.buys, -low, OPEN, find) is not None
            or _top(self.sells, high, OPEN, find) is not None
            or _top(self.buy_stops, high, TRIGGER_PENDING, find) is not None
            or _top(self.sell_stops, -low, TRIGGER_PENDING, find) is not None
        )

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits here."""
        return not (self.buys or self.sells or self.buy_stops or self.sell_stops)


def _top(queue: list[Entry], reached: int, status: str, find: Find) -> Order | None:
    """The first order, if it is still the one that was queued and its price is reached."""
    while queue:
        urgency, rank, order_id = queue[0]
        if urgency > reached:
            return None
        order = find(order_id)
        if order is not None and order.rank == rank and order.status == status:
            return order
        heappop(queue)
    return None
