"""List the holdings."""

from datetime import datetime
from typing import Any

from accounts.brokerage import BrokerAccount
from orders.listing import ListCommand, told
from portfolio.models import HoldingRow
from portfolio.sync import SOURCES


class Command(ListCommand):
    help = "Lists the holdings under the broker's own names; `quantity` is without T1."
    source = SOURCES["holdings"]
    columns = ("exchange", "tradingsymbol", "quantity", "t1_quantity", "average_price", "last_price", "pnl")  # fmt: skip

    def rows(self, account: BrokerAccount, age: datetime | None) -> list[dict[str, Any]]:
        return [told(row.raw, account, age) for row in HoldingRow.objects.filter(account=account)]
