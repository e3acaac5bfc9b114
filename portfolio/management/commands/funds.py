"""List the money of each segment."""

from datetime import datetime
from typing import Any

from accounts.brokerage import BrokerAccount
from orders.listing import ListCommand, told
from portfolio.models import FundsRow
from portfolio.sync import SOURCES


class Command(ListCommand):
    help = "Lists the money of each account's segments under the broker's own names."
    source = SOURCES["funds"]
    columns = ("segment", "net", "enabled")

    def rows(self, account: BrokerAccount, age: datetime | None) -> list[dict[str, Any]]:
        rows = FundsRow.objects.filter(account=account)
        return [told({"segment": row.segment, **row.raw}, account, age) for row in rows]
