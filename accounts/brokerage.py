"""Broker accounts: what is linked, who may do what with it, and whether it is logged in."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.vault import SealedTextField

EXPIRING = timedelta(minutes=30)
COLOURS = 8
CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,14}[a-z0-9])?")


class State(models.TextChoices):
    """What one sees of an account at a glance."""

    LIVE = "LIVE", "Live"
    EXPIRING = "EXPIRING", "Ends soon"
    NEEDS_LOGIN = "NEEDS_LOGIN", "Login needed"
    BLOCKED = "BLOCKED", "Blocked by the broker"
    PAUSED = "PAUSED", "Trading paused"


class Mode(models.TextChoices):
    """Who logs the account in."""

    MANUAL = "manual", "A person, every day"
    AUTO = "auto", "The desk, after the broker's flush"


class Role(models.TextChoices):
    """What a member may do; each role includes those below it."""

    OWNER = "owner", "Owner"
    TRADER = "trader", "Trader"
    VIEWER = "viewer", "Viewer"


RANK = {Role.VIEWER: 1, Role.TRADER: 2, Role.OWNER: 3}


def check_code(value: str) -> None:
    if not CODE.fullmatch(value):
        raise ValidationError(
            "Use small letters, digits and hyphens, at most 16, such as anita or rao-huf."
        )


class BrokerAccountQuerySet(models.QuerySet["BrokerAccount"]):
    """Which accounts; in order of creation unless said otherwise."""

    def linked(self) -> "BrokerAccountQuerySet":
        """Leave out those that were unlinked; their records stay."""
        return self.filter(unlinked_at=None)

    def seen_by(self, user: Any) -> "BrokerAccountQuerySet":
        """Keep those that this person is a member of."""
        return self.linked().filter(memberships__user=user).distinct()

    def logged_in(self, at: datetime | None = None) -> "BrokerAccountQuerySet":
        """Keep those whose session stands as far as we know."""
        moment = at or timezone.now()
        return self.linked().filter(session__ended_at=None, session__expires_at__gt=moment)


class BrokerAccount(models.Model):
    """One account at one broker. It is unlinked, never deleted: its trades stay."""

    code = models.CharField(max_length=16, unique=True, validators=[check_code])
    name = models.CharField(max_length=60)
    tag = models.CharField(max_length=2)
    colour = models.PositiveSmallIntegerField(default=1)
    broker = models.CharField(max_length=20)
    environment = models.CharField(max_length=10)
    broker_user_id = models.CharField("client id", max_length=40, blank=True)
    mode = models.CharField(max_length=6, choices=Mode, default=Mode.MANUAL)
    opened_here = models.BooleanField(default=False)  # its exchange logs it in at one click
    relation = models.CharField(max_length=60, blank=True)
    authority = models.CharField("authority held", max_length=120, blank=True)
    authority_on = models.DateField("held since", null=True, blank=True)
    profile = models.JSONField(null=True, blank=True)
    profile_at = models.DateTimeField(null=True, blank=True)
    blocked_why = models.CharField(max_length=300, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    paused_why = models.CharField(max_length=200, blank=True)
    clock_skew = models.FloatField(null=True, blank=True)  # seconds the broker's clock is ahead
    prompted_on = models.DateField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    unlinked_at = models.DateTimeField(null=True, blank=True)

    objects = BrokerAccountQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["broker", "environment", "broker_user_id"],
                condition=Q(unlinked_at=None) & ~Q(broker_user_id=""),
                name="one_link_for_one_account_at_a_broker",
            ),
            models.CheckConstraint(
                condition=Q(colour__gte=1, colour__lte=COLOURS), name="a_colour_of_the_palette"
            ),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="a_known_login_mode"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_paper(self) -> bool:
        return self.environment == "paper"

    @property
    def money_mark(self) -> str:
        """The word that stands wherever its money is not real: PAPER, or SANDBOX."""
        return "" if self.environment == "live" else self.environment.upper()

    @property
    def label(self) -> str:
        """What stands below the name: whose it is, and that it is no real money."""
        return f"{self.money_mark} {self.broker_user_id}".strip()

    def state(self, at: datetime) -> State:
        """Tell the state at this moment; the most urgent reason wins."""
        session = getattr(self, "session", None)
        if session is None or not session.stands(at):
            return State.NEEDS_LOGIN
        if self.blocked_why:
            return State.BLOCKED
        if self.paused_at:
            return State.PAUSED
        return State.EXPIRING if session.expires_at - at <= EXPIRING else State.LIVE


class Credentials(models.Model):
    """What logs an account in. A row of its own, so that no list of accounts carries secrets."""

    account = models.OneToOneField(BrokerAccount, models.CASCADE, related_name="credentials")
    api_key = models.CharField(max_length=80, blank=True)
    api_secret: Any = SealedTextField(null=True)
    password: Any = SealedTextField(null=True)
    totp_seed: Any = SealedTextField(null=True)
    pin: Any = SealedTextField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"credentials of {self.account_id}"


class LoginSession(models.Model):
    """The account's session at its broker. Each new log-in is a new generation."""

    account = models.OneToOneField(BrokerAccount, models.CASCADE, related_name="session")
    access_token: Any = SealedTextField(null=True)
    refresh_token: Any = SealedTextField(null=True)
    feed_token: Any = SealedTextField(null=True)
    generation = models.PositiveIntegerField(default=0)
    logged_in_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(default=timezone.now)
    is_provisional = models.BooleanField(default=False)  # made before the flush, which may end it
    verified_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)  # when somebody took it on to ask the broker
    leased_until = models.DateTimeField(null=True)  # while one worker logs in, the others wait
    end_announced = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"session {self.generation} of {self.account_id}"

    def stands(self, at: datetime) -> bool:
        """Tell whether it lets us in as far as we know."""
        return self.access_token is not None and self.ended_at is None and self.expires_at > at


class Membership(models.Model):
    """What one person may do with one account."""

    account = models.ForeignKey(BrokerAccount, models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["made_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="one_role_for_one_person"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="a_known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.account}"


class AutomaticLogin(models.Model):
    """The owner's leave to log in without a person, and what became of it. No row: not allowed."""

    account = models.OneToOneField(BrokerAccount, models.CASCADE, related_name="automatic")
    allowed_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    allowed_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True)
    tries_on = models.DateField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)  # on that day
    code_step = models.BigIntegerField(null=True)  # the half minute whose code was used
    stopped_why = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"automatic log-in of {self.account_id}"


class UsedHandOff(models.Model):
    """A trip to a broker's log-in page that came back; it cannot come back again."""

    nonce = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(BrokerAccount, models.CASCADE, related_name="+")
    used_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"log-in of {self.account_id} at {self.used_at}"


class AccountInvitationQuerySet(models.QuerySet["AccountInvitation"]):
    """Links that make members."""

    def standing(self) -> "AccountInvitationQuerySet":
        """Keep those that still open a door: unused, in time, by somebody who is an owner today."""
        return self.filter(
            used_at=None,
            expires_at__gt=timezone.now(),
            account__unlinked_at=None,
            account__memberships__user=F("made_by"),
            account__memberships__role=Role.OWNER,
            made_by__is_active=True,
        )


class AccountInvitation(models.Model):
    """A link that makes whoever opens it, logged in, a member of an account, once."""

    token_hash = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(BrokerAccount, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=6, choices=Role)
    made_by = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = AccountInvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.email} as {self.role} of {self.account_id}"
