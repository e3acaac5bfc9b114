"""Logging in and out, and links that let people in without a log-in."""

import json
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.webauthn import views as passkeys
from allauth.mfa.webauthn.internal import auth as webauthn
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import invitations, passwords, second_factor, throttle
from accounts.forms import AcceptForm, EmailForm, NewPasswordForm
from accounts.guard import login_with_next
from accounts.models import User
from accounts.tasks import mail_reset_link_task
from accounts.visitors import where_passkeys_work

read_or_send = require_http_methods(["GET", "HEAD", "POST"])


class Refusing:
    """An invalid form is answered 422, as everywhere here."""

    def form_invalid(self, form: Any) -> HttpResponse:
        context = self.get_context_data(form=form)  # type: ignore[attr-defined]
        return self.render_to_response(context, status=422)  # type: ignore[attr-defined, no-any-return]


class LoginView(Refusing, account.LoginView):  # type: ignore[misc]
    """Ask for e-mail and password."""

    http_method_names = ["get", "head", "post", "options"]

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        return {**super().get_context_data(**options), **where_passkeys_work(self.request)}

    def get(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        throttle.insist_on_redis()
        return super().get(request, *args, **options)  # type: ignore[no-any-return]


class PasskeyLoginView(passkeys.LoginWebAuthnView):  # type: ignore[misc]
    """Log in with a passkey alone: it is something one has and, by its PIN or finger, something more."""

    def get(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        if not request.accepts("text/html") or "json" in request.headers.get("Accept", ""):
            return JsonResponse(webauthn.begin_authentication(user=None))
        return redirect("account_login")


class SecondStepView(mfa.AuthenticateView):  # type: ignore[misc]
    """Ask for the second factor."""

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        context = super().get_context_data(**options)
        works = where_passkeys_work(self.request)
        if second_factor.has_passkey(self.stage.login.user) and works["passkeys_work"]:
            context["passkey_options"] = json.dumps(context["js_data"]["request_options"])
        return {**context, **works}

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(), status=422)  # type: ignore[no-any-return]


class LogoutView(account.LogoutView):  # type: ignore[misc]
    """Log out, or break off a log-in that waits for its second step."""


login = LoginView.as_view()
login_by_passkey = PasskeyLoginView.as_view()
second_step = SecondStepView.as_view()
logout = LogoutView.as_view()


@login_not_required
@require_safe
def deactivated(request: HttpRequest) -> HttpResponse:
    """Tell somebody with the right password that they may not log in any more."""
    return render(request, "account/inactive.html", status=403)


@login_not_required
@never_cache
@read_or_send
def ask_for_reset(request: HttpRequest) -> HttpResponse:
    """Take an address and send it a link if it is somebody's; the answer is always the same."""
    form = EmailForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        email = form.cleaned_data["email"]
        throttle.count(request, person=email, kind="reset")
        if settings.MAIL_SERVER:
            # The mail leaves in the background, so that the time tells nothing either.
            mail_reset_link_task.delay(email, request.build_absolute_uri("/"))
        return redirect("account_reset_password_done")
    facts = {"form": form, "sends_mail": bool(settings.MAIL_SERVER)}
    return render(request, "account/reset.html", facts, status=422 if form.is_bound else 200)


@login_not_required
@require_safe
def reset_is_on_its_way(request: HttpRequest) -> HttpResponse:
    """Say what happens next, whoever asked."""
    return render(request, "account/reset_sent.html", {"sends_mail": bool(settings.MAIL_SERVER)})


@sensitive_post_parameters()
@login_not_required
@never_cache
@read_or_send
def reset_by_link(request: HttpRequest, uidb36: str, key: str) -> HttpResponse:
    """Let the holder of a link set a new password. Logging in, second factor and all, comes after."""
    user = passwords.person_of_link(uidb36, key)
    if user is None:
        throttle.count(request, kind="link")
        return render(request, "account/link_is_over.html", status=404)
    form = NewPasswordForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid():
        passwords.set_password(user, form.cleaned_data["password1"], request=request)
        messages.success(request, "The new password is set. Log in with it.")
        return redirect("account_login")
    status = 422 if form.is_bound else 200
    return render(request, "account/reset_by_link.html", {"form": form}, status=status)


@sensitive_post_parameters()
@login_not_required
@never_cache
@read_or_send
def accept_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Let an invited person choose a name and a password."""
    invitation = invitations.find(token)
    if invitation is None:
        throttle.count(request, kind="link")
        return render(request, "account/link_is_over.html", status=404)
    invited = User(email=invitation.email)
    form = AcceptForm(request.POST if request.method == "POST" else None, user=invited)
    if form.is_valid():
        chosen = form.cleaned_data
        user = invitations.accept(
            token, name=chosen["name"], password=chosen["password1"], request=request
        )
        if user is None:
            return render(request, "account/link_is_over.html", status=404)
        messages.success(request, "Welcome. Log in with your e-mail and your new password.")
        after = request.GET.get("next", "")
        safe = url_has_allowed_host_and_scheme(after, None)
        return login_with_next(after) if safe else redirect("account_login")
    facts = {"form": form, "email": invitation.email}
    return render(request, "account/invitation.html", facts, status=422 if form.is_bound else 200)
