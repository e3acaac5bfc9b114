"""People, their sessions, their invitations, and the record of what happened."""

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts import breaker, brokerage  # noqa: F401 - their models live here too
from tradedesk import live


class UserManager(BaseUserManager["User"]):
    """Makes people; there is no sign-up that does."""

    def create_user(self, email: str, password: str | None = None, **facts: Any) -> "User":
        user = self.model(email=email, **facts)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **facts: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **facts)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class Theme(models.TextChoices):
    """What light a person reads the desk in."""

    SYSTEM = "system", "System"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Density(models.TextChoices):
    """How many rows fit on a person's screen."""

    DENSE = "dense", "Dense"
    COMPACT = "compact", "Compact"
    COMFORTABLE = "comfortable", "Roomy"


class User(AbstractBaseUser, PermissionsMixin):
    """A person who may log in, known by email address."""

    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=80, blank=True)
    is_active = models.BooleanField("may log in", default=True)
    is_staff = models.BooleanField("runs the desk", default=False)
    created_at = models.DateTimeField(default=timezone.now)
    theme = models.CharField(max_length=10, choices=Theme, default=Theme.SYSTEM)
    density = models.CharField(max_length=12, choices=Density, default=Density.COMPACT)

    # The browser in which somebody changes their own password goes on, with a new key. Had it to
    # end, its page would leave before the answer with that key arrives.
    session_to_keep = ""

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            # One person may not come twice, once in capitals.
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="the_email_is_in_small_letters"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        self.email = self.email.strip().lower()

    def save(self, *args: Any, **options: Any) -> None:
        """Store the person; a new password or a deactivation logs them out, whoever decided it."""
        self.email = self.email.strip().lower()
        # Django keeps the new password here until it is stored, and not when it only hashed an
        # unchanged one anew.
        password_is_new = getattr(self, "_password", None) is not None and self.pk is not None
        super().save(*args, **options)
        if not self.is_active:
            self.sessions.end()
        elif password_is_new:
            self.sessions.exclude(session_key=self.session_to_keep).end()


class SessionQuerySet(models.QuerySet["Session"]):
    """What is done with several sessions at once."""

    def alive(self) -> "SessionQuerySet":
        return self.filter(expire_date__gt=timezone.now())

    def end(self) -> int:
        """Log these browsers out everywhere, their live sockets too."""
        ended = list(self.values_list("session_key", "user_id"))
        Session.objects.filter(session_key__in=[key for key, _ in ended]).delete()
        for key, user_id in ended:
            if user_id:
                event = live.SessionEnded(type="session.ended", session=key)
                live.announce(live.user_group(user_id), event)
        return len(ended)


class Session(AbstractBaseSession):
    """A browser that is logged in. `session_key` holds a hash: a copied table opens no door."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=200, blank=True)

    objects = SessionQuerySet.as_manager()  # type: ignore[assignment,misc]

    def __str__(self) -> str:
        return f"{self.device} at {self.address or 'an unknown address'}"

    @property
    def device(self) -> str:
        """Name the browser and its system the way a person would."""
        browser = next((name for sign, name in BROWSERS if sign in self.browser), "A browser")
        system = next((name for sign, name in SYSTEMS if sign in self.browser), "")
        return f"{browser} on {system}" if system else browser


# Signs in a User-Agent; those that others carry too come last.
BROWSERS = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
]
SYSTEMS = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
]


class Invitation(models.Model):
    """A way in for one new person, once. Only a hash of its link is kept."""

    email = models.EmailField("e-mail")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="invitations")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return self.email

    @property
    def state(self) -> str:
        if self.used_at:
            return "accepted"
        return "open" if self.expires_at > timezone.now() else "expired"


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """The record; the newest first unless said otherwise."""

    def of_account(self, code: str) -> "AuditEventQuerySet":
        """Keep what happened in one account; what was written before the column named it elsewhere."""
        unnamed = models.Q(account="", what__startswith="account.", object=code)
        return self.filter(models.Q(account=code) | unnamed)

    def older_than(self, number: int | None) -> "AuditEventQuerySet":
        return self.filter(number__lt=number) if number else self.all()


class AuditEvent(models.Model):
    """Something that happened, for ever: the database itself refuses to change or delete it."""

    number = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    # The person's id stays true after the person is gone; the e-mail is how people read it.
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=254, blank=True)
    address = models.GenericIPAddressField(null=True)
    what = models.CharField(max_length=60)
    # The code of a broker account is nobody else's, ever.
    account = models.CharField(max_length=16, blank=True)
    object = models.CharField(max_length=200, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    previous = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, unique=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        indexes = [
            models.Index(fields=["actor_id", "-number"], name="audit_by_actor"),
            models.Index(fields=["what", "-number"], name="audit_by_what"),
            models.Index(fields=["account", "-number"], name="audit_by_account"),
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.what}"

    def fingerprint(self) -> str:
        """Hash everything that this event says, and with it everything before."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    def canonical(self) -> str:
        """Write the event in the one way that its hash is made from."""
        facts = {
            field.attname: getattr(self, field.attname)
            for field in self._meta.concrete_fields
            if field.attname not in {"hash", "at"}
        }
        facts["at"] = iso(self.at)
        if not self.account:
            del facts["account"]  # as before there was this column, so that old hashes hold
        return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class KeyProof(models.Model):
    """One known text, sealed: keys that cannot open it are not the keys of this database."""

    sealed = models.TextField()

    def __str__(self) -> str:
        return "the proof of the keys"


class AuditHead(models.Model):
    """The end of the chain: the one row that writers queue for, and proof that none was cut off."""

    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.number} {self.hash}"
