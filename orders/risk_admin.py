"""Limits in the administration: set and changed by the operator, each change in the record."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts import audit
from accounts.site import AsksForWhatIsShown, actor_of
from orders.risk.models import LIMITS, RiskLimits

TOLD = (*LIMITS, "refuses_self_cross")


@admin.register(RiskLimits)
class RiskLimitsAdmin(AsksForWhatIsShown, admin.ModelAdmin):  # type: ignore[type-arg]
    """One row for an account or a person. A limit is taken away by emptying its field."""

    list_display = ["__str__", "order_value", "exposure", "turnover", "loss", "changed_at"]
    list_select_related = ["account", "user"]
    search_fields = ["account__code", "user__email"]
    fields = ["account", "user", *TOLD]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["account", "user"] if obj else []  # whose they are is not changed

    def save_model(self, request: HttpRequest, obj: RiskLimits, form: Any, change: bool) -> None:  # noqa: FBT001
        before = RiskLimits.objects.filter(pk=obj.pk).values(*TOLD).first()
        super().save_model(request, obj, form, change)
        audit.record(
            "limits.changed",
            actor=actor_of(request),
            request=request,
            account=obj.account,
            object=obj.user.email if obj.user else "",
            before=before and told(before),
            after=told({name: getattr(obj, name) for name in TOLD}),
        )


def told(limits: dict[str, Any]) -> dict[str, str]:
    """Spell the limits that are set."""
    return {name: str(value) for name, value in limits.items() if value is not None}
