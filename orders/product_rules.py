"""Instruments that can be traded intraday only, or for delivery only: the operator's list and the brokers'.

Brokers change theirs every day and say so by refusing. A refusal is remembered until that day ends, so that
the next trader reads it in the ticket; on the next day the broker is asked again.
"""

import re
from datetime import date, datetime

from django.db import models
from django.db.models import Q

from accounts.brokerage import BrokerAccount
from accounts.brokers.words import Product
from orders.instruments.models import Instrument, find, master_of
from orders.tickets.facts import CASH, Only, Restriction
from tradedesk.database import answers
from tradedesk.times import in_ist

LONGEST_WHY = 300

# Kite's words. "MIS (intraday) are blocked as the markets are not open" and "... after the
# square-off time" are about the hour and not about the instrument, so they are not among them.
WRONG_PRODUCT = re.compile(
    r"Trading in (\w+) is not allowed using (\w+) product type", re.IGNORECASE
)
MIS_BLOCKED = re.compile(r"MIS \(intraday\) is blocked for this", re.IGNORECASE)


class Source(models.TextChoices):
    """Who says so."""

    OPERATOR = "operator", "Operator"
    BROKER = "broker", "Broker"


class ProductRule(models.Model):
    """One instrument on one list. It ends by its last day and is never deleted."""

    master = models.CharField(
        "at", max_length=32, blank=True,
        help_text="Whose list: kite-live, kite-paper. Empty: at every broker.",
    )  # fmt: skip
    exchange = models.CharField(max_length=12)
    symbol = models.CharField(max_length=64)
    kind = models.CharField(
        "only",
        max_length=8,
        choices=[(Only.INTRADAY.value, "Intraday only"), (Only.DELIVERY.value, "Delivery only")],
    )
    why = models.CharField(max_length=LONGEST_WHY, blank=True, help_text="Traders read it.")
    source = models.CharField(max_length=8, choices=Source, default=Source.OPERATOR)
    until = models.DateField(
        "last day", null=True, blank=True, help_text="Empty: until somebody ends it."
    )
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["exchange", "symbol", "kind"]
        constraints = [
            # The broker's word stands beside the operator's and never over it.
            models.UniqueConstraint(
                fields=["exchange", "symbol", "kind", "source", "master"],
                name="one_product_rule_of_a_kind",
                violation_error_message="It is on the list already: change its last day there.",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[one.value for one in Only]), name="a_known_product_rule"
            ),
            models.CheckConstraint(
                condition=Q(source__in=Source.values), name="a_known_product_rule_source"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol} {self.kind} only"


def restrictions_of(
    master: str, exchange: str, symbol: str, *, on: date
) -> tuple[Restriction, ...]:
    """Tell what stands against an instrument on a day, the operator's word first."""
    question = (
        "SELECT kind, why FROM orders_productrule "
        "WHERE exchange = %s AND symbol = %s AND master IN ('', %s) "
        "AND (until IS NULL OR until >= %s) ORDER BY source <> %s, kind"
    )
    found = answers(question, [exchange, symbol, master, on, Source.OPERATOR.value])
    return tuple(Restriction(only=Only(kind), why=why) for kind, why in found)


def learn(refusal: str, instrument: Instrument, *, at: datetime) -> ProductRule | None:
    """Remember for the day what a refusal tells of an instrument; most tell nothing of the kind."""
    kind = told_by(refusal, instrument.exchange)
    if kind is None:
        return None
    said = " ".join(refusal.replace("\x00", "").split())
    rule, _ = ProductRule.objects.update_or_create(
        master=instrument.master,
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        kind=kind.value,
        source=Source.BROKER,
        defaults={
            "why": f"the broker said: {said}"[:LONGEST_WHY],
            "until": in_ist(at).date(),
            "made_at": at,
        },
    )
    return rule


def learn_from(
    account: BrokerAccount, exchange: str, symbol: str, refusal: str, *, at: datetime
) -> ProductRule | None:
    """Learn from the refusal of an order of this account."""
    instrument = find(master_of(account.broker, account.environment), exchange, symbol)
    return learn(refusal, instrument, at=at) if instrument else None


def told_by(refusal: str, exchange: str) -> Only | None:
    """Tell on which list a refusal puts the instrument."""
    if MIS_BLOCKED.search(refusal):
        return Only.DELIVERY
    found = WRONG_PRODUCT.search(refusal)
    if found is None or found[1].upper() != exchange:
        return None
    if found[2].upper() == Product.MIS:
        return Only.DELIVERY
    # NRML refused for a share, or CNC for a future, is true of all of them: that is the segment.
    to_keep = Product.CNC if exchange in CASH else Product.NRML
    return Only.INTRADAY if found[2].upper() == to_keep else None
