"""Limits of one account or of one person; what is empty sets no limit."""

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.brokerage import BrokerAccount

LIMITS = (
    "order_value", "order_quantity", "distance", "instrument_quantity", "underlying_quantity",
    "exposure", "orders_a_minute", "turnover", "loss", "open_orders", "repeats",
)  # fmt: skip


def amount(name: str, told: str, **more: Any) -> Any:
    return models.DecimalField(
        name, null=True, blank=True, help_text=told, validators=[MinValueValidator(0)], **more
    )


def count(name: str, told: str) -> Any:
    return models.PositiveBigIntegerField(name, null=True, blank=True, help_text=told)


class RiskLimits(models.Model):
    """What one account, or one person in every account, may do at most. The tighter one holds."""

    account = models.OneToOneField(
        BrokerAccount, models.PROTECT, null=True, blank=True, related_name="limits"
    )
    user = models.OneToOneField(
        "accounts.User", models.PROTECT, null=True, blank=True, related_name="limits"
    )
    order_value = amount("order value", "₹ in one order")
    order_quantity = count("order quantity", "units in one order")
    distance = amount("distance", "% between a limit price and the last price")
    instrument_quantity = count("net position", "units of one instrument, long or short")
    underlying_quantity = count(
        "net position of an underlying", "units of a share or index with all its contracts"
    )
    exposure = amount("gross exposure", "₹ of all open positions and working orders")
    orders_a_minute = count("orders a minute", "new orders in any 60 seconds")
    turnover = amount("day's turnover", "₹ bought and sold in a day")
    loss = amount("day's loss", "₹; when it is reached, entries stop until somebody releases them")
    open_orders = count("open orders", "orders that work at the same time")
    repeats = count("repeats", "orders of one side in one instrument in any 60 seconds")
    refuses_self_cross: Any = models.BooleanField(
        "refuse self-crosses",
        null=True,
        blank=True,
        help_text="An order that one's own working order would fill. Unknown means yes.",
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "risk limits"
        constraints = [
            models.CheckConstraint(
                condition=Q(account__isnull=False, user=None) | Q(account=None, user__isnull=False),
                name="limits_of_one_account_or_one_person",
            )
        ]

    def __str__(self) -> str:
        return f"limits of {self.account or self.user}"
