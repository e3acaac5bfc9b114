"""The circuit breaker of each account: five failures of the line in a row stop new entries."""

from datetime import datetime, timedelta

from django.db import models, transaction
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from tradedesk.database import answers

FAILURES = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)


class Breaker(models.Model):
    """Whether the line to one account is trusted. Refusals by the broker are signs of life."""

    account = models.OneToOneField(BrokerAccount, models.CASCADE, related_name="breaker")
    failures = models.PositiveSmallIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)  # when one read may try the line again
    pause = models.DurationField(default=FIRST_PAUSE)
    last_failure = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"breaker of {self.account_id}: {'open' if self.opened_at else 'closed'}"

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None


def allows_entry(account: BrokerAccount) -> bool:
    """Tell whether a new entry may leave; cancels and reads never ask."""
    return not Breaker.objects.filter(account=account, opened_at__isnull=False).exists()


@transaction.atomic
def record_failure(account: BrokerAccount, why: str, *, at: datetime | None = None) -> Breaker:
    """Count a failure of the line; the fifth in a row opens, a failed probe waits twice as long."""
    now = at or timezone.now()
    breaker = locked(account)
    breaker.failures = min(breaker.failures + 1, 1000)
    breaker.last_failure = why[:200]
    if breaker.is_open:
        breaker.pause = min(breaker.pause * 2, LONGEST_PAUSE)
        breaker.probe_at = now + breaker.pause
    elif breaker.failures >= FAILURES:
        breaker.opened_at = now
        breaker.pause = FIRST_PAUSE
        breaker.probe_at = now + FIRST_PAUSE
    breaker.save()
    return breaker


def record_life(account: BrokerAccount) -> None:
    """Count an answer of any kind: the row of failures is broken, an open breaker closes."""
    if not answers(
        "SELECT FROM accounts_breaker WHERE account_id = %s AND failures > 0", [account.pk]
    ):
        return
    with transaction.atomic():
        breaker = locked(account)
        breaker.failures, breaker.opened_at, breaker.probe_at = 0, None, None
        breaker.pause = FIRST_PAUSE
        breaker.save()


def take_probe(account: BrokerAccount, *, at: datetime | None = None) -> bool:
    """Claim the one read that may try the line now; everyone else waits."""
    now = at or timezone.now()
    due = Breaker.objects.filter(account=account, opened_at__isnull=False, probe_at__lte=now)
    # Whoever dies while probing blocks the others only for a while.
    return bool(due.update(probe_at=now + FIRST_PAUSE))


def locked(account: BrokerAccount) -> Breaker:
    Breaker.objects.get_or_create(account=account)
    return Breaker.objects.select_for_update().get(account=account)
