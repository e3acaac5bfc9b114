"""Tables for the operator: read-mostly, without secrets, and no way round a log-in."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import account_admin, audit  # noqa: F401 - the tables of accounts register themselves
from accounts.models import AuditEvent, Invitation, Session, User
from accounts.site import AsksForWhatIsShown, ReadOnly, actor_of
from tradedesk.models import Failure

# A table of second factors would be a way to plant one; addresses and groups are not used here.
for model in (Authenticator, EmailAddress, Group):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class UserAdmin(AsksForWhatIsShown, admin.ModelAdmin):  # type: ignore[type-arg]
    """People come by invitation and go by deactivation; passwords are nobody else's business."""

    list_display = ["email", "name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["email", "name"]
    fields = ["email", "name", "is_active", "is_staff", "is_superuser", "last_login", "created_at"]
    readonly_fields = ["email", "last_login", "created_at"]
    ROLE = ("is_active", "is_staff", "is_superuser")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # Only who may do everything may give that away, and nobody to themself.
        mine = obj is not None and obj.pk == actor_of(request).pk
        held = self.ROLE if mine or not actor_of(request).is_superuser else ()
        return [*self.readonly_fields, *held]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        before = User.objects.filter(pk=obj.pk).values("name", *self.ROLE).get()
        super().save_model(request, obj, form, change)
        after = {name: getattr(obj, name) for name in before}
        if any(before[name] != after[name] for name in self.ROLE):
            obj.sessions.end()  # a role holds from the next log-in
        audit.record(
            "person.changed",
            actor=actor_of(request),
            request=request,
            object=obj.email,
            before=before,
            after=after,
        )


@admin.register(Session)
class SessionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["user", "device", "address", "created_at", "seen_at", "expire_date"]
    list_display_links = None
    list_select_related = ["user"]
    search_fields = ["user__email"]
    actions = ["end"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).filter(user__isnull=False).defer("session_data")

    @admin.action(description="Log these browsers out")
    def end(self, request: HttpRequest, chosen: QuerySet[Session]) -> None:
        actor = actor_of(request)
        for row in chosen.select_related("user"):
            audit.record("session.ended", actor=actor, request=request, object=f"{row.user}: {row}")
        Session.objects.filter(pk__in=[row.pk for row in chosen]).end()


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["email", "state", "made_by", "made_at", "expires_at", "used_at"]
    fields = ["email", "made_by", "made_at", "expires_at", "used_at"]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["number", "at", "actor", "what", "account", "object", "address"]
    list_filter = ["what"]
    search_fields = ["actor", "account", "object", "request_id"]
    show_full_result_count = False


@admin.register(Failure)
class FailureAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["last_at", "kind", "place", "count", "request_id"]
    search_fields = ["cases__request_id", "kind", "place"]
