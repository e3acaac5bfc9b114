"""What a page that closes or changes a position stands on: read just now, or with its age."""

from datetime import datetime, timedelta

from django.conf import settings

from accounts.brokerage import BrokerAccount
from accounts.models import User
from orders.datasets import Dataset, Part, watch
from orders.panels import ask, scope_of, wait_for_news
from tradedesk.times import clock

WAITS_FOR = 1.5  # seconds: whoever wants out shall not wait for a broker that does not answer


def look(user: User, account: BrokerAccount) -> str:
    """Have what is open read unless that was just done; say so where no news came of it."""
    scope = scope_of(user, account.code)
    watch([account.pk], [Part.POSITIONS, Part.ORDERS], scope.at)
    [seat] = scope.seats
    known = seat.datasets.get(Part.POSITIONS)
    if known and is_young(known, scope.at):
        return ""
    if seat.is_shown:
        ask(scope, [Part.ORDERS])  # what closes it already
        if wait_for_news(scope, [Part.POSITIONS], WAITS_FOR):
            return ""
    if known and known.synced_at:
        return f"The position is as it was read at {clock(known.synced_at)}."
    return "The positions of this account were not read yet. Open this page again in a moment."


def is_young(known: Dataset, at: datetime) -> bool:
    """Tell whether it was read within its interval, and no order changed it since."""
    life = timedelta(seconds=settings.REFRESH_SECONDS[Part.POSITIONS])
    return bool(known.synced_at and known.asked_at and at - known.synced_at < life)
