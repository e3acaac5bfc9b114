"""What has to follow when allauth or Django say that something happened to a person."""

from typing import Any

from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as auth
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import audit, second_factor, sessions
from accounts.models import User


@receiver(auth.user_logged_in, dispatch_uid="accounts")
def logged_in(request: HttpRequest, user: User, **facts: Any) -> None:
    audit.record("login", actor=user, request=request, object=user.email)


@receiver(auth.user_logged_out, dispatch_uid="accounts")
def logged_out(request: HttpRequest, user: User | None, **facts: Any) -> None:
    if user:
        audit.record("logout", actor=user, request=request, object=user.email)


@receiver(mfa.authentication_failed, dispatch_uid="accounts")
def wrong_code(request: HttpRequest, user: User, **facts: Any) -> None:
    audit.record("second-factor.wrong", request=request, object=user.email)


@receiver(mfa.authenticator_used, dispatch_uid="accounts")
def factor_used(
    request: HttpRequest, user: User, authenticator: Authenticator, **facts: Any
) -> None:
    kind = authenticator.type
    audit.record("second-factor.used", actor=user, request=request, object=user.email, after=kind)


@receiver(mfa.authenticator_added, dispatch_uid="accounts")
def factor_added(
    request: HttpRequest, user: User, authenticator: Authenticator, **facts: Any
) -> None:
    """Prove this session with the new factor and end the others, which never showed one."""
    kind = authenticator.type
    audit.record("second-factor.added", actor=user, request=request, object=user.email, after=kind)
    if kind in second_factor.FACTORS:
        sessions.keep_only(request, user)
        second_factor.prove(request, user, kind)


@receiver(mfa.authenticator_removed, dispatch_uid="accounts")
def factor_removed(
    request: HttpRequest, user: User, authenticator: Authenticator, **facts: Any
) -> None:
    kind = authenticator.type
    audit.record(
        "second-factor.removed", actor=user, request=request, object=user.email, before=kind
    )
    if kind in second_factor.FACTORS:
        sessions.keep_only(request, user)
        if not second_factor.has_factor(user):
            second_factor.unprove(request)


@receiver(mfa.authenticator_reset, dispatch_uid="accounts")
def codes_renewed(request: HttpRequest, user: User, **facts: Any) -> None:
    audit.record("recovery-codes.renewed", actor=user, request=request, object=user.email)
    sessions.keep_only(request, user)
