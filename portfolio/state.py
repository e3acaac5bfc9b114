"""The latest state of positions, holdings and funds, replaced whole for one account at a time."""

from dataclasses import fields
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from accounts.brokerage import BrokerAccount
from accounts.brokers.types import Holding, Position, SegmentFunds


class ToldRow(models.Model):
    """A row that holds exactly what the boundary told; `told` gives it back in its words."""

    told_type: ClassVar[type[Any]]
    account = models.ForeignKey(BrokerAccount, models.CASCADE, related_name="%(class)ss")
    raw = models.JSONField(default=dict, encoder=DjangoJSONEncoder)  # money is text in it
    synced_at = models.DateTimeField()

    class Meta:
        abstract = True

    @classmethod
    def columns(cls, told: Any) -> dict[str, Any]:
        """Spell one told row as columns."""
        return {one.name: getattr(told, one.name) for one in fields(told)}

    def told(self) -> Any:
        """Give back what the broker told, in the boundary's words."""
        return self.told_type(
            **{one.name: getattr(self, one.name) for one in fields(self.told_type)}
        )


class PositionRow(ToldRow):
    """One position of an account; those of the day alone stand apart."""

    told_type = Position
    is_day = models.BooleanField(default=False)
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    instrument_token = models.BigIntegerField(null=True)
    product = models.CharField(max_length=10)
    quantity = models.BigIntegerField()
    overnight_quantity = models.BigIntegerField()
    multiplier = models.DecimalField()
    average_price = models.DecimalField()
    close_price = models.DecimalField()
    last_price = models.DecimalField()
    value = models.DecimalField()
    pnl = models.DecimalField()
    m2m = models.DecimalField()
    realised = models.DecimalField()
    unrealised = models.DecimalField()
    buy_quantity = models.BigIntegerField()
    buy_price = models.DecimalField()
    buy_value = models.DecimalField()
    sell_quantity = models.BigIntegerField()
    sell_price = models.DecimalField()
    sell_value = models.DecimalField()
    day_buy_quantity = models.BigIntegerField()
    day_buy_price = models.DecimalField()
    day_buy_value = models.DecimalField()
    day_sell_quantity = models.BigIntegerField()
    day_sell_price = models.DecimalField()
    day_sell_value = models.DecimalField()

    class Meta:
        ordering = ["symbol", "exchange", "product"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "is_day", "exchange", "symbol", "product"],
                name="one_position_of_one_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.symbol} {self.product}"


class HoldingRow(ToldRow):
    """Shares that are an account's own."""

    told_type = Holding
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    instrument_token = models.BigIntegerField(null=True)
    isin = models.CharField(max_length=20, blank=True)
    product = models.CharField(max_length=10, blank=True)
    quantity = models.BigIntegerField()
    t1_quantity = models.BigIntegerField()
    used_quantity = models.BigIntegerField()
    opening_quantity = models.BigIntegerField()
    realised_quantity = models.BigIntegerField()
    collateral_quantity = models.BigIntegerField()
    collateral_type = models.CharField(max_length=20, blank=True)
    authorised_quantity = models.BigIntegerField()
    authorised_at = models.DateTimeField(null=True)
    mtf_quantity = models.BigIntegerField()
    mtf_average_price = models.DecimalField()
    mtf_initial_margin = models.DecimalField()
    average_price = models.DecimalField()
    last_price = models.DecimalField()
    close_price = models.DecimalField()
    pnl = models.DecimalField()
    day_change = models.DecimalField()
    day_change_percent = models.DecimalField()
    has_discrepancy = models.BooleanField()

    class Meta:
        ordering = ["symbol", "exchange"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "exchange", "symbol", "isin", "product"],
                name="one_holding_of_one_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.symbol}"


class FundsRow(ToldRow):
    """The money of one segment of an account."""

    told_type = SegmentFunds
    segment = models.CharField(max_length=12)
    is_enabled = models.BooleanField()
    net = models.DecimalField()
    cash = models.DecimalField()
    opening_balance = models.DecimalField()
    live_balance = models.DecimalField()
    collateral = models.DecimalField()
    intraday_payin = models.DecimalField()
    adhoc_margin = models.DecimalField()
    used = models.DecimalField()
    span = models.DecimalField()
    exposure = models.DecimalField()
    option_premium = models.DecimalField()
    m2m_realised = models.DecimalField()
    m2m_unrealised = models.DecimalField()
    holding_sales = models.DecimalField()
    delivery = models.DecimalField()
    payout = models.DecimalField()
    turnover = models.DecimalField()
    liquid_collateral = models.DecimalField()
    stock_collateral = models.DecimalField()

    class Meta:
        ordering = ["-segment"]  # equity is what most people look at
        constraints = [
            models.UniqueConstraint(fields=["account", "segment"], name="one_purse_of_a_segment")
        ]

    def __str__(self) -> str:
        return f"{self.segment}: {self.net}"


class SyncRun(models.Model):
    """What one round over one account brought."""

    account = models.ForeignKey(BrokerAccount, models.CASCADE, related_name="sync_runs")
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    trades_synced = models.PositiveIntegerField(default=0)
    orders_synced = models.PositiveIntegerField(default=0)
    positions_synced = models.PositiveIntegerField(default=0)
    holdings_synced = models.PositiveIntegerField(default=0)
    success = models.BooleanField()
    error = models.TextField(blank=True)
    changes = models.JSONField(default=dict)  # rows that changed, by part

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["account", "-started_at"], name="runs_of_an_account")]

    def __str__(self) -> str:
        return f"{self.account} at {self.started_at}: {'good' if self.success else self.error}"
