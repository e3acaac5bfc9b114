"""The pages of sharing: the people of an account, and the link by which one joins."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import sharing, throttle
from accounts.access import find_account, role_of
from accounts.brokerage import AccountInvitation, BrokerAccount, Role
from accounts.guard import insist_on_proof, login_with_next
from accounts.invitations import AlreadyHere
from accounts.models import User
from tradedesk.http import DeskRequest

read_or_send = require_http_methods(["GET", "HEAD", "POST"])
MAY = {
    Role.OWNER: "does everything, and decides who else is here",
    Role.TRADER: "logs in, trades and pauses",
    Role.VIEWER: "looks, and changes nothing",
}


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(
        choices=[(role.value, f"{role.label}: {MAY[role]}") for role in reversed(Role)],
        initial=Role.VIEWER,
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(choices=Role.choices)


@login_required
@read_or_send
def members(request: DeskRequest, code: str) -> HttpResponse:
    """Show who may see the account; its owners invite one more and get the link, once."""
    needs = Role.OWNER if request.method == "POST" else Role.VIEWER
    account = find_account(request.user, code, needs=needs)
    form = InviteForm(request.POST if request.method == "POST" else None)
    facts: dict[str, Any] = {}
    if request.method == "POST":
        insist_on_proof(request)
        if form.is_valid():
            facts = invite(request, account, form)
            form = InviteForm() if facts else form
    is_owner = role_of(request.user, account) == Role.OWNER
    standing = AccountInvitation.objects.standing().filter(account=account)
    facts |= {
        "account": account,
        "form": form,
        "is_owner": is_owner,
        "roles": Role,
        "members": account.memberships.select_related("user"),
        "invitations": standing.select_related("made_by") if is_owner else [],
    }
    return render(request, "accounts/members.html", facts, status=422 if form.is_bound else None)


def invite(request: DeskRequest, account: BrokerAccount, form: InviteForm) -> dict[str, Any]:
    """Make the link, or put into the form why there is none."""
    email = form.cleaned_data["email"]
    try:
        link = sharing.invite(
            account,
            email=email,
            role=Role(form.cleaned_data["role"]),
            by=request.user,
            request=request,
            origin=request.build_absolute_uri("/"),
        )
    except sharing.SharingRefused as error:
        form.add_error("email", str(error))
        return {}
    mailed = sharing.mail_invitation(account, email=email, link=link, by=request.user)
    return {"link": link, "invited": email, "mailed": mailed}


def act(work: Callable[[DeskRequest, BrokerAccount, int], str]) -> Callable[..., HttpResponse]:
    """Make a view of one act on the people of an account; reading its address leads to them."""

    @login_required
    @read_or_send
    def view(request: DeskRequest, code: str, pk: int) -> HttpResponse:
        account = find_account(request.user, code)
        if request.method != "POST":
            return redirect("members", code)  # whoever had to prove who they are comes back here
        try:
            messages.success(request, work(request, account, pk))
        except sharing.SharingRefused as error:
            messages.error(request, str(error))
        is_member = role_of(request.user, account) is not None
        return redirect("members", code) if is_member else redirect("accounts")

    return view


@act
def change_role(request: DeskRequest, account: BrokerAccount, member: int) -> str:
    find_account(request.user, account.code, needs=Role.OWNER)
    insist_on_proof(request)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise sharing.SharingRefused("Choose one of the three roles.")
    role = Role(form.cleaned_data["role"])
    changed = sharing.change_role(account, member, role=role, by=request.user, request=request)
    return f"{changed.user} is {role.label.lower()} of {account.name} now."


@act
def remove(request: DeskRequest, account: BrokerAccount, member: int) -> str:
    removed = sharing.remove(account, member, by=request.user, request=request)
    if removed.user_id == request.user.pk:
        return f"You left {account.name}."
    return f"{removed.user} is out of {account.name}."


@act
def withdraw(request: DeskRequest, account: BrokerAccount, invitation: int) -> str:
    sharing.withdraw(account, invitation, by=request.user, request=request)
    return "The link works no more."


@login_not_required
@never_cache
@read_or_send
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Lead whoever opens an invitation to the account: as a member, a person first, or not at all."""
    invitation = sharing.find(token)
    if invitation is None:
        return link_is_over(request, token)
    facts = {
        "invitation": invitation,
        "account": invitation.account,
        "may": MAY[Role(invitation.role)],
    }
    user = request.user
    if not user.is_authenticated:
        return come_in(request, token, facts)
    if user.email != invitation.email:
        return render(request, "account/not_your_invitation.html", facts, status=403)
    if request.method != "POST":
        return render(request, "account/join.html", facts)
    account = sharing.join(token, user=user, request=request)
    if account is None:
        return link_is_over(request, token)
    messages.success(request, f"You are in {account.name} now.")
    return redirect("account", account.code)


def link_is_over(request: HttpRequest, token: str) -> HttpResponse:
    """Say that the link is good for nothing, except to whoever came in by it."""
    user = request.user
    if user.is_authenticated and (account := sharing.joined_by(token, user)):
        return redirect("account", account.code)
    throttle.count(request, kind="link")
    return render(request, "account/link_is_over.html", status=404)


def come_in(request: HttpRequest, token: str, facts: dict[str, Any]) -> HttpResponse:
    """Let somebody who is invited log in, or become a person of this desk by its own invitation."""
    if User.objects.filter(email=facts["invitation"].email).exists():
        return login_with_next(request.path)
    if request.method != "POST":
        return render(request, "account/join.html", facts | {"is_new": True})
    origin = request.build_absolute_uri("/")
    try:
        return redirect(sharing.invite_to_desk(token, origin=origin, request=request))
    except AlreadyHere:
        return login_with_next(request.path)
