"""The tables of the engine. A task's row is what stands; its events are how it came so, for ever."""

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.brokerage import BrokerAccount
from orders.engine.core import MOST_ATTEMPTS, Phase, Reason, State, is_dead_letter
from tradedesk.database import Rows


class Kind(models.TextChoices):
    """What a task does at the broker."""

    PLACE = "place", "Place"
    MODIFY = "modify", "Modify"
    CANCEL = "cancel", "Cancel"
    CONVERT = "convert", "Convert"
    PLACE_GTT = "gtt_place", "Place trigger"
    MODIFY_GTT = "gtt_modify", "Modify trigger"
    DELETE_GTT = "gtt_delete", "Delete trigger"


TRIGGERS = frozenset({Kind.PLACE_GTT, Kind.MODIFY_GTT, Kind.DELETE_GTT})


class Source(models.TextChoices):
    """Who asked for it."""

    PAGE = "page", "The desk's page"
    COMMAND = "command", "A command"
    OPERATOR = "operator", "An operator"


class OrderTaskQuerySet(models.QuerySet["OrderTask"]):
    """Which tasks."""

    def working(self) -> "OrderTaskQuerySet":
        """Keep those that the engine still has to bring to an end."""
        return self.filter(state__in=[State.PENDING, State.RUNNING, State.UNKNOWN])

    def on_their_way(self) -> "OrderTaskQuerySet":
        """Keep those that will leave or are leaving; what is unclear may never have arrived."""
        return self.filter(state__in=[State.PENDING, State.RUNNING])

    def dead_letters(self) -> "OrderTaskQuerySet":
        """Keep those that a person has to decide."""
        not_sent = Q(state=State.FAILED, reason=Reason.NOT_SENT)
        return self.filter(Q(state=State.DEAD_LETTER) | not_sent)


