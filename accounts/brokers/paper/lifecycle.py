"""An order's way through the exchange: every step, and when it is due."""

from typing import Any

from .answers import news_status, order_news, record
from .calendar import Session
from .floor import Floor
from .matching import match
from .reserves import Unreserved, is_told_at_once, release, reserve
from .rules import ASYNC
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
    RECEIVED,
    REJECTED,
    TRIGGER_PENDING,
    VALIDATING,
    Order,
)
from .terms import Refusal
from .tickets import Ticket, freeze_text, protected_price, rupees_text, too_large
from .units import MINUTE

IOC_TEXT = (
    "The IOC order was cancelled by the exchange since there were no matching bids or offers."
    " Check your orderbook for more."
)
IOC_RAW = "16388 : Unmatched orders cancelled by the system"
CLOSED_TEXT = "The markets are closed right now. Place an AMO order, or try during market hours."
CLOSED_RAW = "16278 : The markets have not been opened for trading"
EXCHANGE_PREFIX = {"NSE": 11, "BSE": 17, "NFO": 15, "BFO": 18, "CDS": 13, "MCX": 24}


def new_order_id(floor: Floor) -> str:
    """Nineteen digits: the millisecond and a running number."""
    return str((floor.now << 20) | (floor.number("order") & 0xFFFFF))


def receive(
    floor: Floor, ticket: Ticket, user: str, *, api_key: str = "", order_id: str = "",
    parent: str | None = None, meta: dict[str, Any] | None = None, tags: tuple[str, ...] = (),
    legs: list[int] | None = None,
) -> Order:  # fmt: skip
    """Take an order in: held for, recorded and on its way, or refused at once."""
    order = _make(floor, ticket, user, order_id)
    order.api_key, order.parent, order.meta = api_key, parent, meta or {}
    order.legs = legs or []
    order.tags += tags
    _protect(floor, order)
    _look_for_faults(floor, order, ticket)
    if not order.refuse:
        _reserve_or_refuse(floor, order)
    account = floor.state.accounts[user]
    floor.state.orders[order.order_id] = order
    account.orders[order.order_id] = None
    if ticket.variety == "amo":
        record(order, AMO_RECEIVED, floor.now)
        market = ticket.instrument.market
        opens = floor.calendar.next_session(market, floor.now, floor.rules.amo_release)
        floor.later(opens, "release", order.order_id)
    else:
        start(floor, order)
    return order


def _make(floor: Floor, ticket: Ticket, user: str, order_id: str) -> Order:
    instrument = ticket.instrument
    return Order(
        order_id=order_id or new_order_id(floor),
        user=user,
        api_key="",
        token=instrument.token,
        key=instrument.key,
        side=ticket.side,
        variety=ticket.variety,
        product="CO" if ticket.variety == "co" else ticket.product,
        order_type=ticket.order_type,
        validity=ticket.validity,
        quantity=ticket.quantity,
        price=0 if ticket.is_market else ticket.price,
        trigger=ticket.trigger if ticket.has_trigger or ticket.variety == "co" else 0,
        status=RECEIVED,
        placed_at=floor.now,
        ordered_at=floor.now,
        guid=f"{floor.number('guid'):05d}paper{floor.now:x}",
        ttl=ticket.ttl,
        disclosed=ticket.disclosed,
        protection=ticket.protection,
        tag=ticket.tag,
        tags=[ticket.tag] if ticket.tag else [],
        limit=0 if ticket.is_market else ticket.price,
        rank=floor.number("rank"),
    )


def _protect(floor: Floor, order: Order) -> None:
    """Turn a protected market order into the limit order it really is."""
    if order.order_type not in ("MARKET", "SL-M") or not order.protection:
        return
    if order.order_type == "MARKET":
        _set_protected_limit(floor, order, floor.last_price(order.token))
    else:
        _set_protected_limit(floor, order, order.trigger)
        order.order_type, order.price = "SL-M", 0


def _set_protected_limit(floor: Floor, order: Order, around: int) -> None:
    instrument = floor.market.by_token[order.token]
    band = floor.market.band(instrument, floor.now)
    order.limit, part = protected_price(
        floor.rules, instrument, order.protection, order.side, around, band
    )
    order.order_type, order.price = "LIMIT", order.limit
    if "mktp" not in order.tags:
        order.tags += ["mktp", f"mktp:{part / 100:.2f}"]


def _look_for_faults(floor: Floor, order: Order, ticket: Ticket) -> None:
    """What the risk checks will say, or say it now where the rules want it so."""
    if too_large(ticket) and floor.rules.above_freeze == ASYNC and not ticket.legs:
        order.refuse = [freeze_text(ticket.instrument), "17138 : Quantity above freeze limit"]
    if ticket.wrong_side:
        order.refuse = [ticket.wrong_side, "RMS:Rule: Check trigger price"]
    text = band_fault(floor, order.token, order.price)
    if text and floor.rules.outside_band != ASYNC:
        raise Refusal(text)
    if text:
        order.refuse = [text, f"RMS:Rule: Check circuit limit including square off order for entity account-{order.user}"]  # fmt: skip


def band_fault(floor: Floor, token: int, price: int) -> str:
    """What is wrong with a price outside the day's limits."""
    if not price:
        return ""
    low, high = floor.market.band(floor.market.by_token[token], floor.now)
    if low and price < low:
        word, side, limit = "lower", "lower", low
    elif high and price > high:
        word, side, limit = "higher", "upper", high
    else:
        return ""
    return (
        f"Your order price is {word} than the current {side} circuit limit of"
        f" {rupees_text(limit)}. Place an order within the daily range."
    )


def _reserve_or_refuse(floor: Floor, order: Order) -> None:
    try:
        reserve(floor, order, price_to_reserve(floor, order))
    except Unreserved as problem:
        if is_told_at_once(problem):
            raise problem.as_refusal() from None
        order.refuse = [problem.message + problem.more, problem.raw]


def price_to_reserve(floor: Floor, order: Order) -> int:
    """The price margins are worked out at."""
    return order.limit or order.trigger or floor.last_price(order.token)


def start(floor: Floor, order: Order) -> None:
    """Send an order on its way."""
    record(order, RECEIVED, floor.now)
    record(order, VALIDATING, floor.now)
    floor.later(floor.now + floor.rules.validation_ms, "validate", order.order_id)


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
    if order.status != OPEN:
        return
    if session(floor, order).matches:
        trade(floor, order)
    if order.status != OPEN:
        return
    if order.validity == "IOC":
        order.message, order.raw = IOC_TEXT, IOC_RAW
        cancelled(floor, order)
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
            _set_protected_limit(floor, order, floor.last_price(order.token))
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
