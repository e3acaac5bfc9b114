"""A position under another product. No id and no tag: only the position itself can tell."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from accounts.brokers.base import Broker
from accounts.brokers.types import Conversion
from accounts.brokers.words import Side
from orders.engine.core import Reason, State, Verdict
from orders.engine.models import OrderTask
from orders.engine.operations.base import TTL_LIMIT, Finding, Reading, Sent

BEFORE = "before"  # in the params: what stood under both products when it was asked for


class Convert:
    """Move a position to another product."""

    reads = "positions"
    has_window = True
    absent = (State.DEAD_LETTER, Reason.UNCLEAR)

    def time_to_live(self, params: Mapping[str, Any]) -> timedelta:
        return TTL_LIMIT

    def send(self, broker: Broker, task: OrderTask) -> Sent:
        broker.convert(conversion_of(task.params))
        return Sent(order_ids=())

    def judge(self, task: OrderTask, tags: Sequence[str], reading: Reading) -> Finding:
        wanted = conversion_of(task.params)
        sign = 1 if wanted.side is Side.BUY else -1
        old, new = task.params[BEFORE]
        after = [old - sign * wanted.quantity, new + sign * wanted.quantity]
        products = (wanted.old_product, wanted.new_product)
        now = [
            sum(
                row.quantity
                for row in reading.positions
                if (row.exchange, row.symbol, row.product)
                == (wanted.exchange, wanted.symbol, product)
            )
            for product in products
        ]
        if now == after:
            return Finding(verdict=Verdict.FOUND)
        message = (
            "The position does not show that it was converted. Look at it; ask again if it was not."
        )
        return Finding(verdict=Verdict.ABSENT, message=message)


def conversion_of(params: Mapping[str, Any]) -> Conversion:
    terms = {name: value for name, value in params.items() if name != BEFORE}
    return Conversion(**terms | {"side": Side(terms["side"])})
