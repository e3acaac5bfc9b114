"""Orders, their steps, trades and triggers, as the broker told them. Nothing of it is ever deleted."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderStatus, Variety
from tradedesk.times import IST, in_ist

AMO_WAITS = timedelta(days=5)  # over the longest row of holidays


def trading_day(at: datetime | None) -> date:
    """Tell the Indian day that something belongs to."""
    return in_ist(at or timezone.now()).date()


def today(at: datetime) -> dict[str, Any]:
    """Give what tells whether an order belongs to the trading day of this moment."""
    day = trading_day(at)
    return {
        "day": day,
        "begins": datetime.combine(day, time.min, IST),
        "amo_since": day - AMO_WAITS,
    }


# The same as `of_today` and `working`, for questions that are spelled in SQL.
WORKS = f"status NOT IN ({', '.join(f"'{one}'" for one in OrderStatus if one.is_final)})"
OF_TODAY = (
    "(day = %(day)s OR updated_at >= %(begins)s "
    f"OR (variety = '{Variety.AMO}' AND day >= %(amo_since)s AND {WORKS}))"
)


class OrderQuerySet(models.QuerySet["Order"]):
    """Which orders."""

    def of_day(self, day: date) -> "OrderQuerySet":
        return self.filter(day=day)

    def of_today(self, at: datetime) -> "OrderQuerySet":
        """Keep what belongs to this trading day, also what was entered before it and lives in it."""
        bounds = today(at)
        waits = self.still_working() & Q(variety=Variety.AMO, day__gte=bounds["amo_since"])
        return self.filter(Q(day=bounds["day"]) | Q(updated_at__gte=bounds["begins"]) | waits)

    @staticmethod
    def still_working() -> Q:
        return ~Q(status__in=[one for one in OrderStatus if one.is_final])

    def working(self) -> "OrderQuerySet":
        """Keep those that can still be filled or cancelled."""
        return self.filter(self.still_working())

    def executed(self) -> "OrderQuerySet":
        return self.filter(filled_quantity__gt=0)


class Order(models.Model):
    """One order at a broker: the newest that was heard of it."""

    account = models.ForeignKey(BrokerAccount, models.PROTECT, related_name="orders")
    order_id = models.CharField(max_length=40)
    day = models.DateField(default=trading_day)
    status = models.CharField(max_length=20)
    status_text = models.CharField(max_length=60)  # the broker's own word
    message = models.TextField(blank=True)
    raw_message = models.TextField(blank=True)
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    instrument_token = models.BigIntegerField(null=True)
    side = models.CharField(max_length=4)
    order_type = models.CharField(max_length=10)
    product = models.CharField(max_length=10)
    variety = models.CharField(max_length=12)
    validity = models.CharField(max_length=6)
    validity_minutes = models.PositiveIntegerField(null=True)
    quantity = models.BigIntegerField()
    filled_quantity = models.BigIntegerField(default=0)
    cancelled_quantity = models.BigIntegerField(default=0)
    disclosed_quantity = models.BigIntegerField(default=0)
    held_back_quantity = models.BigIntegerField(default=0)
    price = models.DecimalField(default=0)
    trigger_price = models.DecimalField(default=0)
    average_price = models.DecimalField(default=0)
    market_protection = models.DecimalField(default=0)
    exchange_order_id = models.CharField(max_length=40, null=True)  # noqa: DJ001 - as the broker says
    parent_order_id = models.CharField(max_length=40, null=True)  # noqa: DJ001
    placed_by = models.CharField(max_length=40, blank=True)
    tag = models.CharField(max_length=40, null=True)  # noqa: DJ001
    tags = models.JSONField(default=list)
    is_modified = models.BooleanField(default=False)
    ordered_at = models.DateTimeField(null=True)
    exchange_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)
    raw = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    content = models.CharField(max_length=64, blank=True)  # of the telling that was kept last
    strategy = models.CharField(max_length=20, blank=True)  # its code, by the tag
    synced_at = models.DateTimeField()
    first_seen_at = models.DateTimeField(default=timezone.now)

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "order_id"], name="one_order_of_one_id")
        ]
        indexes = [models.Index(fields=["account", "day", "-ordered_at"], name="orders_of_a_day")]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.side} {self.quantity} {self.symbol} {self.status}"

    @property
    def pending_quantity(self) -> int:
        return 0 if OrderStatus(self.status).is_final else self.quantity - self.filled_quantity

    @property
    def coming_quantity(self) -> int:
        """Tell what can still be filled by it and by the legs that follow it."""
        return self.pending_quantity + self.held_back_quantity if self.is_working else 0

    @property
    def is_working(self) -> bool:
        return not OrderStatus(self.status).is_final


class OrderStep(models.Model):
    """One thing that was heard of an order, once, whoever told it and in whatever order."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="steps")
    fingerprint = models.CharField(max_length=64)
    status = models.CharField(max_length=20)
    status_text = models.CharField(max_length=60)
    message = models.TextField(blank=True)
    quantity = models.BigIntegerField()
    filled_quantity = models.BigIntegerField()
    price = models.DecimalField(default=0)
    trigger_price = models.DecimalField(default=0)
    average_price = models.DecimalField(default=0)
    at = models.DateTimeField(null=True)  # by the broker's clock
    heard_at = models.DateTimeField(default=timezone.now)
    heard_from = models.CharField(max_length=12)

    class Meta:
        ordering = ["heard_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["order", "fingerprint"], name="one_step_once")
        ]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.status_text}"


class Trade(models.Model):
    """One execution, kept for ever: brokers forget the day."""

    account = models.ForeignKey(BrokerAccount, models.PROTECT, related_name="trades")
    exchange = models.CharField(max_length=10)
    trade_id = models.CharField(max_length=40)
    day = models.DateField()
    order_id = models.CharField(max_length=40)
    symbol = models.CharField(max_length=60)
    instrument_token = models.BigIntegerField(null=True)
    side = models.CharField(max_length=4)
    product = models.CharField(max_length=10)
    quantity = models.BigIntegerField()
    price = models.DecimalField()
    filled_at = models.DateTimeField(null=True)
    exchange_at = models.DateTimeField(null=True)
    exchange_order_id = models.CharField(max_length=40, null=True)  # noqa: DJ001
    raw = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    content = models.CharField(max_length=64, blank=True)
    synced_at = models.DateTimeField()

    class Meta:
        ordering = ["filled_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "exchange", "trade_id", "day"], name="one_trade_once"
            )
        ]
        indexes = [models.Index(fields=["account", "day"], name="trades_of_a_day")]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.symbol} at {self.price}"


class GttTrigger(models.Model):
    """A trigger at the broker. It stays here when the broker no longer lists it."""

    account = models.ForeignKey(BrokerAccount, models.PROTECT, related_name="gtts")
    gtt_id = models.CharField(max_length=40)
    kind = models.CharField(max_length=12)
    status = models.CharField(max_length=20)
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    triggers: Any = models.JSONField(default=list)  # as strings: no float comes near a price
    last_price = models.DecimalField(default=0)
    legs: Any = models.JSONField(default=list)
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    is_listed = models.BooleanField(default=True)
    raw = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    content = models.CharField(max_length=64, blank=True)
    synced_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "gtt_id"], name="one_trigger_of_one_id")
        ]

    def __str__(self) -> str:
        return f"{self.gtt_id}: {self.kind} {self.symbol} {self.status}"
