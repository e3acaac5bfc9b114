"""The pages below /me/: what is one's own to see and change."""

import json
from typing import Any
from urllib.parse import quote
from uuid import UUID

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal import flows as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.totp.internal import flows as totp_flows
from allauth.mfa.webauthn import views as passkeys
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.internal import flows as webauthn_flows
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit, invitations, second_factor
from accounts.forms import InvitationForm, NameForm
from accounts.guard import proven_recently, staff_only
from accounts.invitations import AlreadyHere
from accounts.models import Invitation, User
from accounts.sessions import SessionStore, hashed
from accounts.views import Refusing
from accounts.visitors import where_passkeys_work
from tradedesk.http import DeskRequest

read_or_send = require_http_methods(["GET", "HEAD", "POST"])


@login_required
@read_or_send
def profile(request: DeskRequest) -> HttpResponse:
    """Show the person's own page, and let them change their name."""
    form = NameForm(request.POST if request.method == "POST" else None, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("me")
    return render(request, "accounts/me.html", {"form": form}, status=422 if form.is_bound else 200)


@login_required
@require_POST
def stay(request: DeskRequest) -> HttpResponse:
    """Extend the session because somebody is here."""
    session = request.session
    if isinstance(session, SessionStore):
        session.extend()
        return HttpResponse(status=204, headers={"X-Session-Ends": str(session.ends_in)})
    return HttpResponse(status=204)


# Sessions


@login_required
@require_safe
def sessions(request: DeskRequest) -> HttpResponse:
    """List the browsers in which the person is logged in."""
    rows = request.user.sessions.alive().order_by("-seen_at")
    facts = {
        "sessions": rows,
        "this": hashed(request.session.session_key or ""),
        "idle_minutes": settings.SESSION_IDLE_MINUTES,
        "hours": settings.SESSION_HOURS,
    }
    return render(request, "accounts/sessions.html", facts)


@login_required
@require_POST
def end_session(request: DeskRequest, public_id: UUID) -> HttpResponse:
    """Log one of the person's browsers out."""
    row = get_object_or_404(request.user.sessions.alive(), public_id=public_id)
    audit.record("session.ended", actor=request.user, request=request, object=str(row))
    request.user.sessions.filter(pk=row.pk).end()
    return redirect("sessions")


@login_required
@require_POST
def end_other_sessions(request: DeskRequest) -> HttpResponse:
    """Log every other browser out."""
    this = hashed(request.session.session_key or "")
    ended = request.user.sessions.exclude(session_key=this).end()
    audit.record("session.others-ended", actor=request.user, request=request, after=ended)
    messages.success(request, "Every other browser is logged out.")
    return redirect("sessions")


# Password and proving oneself again


class PasswordView(Refusing, account.PasswordChangeView):  # type: ignore[misc]
    """Change the password."""


class PasswordAgainView(Refusing, account.ReauthenticateView):  # type: ignore[misc]
    """Ask for the password again."""


class CodeAgainView(Refusing, mfa.ReauthenticateView):  # type: ignore[misc]
    """Ask for a code again."""


class PasskeyAgainView(Refusing, passkeys.ReauthenticateWebAuthnView):  # type: ignore[misc]
    """Ask for a passkey again."""

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        context = super().get_context_data(**options)
        asked = json.dumps(context["js_data"]["request_options"])
        return {**context, "passkey_options": asked}


change_password = PasswordView.as_view()
password_again = PasswordAgainView.as_view()
code_again = CodeAgainView.as_view()
passkey_again = PasskeyAgainView.as_view()


# The second factor


@login_required
@require_safe
def factors(request: DeskRequest) -> HttpResponse:
    """Show which second factors the person has."""
    rows = list(Authenticator.objects.filter(user=request.user).order_by("pk"))
    codes = [row.wrap() for row in rows if row.type == Authenticator.Type.RECOVERY_CODES]
    facts = {
        "app": next((row for row in rows if row.type == Authenticator.Type.TOTP), None),
        "passkeys": [row for row in rows if row.type == Authenticator.Type.WEBAUTHN],
        "codes_left": len(codes[0].get_unused_codes()) if codes else 0,
        "has_factor": any(row.type in second_factor.FACTORS for row in rows),
        "must": second_factor.is_missing(request.user, request.session),
    }
    return render(request, "mfa/factors.html", facts | where_passkeys_work(request))


def show_codes(request: HttpRequest, *, done: str) -> HttpResponse:
    """Show the recovery codes in this one answer; nobody can see them again."""
    codes = recovery_codes_of(request.user)
    text = "Tradedesk recovery codes. Each works once.\n\n" + "\n".join(codes) + "\n"
    facts = {
        "codes": codes,
        "done": done,
        "download": f"data:text/plain;charset=utf-8,{quote(text)}",
    }
    return render(request, "mfa/codes.html", facts)


def recovery_codes_of(user: Any) -> list[str]:
    row = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES)
    return list(row.wrap().get_unused_codes())


