"""How many calls each class of route may take."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60_000
DAY: Final = 86_400_000
IST_OFFSET: Final = 19_800_000

# Per class, the calls allowed in one calendar second of the exchange's clock.
PER_SECOND: Final = {"quote": 1, "historical": 3, "order": 10, "other": 10}
ORDERS_PER_MINUTE: Final = 400
ORDERS_PER_DAY: Final = 5_000

TOO_MANY: Final = "Too many requests"
TOO_MANY_ORDERS: Final = "Maximum allowed order requests exceeded."


@dataclass(slots=True)
class Window:
    """Calls counted in one calendar period, started afresh with the next."""

    period: int = -1
    calls: int = 0

    def takes(self, period: int, allowed: int) -> bool:
        if period != self.period:
            self.period, self.calls = period, 0
        self.calls += 1
        return self.calls <= allowed


@dataclass(slots=True)
class OrderBudget:
    """The orders of one account over the last minute and the trading day."""

    recent: deque[int] = field(default_factory=deque)
    day: Window = field(default_factory=Window)

    def takes(self, at: int) -> bool:
        while self.recent and self.recent[0] <= at - MINUTE:
            self.recent.popleft()
        if len(self.recent) >= ORDERS_PER_MINUTE:
            return False
        if not self.day.takes((at + IST_OFFSET) // DAY, ORDERS_PER_DAY):
            return False
        self.recent.append(at)
        return True


@dataclass(slots=True)
class Limits:
    """Counters of every key; refused calls count as well, as they do at the broker."""

    now: Callable[[], int]
    enabled: bool = True
    seconds: dict[tuple[str, str], Window] = field(default_factory=dict)
    orders: dict[str, OrderBudget] = field(default_factory=dict)

    def refusal(self, kind: str, *, api_key: str, user: str, places: bool) -> str | None:
        """Why this call is one too many, or None."""
        if not self.enabled:
            return None
        at = self.now()
        # Order limits belong to the account, data limits to the app.
        owner = user if kind == "order" else api_key
        window = self.seconds.setdefault((kind, owner), Window())
        if not window.takes(at // SECOND, PER_SECOND[kind]):
            return TOO_MANY
        if places and not self.orders.setdefault(user, OrderBudget()).takes(at):
            return TOO_MANY_ORDERS
        return None

    def clear(self) -> None:
        self.seconds.clear()
        self.orders.clear()
