"""Taking an order in: what it becomes, what is held for it, what is wrong with it."""

from typing import Any

from .answers import record
from .floor import Floor
from .reserves import Unreserved, is_told_at_once, reserve
from .rules import ASYNC
from .state import AMO_RECEIVED, RECEIVED, VALIDATING, Order
from .terms import Refusal
from .tickets import Ticket, freeze_text, protected_price, rupees_text, too_large


def new_order_id(floor: Floor) -> str:
    """Nineteen digits: the millisecond and a running number."""
    return str((floor.now << 20) | (floor.number("order") & 0xFFFFF))


def receive(
    floor: Floor, ticket: Ticket, user: str, *, api_key: str = "", parent: str | None = None, meta: dict[str, Any] | None = None, tags: tuple[str, ...] = (),
    legs: list[int] | None = None,
) -> Order:  # fmt: skip
    """Take an order in: held for, recorded and on its way, or refused at once."""
    order = _make(floor, ticket, user)
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


def _make(floor: Floor, ticket: Ticket, user: str) -> Order:
    instrument = ticket.instrument
    order_id = new_order_id(floor)
    return Order(
        order_id=order_id,
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
        guid=f"paper{int(order_id):x}",
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
        set_protected_limit(floor, order, floor.last_price(order.token))
    else:
        set_protected_limit(floor, order, order.trigger)
        order.order_type, order.price = "SL-M", 0


def set_protected_limit(floor: Floor, order: Order, around: int) -> None:
    """Give a market order the worst price it may trade at."""
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
