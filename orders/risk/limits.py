"""Which limits hold for an order: those of its account, and those of the person who gives it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orders.risk.models import LIMITS
from orders.tickets.facts import Caps
from tradedesk.database import answers

NAMES = (*LIMITS, "refuses_self_cross")
QUESTION = (
    "SELECT CASE WHEN user_id IS NULL THEN 'account' ELSE 'user' END, "  # noqa: S608 - our own names
    f"{', '.join(NAMES)} FROM orders_risklimits WHERE account_id = %s OR user_id = %s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one row; None is no limit."""

    order_value: Decimal | None = None
    order_quantity: int | None = None
    distance: Decimal | None = None
    instrument_quantity: int | None = None
    underlying_quantity: int | None = None
    exposure: Decimal | None = None
    orders_a_minute: int | None = None
    turnover: Decimal | None = None
    loss: Decimal | None = None
    open_orders: int | None = None
    repeats: int | None = None
    refuses_self_cross: bool | None = None

    @property
    def counts_across_accounts(self) -> bool:
        """Tell whether a person is held to a number in all their accounts together."""
        return self.orders_a_minute is not None or self.repeats is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Both rows. What is counted by person needs them apart; for the rest the tighter one holds."""

    account: Limits = Limits()
    user: Limits = Limits()

    def tightest(self, name: str) -> Any:
        """Give the lower one of the two limits, or None if neither is set."""
        both = [getattr(self.account, name), getattr(self.user, name)]
        return min((one for one in both if one is not None), default=None)

    def needs(self, *names: str) -> bool:
        return any(self.tightest(name) is not None for name in names)

    @property
    def refuses_self_cross(self) -> bool:
        """On, unless somebody says no and nobody says yes."""
        said = {self.account.refuses_self_cross, self.user.refuses_self_cross}
        return True in said or False not in said

    @property
    def caps(self) -> Caps:
        """What of it a single ticket is judged by."""
        return Caps(
            quantity=self.tightest("order_quantity"),
            value=self.tightest("order_value"),
            distance=self.tightest("distance"),
        )


def limits_of(account_id: int, user_id: int | None = None) -> Standing:
    """Read what holds now for this person's orders in this account."""
    return Standing(
        **{
            whose: Limits(**dict(zip(NAMES, told, strict=True)))
            for whose, *told in answers(QUESTION, [account_id, user_id])
        }
    )