class AddAppView(Refusing, totp.ActivateTOTPView):  # type: ignore[misc]
    """Set up an authenticator app."""

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        context = super().get_context_data(**options)
        key = context["form"].secret
        groups = " ".join(key[at : at + 4] for at in range(0, len(key), 4))
        return {**context, "key_in_groups": groups}

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        row, codes = totp_flows.activate_totp(self.request, form)
        row.data["last_step"] = form.step  # the code that proved it is used up too
        row.save(update_fields=["data"])
        if codes:
            return show_codes(self.request, done="The authenticator app is set up.")
        messages.success(self.request, "The authenticator app is set up.")
        return redirect("mfa_index")


class RemoveAppView(Refusing, totp.DeactivateTOTPView):  # type: ignore[misc]
    """Remove the authenticator app."""


@login_required
@proven_recently
@read_or_send
def new_recovery_codes(request: DeskRequest) -> HttpResponse:
    """Replace the recovery codes, and show the new ones once."""
    if not second_factor.has_factor(request.user):
        return redirect("mfa_index")
    if request.method == "POST":
        recovery.generate_recovery_codes(request)
        return show_codes(request, done="These are your new recovery codes. The old ones are void.")
    return render(request, "mfa/new_codes.html")


class AddPasskeyView(Refusing, passkeys.AddWebAuthnView):  # type: ignore[misc]
    """Add a passkey: always one that asks for a PIN or a finger, so that it logs in alone too."""

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        context = super(passkeys.AddWebAuthnView, self).get_context_data(**options)
        context |= where_passkeys_work(self.request)
        if context["passkeys_work"]:
            options = webauthn.begin_registration(self.request.user, passwordless=True)
            context["passkey_options"] = json.dumps(options)
        return dict(context)

    def form_valid(self, form: Any) -> HttpResponse:
        _, codes = webauthn_flows.add_authenticator(
            self.request,
            name=form.cleaned_data["name"],
            credential=form.cleaned_data["credential"],
        )
        if codes:
            return show_codes(self.request, done="The passkey is added.")
        return redirect("mfa_index")


class RenamePasskeyView(Refusing, passkeys.EditWebAuthnView):  # type: ignore[misc]
    """Give a passkey another name."""

    success_url = reverse_lazy("mfa_index")


class RemovePasskeyView(passkeys.RemoveWebAuthnView):  # type: ignore[misc]
    """Remove a passkey."""

    success_url = reverse_lazy("mfa_index")


add_app = AddAppView.as_view()
remove_app = RemoveAppView.as_view()
add_passkey = AddPasskeyView.as_view()
rename_passkey = RenamePasskeyView.as_view()
remove_passkey = RemovePasskeyView.as_view()


# People


@staff_only
@proven_recently
@read_or_send
def people(request: DeskRequest) -> HttpResponse:
    """List who may log in and who is invited; invite one more and show the link once."""
    form = InvitationForm(request.POST if request.method == "POST" else None)
    link = invited = ""
    if form.is_valid():
        email = form.cleaned_data["email"]
        try:
            origin = request.build_absolute_uri("/")
            link = invitations.invite(email, by=request.user, request=request, origin=origin)
            invited, form = email, InvitationForm()
        except AlreadyHere as error:
            form.add_error("email", str(error))
    facts = {
        "form": form,
        "link": link,
        "invited": invited,
        "mailed": bool(link) and invitations.mail_invitation(invited, link),
        "people": User.objects.order_by("email"),
        "invitations": Invitation.objects.select_related("made_by")[:50],
    }
    status = 422 if form.is_bound else 200
    return render(request, "accounts/people.html", facts, status=status)
