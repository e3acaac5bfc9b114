"""An order's way through the exchange: every step, and when it is due."""

from .answers import news_status, order_news, record
from .calendar import Session
from .floor import Floor
from .intake import set_protected_limit, start
from .matching import match
from .reserves import release
from .state import (
    AMO_RECEIVED,
    CANCELLED,
    CANCELLING,
    COMPLETE,
    FINAL,
    MODIFIED,
    MODIFYING,
    OPEN,
    OPENING,
    REJECTED,
    TRIGGER_PENDING,
    VALIDATING,
    Order,
)
from .units import MINUTE, SECOND

IOC_TEXT = (
    "The IOC order was cancelled by the exchange since there were no matching bids or offers."
    " Check your orderbook for more."
)
IOC_RAW = "16388 : Unmatched orders cancelled by the system"
CLOSED_TEXT = "The markets are closed right now. Place an AMO order, or try during market hours."
CLOSED_RAW = "16278 : The markets have not been opened for trading"
EXCHANGE_PREFIX = {"NSE": 11, "BSE": 17, "NFO": 15, "BFO": 18, "CDS": 13, "MCX": 24}


def validate(floor: Floor, order: Order) -> None:
    """The risk checks speak."""
    if order.status != VALIDATING:
        return
    if order.refuse:
        reject(floor, order, *order.refuse)
        return
    record(order, OPENING, floor.now)
    rest = floor.rules.exchange_ms - floor.rules.validation_ms
    floor.later(floor.now + rest, "arrive", order.order_id)


def reject(floor: Floor, order: Order, message: str, raw: str) -> None:
    """Say no after the order was taken in."""
    order.message, order.raw = message, raw
    release(floor, order)
    record(order, REJECTED, floor.now)
    announce(floor, order)


def arrive(floor: Floor, order: Order) -> None:
    """The exchange has the order: it is open, or waits for its trigger."""
    if order.status != OPENING:
        return
    if not session(floor, order).accepts:
        reject(floor, order, CLOSED_TEXT, CLOSED_RAW)
        return
    exchange = order.key.partition(":")[0]
    order.exchange_id = f"{EXCHANGE_PREFIX[exchange]}{floor.number('exchange'):014d}"
    order.exchange_at = order.updated_at = floor.now
    if order.order_type in ("SL", "SL-M"):
        record(order, TRIGGER_PENDING, floor.now)
        floor.book(order.token).wait(order)
    else:
        open_now(floor, order)
    if order.validity == "TTL":
        floor.later(floor.now + order.ttl * MINUTE, "ttl", order.order_id)
    announce(floor, order)


def session(floor: Floor, order: Order) -> Session:
    """The phase of the market an order is for."""
    market = floor.market.by_token[order.token].market
    return floor.calendar.session(market, floor.now)


def open_now(floor: Floor, order: Order) -> None:
    """Stand in the book; what can trade at once does so in a moment."""
    record(order, OPEN, floor.now)
    floor.later(floor.now + floor.rules.fill_ms, "match", order.order_id)


def first_match(floor: Floor, order: Order) -> None:
    """Trade against the book, then rest in it or, immediate or cancel, leave."""
    if order.status != OPEN or order.resting:
        return
    if session(floor, order).matches:
        trade(floor, order)
    if order.status != OPEN:
        return
    if order.validity == "IOC":
        order.message, order.raw = IOC_TEXT, IOC_RAW
        cancelled(floor, order)
        return
    if not order.limit:
        # It takes any price, so there is none to rest at: it waits for the book to refill.
        floor.later((floor.now // SECOND + 1) * SECOND, "match", order.order_id)
        return
    order.resting = True
    floor.book(order.token).rest(order)


def trade(floor: Floor, order: Order) -> None:
    """Let an open order have what the book offers it."""
    if not match(floor, order):
        return
    if order.pending:
        record(order, OPEN, floor.now)
    else:
        record(order, COMPLETE, floor.now)
        if order.legs or order.variety == "co":
            floor.later(floor.now, "follow", order.order_id)
    announce(floor, order, news_status(order))


def trigger(floor: Floor, order: Order) -> None:
    """A stop order's price was reached: from now on it is an ordinary one."""
    if order.order_type == "SL-M":
        order.order_type = "MARKET"
        if order.protection:
            set_protected_limit(floor, order, floor.last_price(order.token))
    else:
        order.order_type = "LIMIT"
    order.updated_at = floor.now
    open_now(floor, order)
    announce(floor, order, news_status(order))


def expire(floor: Floor, order: Order) -> None:
    """Cancel an order whose time is over."""
    if order.status not in FINAL and order.status != AMO_RECEIVED:
        cancelled(floor, order)


def cancel(floor: Floor, order: Order) -> None:
    """A requested cancellation takes effect."""
    if order.status == CANCELLING:
        cancelled(floor, order)


def cancelled(floor: Floor, order: Order) -> None:
    """Take the rest of an order out of the exchange."""
    release(floor, order)
    order.cancelled = order.quantity - order.filled
    order.legs = []
    order.updated_at = floor.now
    record(order, CANCELLED, floor.now)
    announce(floor, order)


def modify(floor: Floor, order: Order) -> None:
    """A requested modification takes effect."""
    if order.status != MODIFYING:
        return
    record(order, MODIFIED, floor.now)
    for name, value in order.change.items():
        setattr(order, name, value)
    order.change = {}
    order.updated_at = floor.now
    order.rank = floor.number("rank")
    order.resting = False
    if order.order_type in ("SL", "SL-M"):
        record(order, TRIGGER_PENDING, floor.now)
        floor.book(order.token).wait(order)
    else:
        open_now(floor, order)
    announce(floor, order, "UPDATE")


def release_amo(floor: Floor, order: Order) -> None:
    """The session has come that an after-market order waited for."""
    if order.status != AMO_RECEIVED:
        return
    if not session(floor, order).accepts:
        market = floor.market.by_token[order.token].market
        opens = floor.calendar.next_session(market, floor.now, floor.rules.amo_release)
        floor.later(opens, "release", order.order_id)
        return
    start(floor, order)


def announce(floor: Floor, order: Order, status: str = "") -> None:
    """Tell sockets and postbacks about an order."""
    app = floor.state.apps.get(order.api_key)
    news = order_news(order, status or order.status, app.app_id if app else 0)
    floor.tell("order", order.user, news, order.api_key)


STEPS = {
    "validate": validate,
    "arrive": arrive,
    "match": first_match,
    "cancel": cancel,
    "modify": modify,
    "ttl": expire,
    "release": release_amo,
}
