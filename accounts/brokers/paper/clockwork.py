"""How time passes: what is due happens at its moment, and prices are looked at every second."""

from collections.abc import Callable
from heapq import heappop

from . import alerts, gtt, legs, lifecycle, settlement, users
from .floor import Floor
from .matching import step
from .outlook import quiet_until
from .state import OPEN, TRIGGER_PENDING, Order
from .units import SECOND

NEVER = 2**62

ORDER_STEPS: dict[str, Callable[[Floor, Order], None]] = {
    **lifecycle.STEPS,
    "follow": legs.follow,
}
OTHER_STEPS: dict[str, Callable[[Floor, str], None]] = {
    **settlement.STEPS,
    "tokens": lambda floor, _: users.forget_expired(floor),
}


def advance(floor: Floor, at: int) -> None:
    """Let time pass up to this moment."""
    state = floor.state
    before = state.now // SECOND
    while True:
        due = state.timers[0][0] if state.timers else NEVER
        second = _next_look(floor, min(at, due)) * SECOND
        if min(due, second) > at:
            break
        if second <= due:
            state.now = max(state.now, second)
            look(floor)
        else:
            _, _, kind, what = heappop(state.timers)
            state.now = max(state.now, due)
            _happen(floor, kind, what)
    state.now = max(state.now, at)
    if state.now // SECOND != before and floor.market.walks:
        floor.tell("tick", "", {"tokens": floor.market.tokens})


def _next_look(floor: Floor, at: int) -> int:
    """The next second whose prices matter to somebody, as far as up to `at`.

    Long stretches are passed over where nothing would happen in them. What happens does
    therefore not depend on how many steps the time was cut into.
    """
    second, last = floor.state.now // SECOND + 1, at // SECOND
    if second > last or not is_watched(floor):
        return NEVER
    second = quiet_until(floor, second, last + 1)
    return second if second <= last else NEVER


def is_watched(floor: Floor) -> bool:
    """Whether an order, a trigger or an alert waits for a price."""
    return bool(floor.books) or gtt.watched(floor) or alerts.watched(floor)


def _happen(floor: Floor, kind: str, what: str) -> None:
    order_step = ORDER_STEPS.get(kind)
    if order_step is None:
        OTHER_STEPS[kind](floor, what)
        return
    order = floor.state.orders.get(what)
    if order is not None:
        order_step(floor, order)


def look(floor: Floor) -> None:
    """Serve everybody whose price has come."""
    sessions = {market: floor.calendar.session(market, floor.now) for market in settlement.MARKETS}
    for token in sorted(floor.books):
        if floor.books[token].is_empty:
            del floor.books[token]
        elif sessions[floor.market.by_token[token].market].matches:
            _serve(floor, token)
    gtt.look(floor, sessions)
    alerts.look(floor)


def _serve(floor: Floor, token: int) -> None:
    triggered, crossed = step(floor, token)
    for order in triggered:
        lifecycle.trigger(floor, order)
    for order in crossed:
        lifecycle.trade(floor, order)
        if order.status == OPEN:
            floor.book(token).rest(order)


def next_due(floor: Floor) -> int | None:
    """When there is next something to do."""
    due = floor.state.timers[0][0] if floor.state.timers else NEVER
    if floor.market.walks or is_watched(floor):
        due = min(due, (floor.state.now // SECOND + 1) * SECOND)
    return None if due == NEVER else due


def wake(floor: Floor) -> None:
    """Put back what is not part of the state: the day's instruments and the queues."""
    floor.market.relist(floor.state.day)
    for order in floor.state.orders.values():
        if order.status == TRIGGER_PENDING:
            floor.book(order.token).wait(order)
        elif order.status == OPEN and order.resting:
            floor.book(order.token).rest(order)
