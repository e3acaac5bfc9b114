"""List the triggers that brokers watch."""

from datetime import datetime
from typing import Any

from accounts.brokerage import BrokerAccount
from orders.ledger import GttTrigger
from orders.listing import ListCommand, told
from orders.syncing import SOURCES


class Command(ListCommand):
    help = "Lists the GTT triggers that the brokers list, under their own names."
    source = SOURCES[2]
    columns = ("id", "type", "status", "created_at")

    def rows(self, account: BrokerAccount, age: datetime | None) -> list[dict[str, Any]]:
        listed = GttTrigger.objects.filter(account=account, is_listed=True)
        return [told(row.raw, account, age) for row in listed.order_by("created_at", "pk")]
