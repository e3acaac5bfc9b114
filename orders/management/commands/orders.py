"""List the orders of the day."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.brokerage import BrokerAccount
from orders.ledger import Order
from orders.listing import ListCommand, told
from orders.syncing import SOURCES


class Command(ListCommand):
    help = "Lists the orders of the day, the newest first, under the broker's own names."
    source = SOURCES[0]
    columns = ("order_timestamp", "transaction_type", "filled_quantity", "quantity", "tradingsymbol", "order_type", "price", "status", "status_message")  # fmt: skip

    def rows(self, account: BrokerAccount, age: datetime | None) -> list[dict[str, Any]]:
        today = Order.objects.filter(account=account).of_today(timezone.now())
        return [told(row.raw, account, age) for row in today.order_by("-ordered_at", "-pk")]