class OrderTask(models.Model):
    """One thing to do at a broker, stored before anything is sent. It is the queue and the record."""

    account = models.ForeignKey(BrokerAccount, models.PROTECT, related_name="tasks")
    user = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    who = models.CharField(max_length=254)  # whom the record names, also when the person has gone
    kind = models.CharField(max_length=12, choices=Kind)
    source = models.CharField(max_length=10, choices=Source)
    key = models.CharField(max_length=64)
    request = models.UUIDField()  # tasks of one request count as one where demand is measured
    sequence = models.BigIntegerField()
    fingerprint = models.CharField(max_length=64)
    window: Any = DateTimeRangeField(null=True)  # in which the same content is a question
    params = models.JSONField()
    exchange = models.CharField(max_length=10)
    symbol = models.CharField(max_length=60)
    strategy = models.CharField(max_length=3, blank=True)
    target = models.CharField(max_length=40, blank=True)  # the order to change
    is_exit = models.BooleanField(default=False)  # passes before entries, and where they are held
    confirms = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")

    state = models.CharField(
        max_length=12, choices=[(one, one) for one in State], default=State.PENDING
    )
    phase = models.CharField(max_length=8, blank=True, default=Phase.NONE)
    reason = models.CharField(max_length=12, blank=True, default=Reason.NONE)
    message = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1)
    attempts = models.PositiveSmallIntegerField(default=0)
    most_attempts = models.PositiveSmallIntegerField(default=MOST_ATTEMPTS)
    crashes = models.PositiveSmallIntegerField(default=0)
    readings = models.PositiveSmallIntegerField(default=0)
    read_at = models.DateTimeField(null=True)
    try_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    holder = models.CharField(max_length=60, blank=True, db_default="")  # who took it last
    sent_at = models.DateTimeField(null=True)
    tag = models.CharField(max_length=20, blank=True)
    order_id = models.CharField(max_length=40, blank=True)
    order_ids: Any = models.JSONField(default=list)
    # Checks that were left out when it was last looked at, and why, in the trader's words.
    skipped: Any = models.JSONField(default=list, db_default=[])
    # What it waits for, for people; no event, since nothing of the task changes.
    waits_for = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()

    objects = OrderTaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="one_task_for_one_key"),
            ExclusionConstraint(
                name="same_content_is_a_question",
                expressions=[("account", "="), ("fingerprint", "="), ("window", "&&")],
            ),
            models.CheckConstraint(condition=Q(state__in=list(State)), name="a_known_task_state"),
            models.CheckConstraint(condition=Q(phase__in=list(Phase)), name="a_known_task_phase"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="a_known_task_kind"),
        ]
        indexes = [
            models.Index(
                fields=["account", "-is_exit", "sequence"],
                condition=Q(state="PENDING"),
                name="tasks_in_the_queue",
            ),
            models.Index(
                fields=["account", "state"],
                condition=Q(state__in=["RUNNING", "UNKNOWN", "DEAD_LETTER"]),
                name="tasks_to_look_after",
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(state="DEAD_LETTER") | Q(state="FAILED", reason="not sent"),
                name="tasks_to_decide",
            ),
            models.Index(fields=["account", "-created_at"], name="tasks_of_an_account"),
            models.Index(fields=["order_id"], condition=~Q(order_id=""), name="task_of_an_order"),
            models.Index(
                fields=["account", "sent_at"],
                condition=Q(reason__in=["refused", "duplicate", "late"]),
                name="tasks_that_went_wrong",
            ),
            models.Index(
                fields=["account", "-sent_at"],
                condition=Q(sent_at__isnull=False),
                name="tasks_that_were_sent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.kind} {self.exchange}:{self.symbol} {self.state}"

    @property
    def code(self) -> str:
        """What people call it."""
        return f"T{self.pk}"

    @property
    def is_over(self) -> bool:
        return State(self.state).is_final

    @property
    def is_dead_letter(self) -> bool:
        return is_dead_letter(self)


TASKS = Rows(OrderTask)  # for questions that are spelled in SQL


class OrderAttempt(models.Model):
    """One sending of a task, stored before the first byte. Its tag stands on the order at the broker."""

    task = models.ForeignKey(OrderTask, models.PROTECT, related_name="tries")
    number = models.PositiveSmallIntegerField()
    tag = models.CharField(max_length=20, unique=True)
    began_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    error_type = models.CharField(max_length=60, blank=True)
    message = models.CharField(max_length=500, blank=True)
    elapsed_ms = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="one_attempt_of_one_number")
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of T{self.task_id}: {self.outcome or 'no answer yet'}"


class TaskEvent(models.Model):
    """One step of a task. The table is cut by month in the migration; nothing points at it."""

    task_id = models.BigIntegerField()
    account_id = models.BigIntegerField()
    version = models.PositiveIntegerField()
    at = models.DateTimeField()
    what = models.CharField(max_length=20)
    who = models.CharField(max_length=254)
    changes = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["task_id", "version"]
        indexes = [models.Index(fields=["task_id", "version"], name="events_of_a_task")]

    def __str__(self) -> str:
        return f"T{self.task_id} {self.version}: {self.what}"


class Lane(models.Model):
    """What an account's tasks share: their numbers, and which process looks after them."""

    account = models.OneToOneField(BrokerAccount, models.CASCADE, related_name="lane")
    sequence = models.BigIntegerField(default=0)
    runner = models.CharField(max_length=60, blank=True)
    runner_until = models.DateTimeField(null=True)
    # How much is asked for of this account; `orders.risk.demand` reads and writes it.
    busy_since = models.DateTimeField(null=True)
    held_since = models.DateTimeField(null=True)  # new orders wait since then
    calm_at = models.DateTimeField(null=True)  # when demand fell, or will fall, below the warning
    peak = models.PositiveIntegerField(db_default=0)  # requests in one second, since it is busy

    def __str__(self) -> str:
        return f"lane of {self.account_id}"


class StopLevel(models.TextChoices):
    """How much is stopped."""

    L1 = "L1", "Entries of one account"
    L2 = "L2", "Entries of all accounts"
    L3 = "L3", "Everything: nothing leaves the house"


class KillSwitch(models.Model):
    """One pressing of the kill switch. It is released by a person; the record stays."""

    level = models.CharField(max_length=2, choices=StopLevel)
    account = models.ForeignKey(BrokerAccount, models.PROTECT, null=True, related_name="stops")
    why = models.CharField(max_length=200)
    who = models.CharField(max_length=254)
    at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)
    cause = models.CharField(max_length=60, blank=True)  # what pressed it by itself
    recorded_at = models.DateTimeField(null=True)  # when it came into the audit record
    released_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(level="L1", account__isnull=False)
                | Q(level__in=["L2", "L3"], account=None),
                name="one_account_or_all",
            ),
            models.UniqueConstraint(
                fields=["account", "cause"],
                condition=Q(released_at=None) & ~Q(cause=""),
                name="one_stop_for_one_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level}: {self.why}"
