"""The engine in the administration: the kill switch to press and release, tasks to look at."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.brokerage import BrokerAccount
from accounts.site import AsksForWhatIsShown, ReadOnly, actor_of
from orders.engine import switch
from orders.engine.models import KillSwitch, OrderAttempt, OrderTask, StopLevel, TaskEvent
from orders.inbox import Heard
from tradedesk.times import in_ist

ASKED = (
    "account", "who", "kind", "source", "key", "exchange", "symbol", "strategy", "target", "is_exit",
    "params", "confirms", "created_at", "expires_at",
)  # fmt: skip
STANDS = (
    "state", "phase", "reason", "message", "waits_for", "attempts", "most_attempts", "crashes",
    "readings", "try_at", "lease_until", "holder", "sent_at", "tag", "order_id", "order_ids", "version",
)  # fmt: skip


class PressForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = KillSwitch
        fields = ("level", "account", "why", "until")

    def clean(self) -> dict[str, Any] | None:
        pressed = super().clean()
        level, account = self.cleaned_data.get("level"), self.cleaned_data.get("account")
        if level and (level == StopLevel.L1) != (account is not None):
            raise ValidationError("L1 stops one account: choose it. L2 and L3 stop all of them.")
        if why := switch.why_not_until(self.cleaned_data.get("until"), timezone.now()):
            self.add_error("until", why)
        return pressed


class ReleaseForm(ActionForm):
    why = forms.CharField(max_length=200, required=False, label="Reason")


@admin.register(KillSwitch)
class KillSwitchAdmin(AsksForWhatIsShown, admin.ModelAdmin):  # type: ignore[type-arg]
    """Adding a row presses; what is pressed is released here, with a reason, and stays on record."""

    form = PressForm
    action_form = ReleaseForm
    list_display = ["level", "account", "why", "who", "at", "until", "released_at", "released_by"]
    list_filter = ["level"]
    list_select_related = ["account"]
    ordering = ["-at"]
    actions = ["release"]

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **options: Any) -> Any:
        options.setdefault("queryset", BrokerAccount.objects.linked())
        field = super().formfield_for_foreignkey(db_field, request, **options)
        if field:
            field.required = False
        return field

    def formfield_for_dbfield(self, db_field: Any, request: Any, **options: Any) -> Any:
        if db_field.name == "until":
            options["required"] = False
        return super().formfield_for_dbfield(db_field, request, **options)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The list's actions need it; a single row is as it was pressed.
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: KillSwitch, form: Any, change: bool) -> None:  # noqa: FBT001
        actor = actor_of(request)
        pressed = switch.press(
            obj.level,
            why=obj.why,
            who=actor.email,
            account=obj.account,
            until=obj.until,
            actor=actor,
        )
        obj.pk, obj.who = pressed.pk, pressed.who

    @admin.action(description="Release, for this reason")
    def release(self, request: HttpRequest, chosen: QuerySet[KillSwitch]) -> None:
        why = request.POST.get("why", "").strip()
        if not why:
            self.message_user(request, "Say why, for the record.", messages.WARNING)
            return
        actor = actor_of(request)
        released = switch.release(chosen, who=actor.email, why=why, actor=actor)
        said = f"{released} released." if released else "Nothing of that is pressed."
        self.message_user(request, said, messages.SUCCESS if released else messages.WARNING)


class Attempts(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = OrderAttempt
    verbose_name_plural = "attempts"
    fields = (
        "number",
        "tag",
        "began_at",
        "outcome",
        "status",
        "error_type",
        "message",
        "elapsed_ms",
    )
    readonly_fields = fields
    extra = 0


@admin.register(OrderTask)
class OrderTaskAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What was asked for and what became of it; it is decided on the pages and by the commands."""

    list_display = ["code", "account", "kind", "symbol", "state", "reason", "who", "created_at"]
    list_filter = ["state", "kind", "account"]
    list_select_related = ["account"]
    search_fields = ["symbol", "order_id", "tag", "key"]
    ordering = ["-pk"]
    show_full_result_count = False
    fields = (*ASKED, *STANDS, "events")
    readonly_fields = ("events",)
    inlines = [Attempts]

    def events(self, task: OrderTask) -> SafeString:
        """Every step, oldest first."""
        steps = TaskEvent.objects.filter(task_id=task.pk).order_by("version")
        rows = (
            (
                one.version,
                in_ist(one.at).isoformat(" ", "milliseconds"),
                one.what,
                one.who,
                one.changes,
            )
            for one in steps
        )
        return format_html_join("", "<p>{} · {} · {} · {}<br>{}</p>", rows)


@admin.register(Heard)
class HeardAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What brokers said, as it came; with `trouble` where the book could not take it."""

    list_display = ["at", "account_id", "subject", "name", "heard_from", "trouble"]
    list_filter = [("trouble", admin.EmptyFieldListFilter), "subject", "heard_from"]
    search_fields = ["=name"]
    ordering = ["-at", "-pk"]
    show_full_result_count = False
