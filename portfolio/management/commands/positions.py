"""List the net positions."""

from datetime import datetime
from typing import Any

from accounts.brokerage import BrokerAccount
from orders.listing import ListCommand, told
from portfolio.models import PositionRow
from portfolio.sync import SOURCES


class Command(ListCommand):
    help = "Lists the net positions, closed ones too, under the broker's own names."
    source = SOURCES["positions"]
    columns = ("exchange", "tradingsymbol", "product", "quantity", "average_price", "last_price", "pnl")  # fmt: skip

    def rows(self, account: BrokerAccount, age: datetime | None) -> list[dict[str, Any]]:
        rows = PositionRow.objects.filter(account=account, is_day=False)
        return [told(row.raw, account, age) for row in rows]
