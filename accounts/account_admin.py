"""Tables of broker accounts for the operator: what is wrong with which one, and never a secret."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import operations
from accounts.brokerage import (
    AccountInvitation,
    BrokerAccount,
    Credentials,
    LoginSession,
    Membership,
    Role,
)
from accounts.brokers.errors import TradedeskError
from accounts.site import ReadOnly, actor_of

TOKENS = ("access_token", "refresh_token", "feed_token")
SECRETS = ("api_secret", "password", "totp_seed", "pin")
Act = Callable[..., str]
IDENTITY = ("code", "name", "broker", "environment")
CONDITION = ("state", "session_ends", "last_verified", "last_error", "last_error_at", "breaker_is", "owners")  # fmt: skip
REST = (
    "blocked_why",
    "paused_at",
    "paused_by",
    "paused_why",
    "relation",
    "authority",
    "authority_on",
    "profile",
    "profile_at",
    "created_at",
    "unlinked_at",
)
SESSION = ("account", "generation", "logged_in_at", "expires_at", "is_provisional", "verified_at", "ended_at", "ended_why")  # fmt: skip
STORED = ("account", "stored", "changed_at")
MEMBER = ("account", "user", "role", "made_at")
INVITED = ("email", "account", "role", "made_by", "made_at", "expires_at", "used_at")


def on_each(description: str, act: Act) -> Any:
    """Make an action that answers for each account by itself."""

    @admin.action(description=description)
    def action(table: Any, request: HttpRequest, chosen: QuerySet[BrokerAccount]) -> None:
        for account in chosen.select_related("session", "credentials"):
            try:
                if account.unlinked_at:
                    raise operations.NothingDone("it is unlinked.")
                said, level = (
                    act(account, actor=actor_of(request), request=request),
                    messages.SUCCESS,
                )
            except TradedeskError as error:
                said, level = str(error), messages.WARNING
            table.message_user(request, f"Account {account.code}: {said}", level)

    action.__name__ = act.__name__
    return action


@admin.register(BrokerAccount)
class BrokerAccountAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Accounts are linked, shared and unlinked on their pages, and never deleted."""

    list_display = (*IDENTITY, *CONDITION)
    list_filter = ["broker", "environment"]
    search_fields = ["code", "name", "broker_user_id"]
    fields = (*IDENTITY, "broker_user_id", "mode", *CONDITION, *REST)
    actions = [
        on_each("Refresh now", operations.refresh_now),
        on_each("Ask the broker whether the session stands", operations.verify_session),
        on_each("Log out", operations.log_out),
        on_each("Pause trading", operations.pause),
        on_each("Resume trading", operations.resume),
        on_each("Reset the breaker", operations.reset_breaker),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrokerAccount]:
        found = super().get_queryset(request).select_related("session", "breaker")
        return found.prefetch_related("memberships__user")

    def state(self, account: BrokerAccount) -> str:
        return "Unlinked" if account.unlinked_at else account.state(timezone.now()).label

    @admin.display(empty_value="-")
    def session_ends(self, account: BrokerAccount) -> Any:
        session = getattr(account, "session", None)
        return session.expires_at if session and session.stands(timezone.now()) else None

    @admin.display(empty_value="-")
    def last_verified(self, account: BrokerAccount) -> Any:
        session = getattr(account, "session", None)
        return session.verified_at if session else None

    @admin.display(description="breaker")
    def breaker_is(self, account: BrokerAccount) -> str:
        found = getattr(account, "breaker", None)
        if found is None or not (found.failures or found.is_open):
            return "closed"
        state = "open" if found.is_open else "closed"
        return f"{state}, {found.failures} failures, the last: {found.last_failure}"

    def owners(self, account: BrokerAccount) -> str:
        # Not filter(): that would ask anew for each row.
        members = account.memberships.all()
        return ", ".join(one.user.email for one in members if one.role == Role.OWNER)


@admin.register(LoginSession)
class LoginSessionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Sessions at brokers, without their tokens."""

    list_display = SESSION
    fields = SESSION
    list_select_related = ["account"]
    search_fields = ["account__code"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LoginSession]:
        return super().get_queryset(request).defer(*TOKENS)


@admin.register(Credentials)
class CredentialsAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Which secrets are stored; none of them, and no part of one, is shown."""

    list_display = STORED
    fields = STORED
    list_select_related = ["account"]
    search_fields = ["account__code"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credentials]:
        has = {f"has_{name}": Q(**{f"{name}__isnull": False}) for name in SECRETS}
        found: QuerySet[Credentials] = super().get_queryset(request).annotate(**has)
        return found.defer("api_key", *SECRETS)

    def stored(self, row: Credentials) -> str:
        held = [name.replace("_", " ") for name in SECRETS if getattr(row, f"has_{name}")]
        return ", ".join(held) or "nothing"


@admin.register(Membership)
class MembershipAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Who may do what; owners change it on the account's page."""

    list_display = MEMBER
    fields = MEMBER
    list_filter = ["role"]
    list_select_related = ["account", "user"]
    search_fields = ["account__code", "user__email"]


@admin.register(AccountInvitation)
class AccountInvitationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = INVITED
    fields = INVITED
    list_select_related = ["account", "made_by"]
    search_fields = ["email", "account__code"]
