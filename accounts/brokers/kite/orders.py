"""Orders at Kite."""

from typing import Any

from accounts.brokers.errors import BrokerError, InvalidOrder
from accounts.brokers.kite.client import Client, reading, rows_of, writing
from accounts.brokers.kite.refusals import Refusal, name_refusal
from accounts.brokers.kite.rows import Row, fill_from, order_from, placed_from
from accounts.brokers.kite.values import text
from accounts.brokers.types import Fill, OrderChange, OrderRequest, OrderUpdate, Placed, Variety
from tradedesk.memory import Memory

PLACE = "place the order"
as_before = Memory(order_from)


class Orders(Client):
    """Sending orders, each at most once, and reading what became of them."""

    def place(self, order: OrderRequest) -> Placed:
        self.check(order)
        terms = terms_of(order)
        if not order.autoslice:
            with writing(PLACE):
                order_id = given(self.kite.place_order(**terms))
                return Placed(order_id=order_id, raw={"order_id": order_id})
        with writing(PLACE):
            placed = placed_from(self.kite.place_autoslice_order(**terms))
            if placed.slices and not any(one.order_id for one in placed.slices):
                raise refusal_of(placed)
            given(placed.order_id)
        return placed

    def check(self, order: OrderRequest) -> None:
        """Refuse what this environment does not take, and what could not be found again."""
        offers = self.offers
        self.need(f"{PLACE} of variety {order.variety}", offered=order.variety in offers.varieties)
        self.need(
            f"{PLACE} of type {order.order_type}", offered=order.order_type in offers.order_types
        )
        self.need(f"{PLACE} with autoslice", offered=offers.has_autoslice or not order.autoslice)
        tag = order.tag or ""
        if len(tag) > offers.tags.longest or not set(tag) <= set(offers.tags.alphabet):
            raise InvalidOrder(PLACE, field="tag", text="at most 20 letters and digits")
        if order.quantity <= 0:
            raise InvalidOrder(PLACE, field="quantity", text="it must be more than nought")

    def modify(self, change: OrderChange) -> str:
        with writing("modify the order"):
            return given(
                self.kite.modify_order(
                    variety=change.variety.value,
                    order_id=change.order_id,
                    parent_order_id=change.parent_order_id,
                    quantity=change.quantity,
                    price=change.price,
                    order_type=change.order_type.value if change.order_type else None,
                    trigger_price=change.trigger_price,
                    validity=change.validity.value if change.validity else None,
                    disclosed_quantity=change.disclosed_quantity,
                    market_protection=change.market_protection,
                )
            )

    def cancel(self, order_id: str, *, variety: Variety, parent_order_id: str | None = None) -> str:
        with writing("cancel the order"):
            return given(self.kite.cancel_order(variety.value, order_id, parent_order_id))

    def orders(self) -> list[OrderUpdate]:
        with reading("read the order book"):
            return rows_of("read the order book", order_of, self.kite.orders())

    def order_history(self, order_id: str) -> list[OrderUpdate]:
        with reading("read the order"):
            return [order_from(row) for row in self.kite.order_history(order_id)]

    def trades(self) -> list[Fill]:
        with reading("read the trades"):
            return rows_of("read the trades", fill_from, self.kite.trades())

    def order_trades(self, order_id: str) -> list[Fill]:
        with reading("read the trades of the order"):
            return [fill_from(row) for row in self.kite.order_trades(order_id)]

    def find_by_tag(self, tag: str) -> list[OrderUpdate]:
        """Read the whole book, once: Kite has no look-up by tag."""
        return [order for order in self.orders() if order.is_tagged(tag)]


def order_of(row: Row) -> OrderUpdate:
    return as_before(row["order_id"], row)


def terms_of(order: OrderRequest) -> dict[str, Any]:
    """Spell an order for the official client, which drops what is None but sends a nought."""
    return {
        "variety": order.variety.value,
        "exchange": order.exchange,
        "tradingsymbol": order.symbol,
        "transaction_type": order.side.value,
        "quantity": order.quantity,
        "product": order.product.value,
        "order_type": order.order_type.value,
        "price": order.price,
        "validity": order.validity.value,
        "validity_ttl": order.validity_minutes,
        "disclosed_quantity": order.disclosed_quantity,
        "trigger_price": order.trigger_price,
        "iceberg_legs": order.iceberg_legs,
        "iceberg_quantity": order.iceberg_quantity,
        "auction_number": order.auction_number,
        "algo_id": order.algo_id,
        "tag": order.tag,
        "market_protection": order.market_protection,
    }


def given(order_id: Any) -> str:
    """Insist on an id: an answer without one does not tell what was registered."""
    if not isinstance(order_id, str | int) or not text(order_id):
        raise LookupError("no order id")
    return text(order_id)


def refusal_of(placed: Placed) -> BrokerError:
    """Name why nothing of a sliced order was taken, by its first slice."""
    first = placed.slices[0]
    return name_refusal(
        Refusal(operation=PLACE, text=first.refusal, error_type=first.error_type, status=400)
    )
