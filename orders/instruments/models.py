"""Instruments as a broker lists them, and the record of how the list came."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Case, F, Func, Q, Value, When

from tradedesk.database import Rows


class Kind(models.TextChoices):
    """What an instrument is."""

    EQ = "EQ", "Share"
    INDEX = "INDEX", "Index"
    FUT = "FUT", "Future"
    CE = "CE", "Call"
    PE = "PE", "Put"


CASH = (Kind.EQ, Kind.INDEX)


class InstrumentQuerySet(models.QuerySet["Instrument"]):
    """Instruments of one master or of all."""

    def of(self, master: str) -> "InstrumentQuerySet":
        return self.filter(master=master)

    def active(self) -> "InstrumentQuerySet":
        """Keep what stands in the newest list."""
        return self.filter(is_active=True)


class Instrument(models.Model):
    """What can be traded, or an index that can be watched. Never deleted: trades refer to it."""

    master = models.CharField(max_length=32)
    exchange = models.CharField(max_length=12)
    symbol = models.CharField(max_length=64)
    segment = models.CharField(max_length=16)
    kind = models.CharField(max_length=8)
    name = models.CharField(max_length=120, blank=True)
    underlying = models.CharField(max_length=64)
    instrument_token = models.BigIntegerField()
    exchange_token = models.CharField(max_length=20, blank=True)
    expiry = models.DateField(null=True)
    strike: Any = models.DecimalField(max_digits=14, decimal_places=4, null=True)
    lot_size = models.PositiveIntegerField()
    tick_size: Any = models.DecimalField(max_digits=12, decimal_places=4)
    freeze_quantity = models.PositiveIntegerField(null=True)  # the largest order, where known
    has_contracts = models.BooleanField(default=False)  # futures or options are written on it
    # For the search: the symbol and the underlying without signs, and every word that finds it.
    compact = models.CharField(max_length=64)
    family = models.CharField(max_length=64)
    words = models.CharField(max_length=300)
    is_active = models.BooleanField(default=True)
    first_seen = models.DateField()
    last_seen = models.DateField(null=True)  # the last list it stood in; empty: it still does

    objects = InstrumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["master", "exchange", "symbol"], name="one_row_for_one_instrument"
            ),
            models.CheckConstraint(condition=Q(lot_size__gte=1), name="a_lot_is_one_or_more"),
        ]
        indexes = [
            # Tokens of expired contracts are used again, so they count among active rows alone.
            models.Index(
                fields=["master", "instrument_token"],
                condition=Q(is_active=True),
                name="instrument_by_token",
            ),
            models.Index(
                F("master"),
                OpClass(F("compact"), name="text_pattern_ops"),
                condition=Q(is_active=True, expiry=None),
                name="instrument_cash_by_symbol",
            ),
            models.Index(
                F("master"),
                OpClass(F("compact"), name="text_pattern_ops"),
                condition=Q(is_active=True, expiry__isnull=False),
                name="contract_by_symbol",
            ),
            models.Index(
                F("master"),
                OpClass(F("family"), name="text_pattern_ops"),
                Case(When(kind=Kind.FUT, then=Value(0)), default=Value(1)),
                F("expiry"),
                F("strike"),
                condition=Q(is_active=True, expiry__isnull=False),
                name="contract_by_family",
            ),
            models.Index(
                fields=["master", "strike", "expiry"],
                condition=Q(is_active=True, expiry__isnull=False),
                name="contract_by_strike",
            ),
            GinIndex(
                Func(
                    Func(F("words"), Value(" "), function="string_to_array"),
                    function="array_to_tsvector",
                ),
                condition=Q(is_active=True, expiry=None),
                name="instrument_cash_by_word",
            ),
            # For what was mistyped. Every underlying has futures, so options add no words. Few rows
            # change in a day, and those that waited for a vacuum would be read by every search.
            GinIndex(
                OpClass(F("words"), name="gin_trgm_ops"),
                fastupdate=False,
                condition=Q(Q(expiry=None) | Q(kind=Kind.FUT), is_active=True),
                name="instrument_by_nearly_a_word",
            ),
            # The same instrument at another broker.
            models.Index(
                fields=["exchange", "exchange_token"],
                condition=Q(is_active=True),
                name="instrument_by_exchange_token",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """EXCHANGE:SYMBOL, as quotes name it."""
        return f"{self.exchange}:{self.symbol}"

    @property
    def is_contract(self) -> bool:
        return self.expiry is not None


class Outcome(models.TextChoices):
    """What became of a list."""

    DONE = "done", "Done"
    REFUSED = "refused", "Refused: it cannot be the whole list"
    FAILED = "failed", "Failed"


class MasterImport(models.Model):
    """One attempt to bring a master up to date."""

    master = models.CharField(max_length=32)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=Outcome)
    rows = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0)
    seconds: Any = models.DecimalField(max_digits=8, decimal_places=3, default=Decimal(0))
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["master", "-at"], name="newest_import_of_a_master")]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values), name="a_known_import_outcome"
            )
        ]

    def __str__(self) -> str:
        return f"{self.master} at {self.at:%Y-%m-%d %H:%M}: {self.outcome}"

    @property
    def is_done(self) -> bool:
        return self.outcome == Outcome.DONE


def master_of(broker: str, environment: str) -> str:
    """Name the list that accounts of this broker and environment share."""
    return f"{broker}-{environment}"


ROWS = Rows(Instrument)


def find(master: str, exchange: str, symbol: str) -> Instrument | None:
    """Find an instrument by its key, also one that is not listed any more."""
    question = (
        f"SELECT {ROWS.columns('one')} FROM orders_instrument one "  # noqa: S608 - our own names
        "WHERE master = %s AND exchange = %s AND symbol = %s"
    )
    return next(iter(ROWS.of(question, [master, exchange, symbol])), None)


def find_by_token(master: str, token: int) -> Instrument | None:
    """Find a listed instrument by its token."""
    return Instrument.objects.of(master).active().filter(instrument_token=token).first()
