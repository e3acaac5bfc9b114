"""What follows when an order of several legs is complete."""

from .floor import Floor
from .intake import receive
from .state import COMPLETE, Order
from .terms import Refusal
from .tickets import Ticket


def follow(floor: Floor, order: Order) -> None:
    """Send the next leg of an iceberg, or the stop of a cover order."""
    if order.status != COMPLETE:
        return
    if order.legs:
        _next_leg(floor, order)
    elif order.variety == "co" and order.parent is None:
        _stop_leg(floor, order)


def _next_leg(floor: Floor, order: Order) -> None:
    quantity, *rest = order.legs
    order.legs = []
    iceberg = dict(order.meta["iceberg"])
    iceberg["leg"] += 1
    iceberg["leg_quantity"] = quantity
    iceberg["remaining_quantity"] -= quantity
    ticket = _like(floor, order, order.side, quantity, order.order_type)
    ticket.variety, ticket.price = "iceberg", order.price
    try:
        receive(
            floor, ticket, order.user, api_key=order.api_key,
            parent=order.parent or order.order_id, meta={"iceberg": iceberg}, legs=rest,
        )  # fmt: skip
    except Refusal as refusal:
        # Nobody waits for an answer here; the iceberg simply ends, and its owner hears why.
        text = f"Iceberg {order.order_id} ended early: {refusal.message}"
        floor.tell("message", order.user, {"text": text})


def _stop_leg(floor: Floor, order: Order) -> None:
    ticket = _like(floor, order, -order.side, order.filled, "SL-M")
    ticket.variety, ticket.trigger = "co", order.trigger
    receive(floor, ticket, order.user, api_key=order.api_key, parent=order.order_id)


def _like(floor: Floor, order: Order, side: int, quantity: int, order_type: str) -> Ticket:
    return Ticket(
        instrument=floor.market.by_token[order.token],
        side=side,
        variety=order.variety,
        product="MIS" if order.product == "CO" else order.product,
        order_type=order_type,
        validity="DAY",
        quantity=quantity,
        tag=order.tag,
    )
