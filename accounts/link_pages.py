"""Pages that link accounts and change what logs them in."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import linking, ways_in
from accounts.access import find_account
from accounts.brokerage import Role
from accounts.brokers.errors import BrokerError, Unsupported
from accounts.brokers.registry import Kind, kind, kinds
from accounts.guard import proven_recently
from accounts.link_forms import AutomaticForm, CredentialsForm, LinkForm
from tradedesk.http import DeskRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: DeskRequest) -> HttpResponse:
    """Choose what to link; paper money is linked at once."""
    facts: dict[str, object] = {"kinds": kinds()}
    if request.method != "POST":
        return render(request, "accounts/link.html", facts)
    try:
        account = linking.link_paper(owner=request.user, request=request)
    except BrokerError as error:
        return render(request, "accounts/link.html", facts | {"refused": str(error)}, status=422)
    messages.success(request, f"{account.name}, PAPER, is linked.")
    return redirect("account", account.code)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def link_broker(request: DeskRequest, broker: str) -> HttpResponse:
    """Ask for what this broker wants to know, then go to its log-in."""
    chosen = known_kind(broker)
    form = LinkForm(request.POST or None, kind=chosen)
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        try:
            account = linking.keep(
                owner=request.user,
                broker=chosen.name,
                environment=told["environment"],
                broker_user_id=told["broker_user_id"].upper(),
                name=told["name"],
                tag=told["tag"],
                secrets=form.secrets(),
                request=request,
            )
        except linking.AlreadyLinked as error:
            form.add_error("broker_user_id", str(error))
        else:
            messages.success(request, f"{account.name} is linked. Log it in to see it live.")
            return redirect("log_in_account", account.code)
    facts = {"form": form, **to_register(request, chosen)}
    status = 422 if form.is_bound else 200
    return render(request, "accounts/link_broker.html", facts, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def credentials(request: DeskRequest, code: str) -> HttpResponse:
    """Replace what logs the account in; nothing stored is shown."""
    account = find_account(request.user, code, needs=Role.OWNER)
    chosen = kind(account.broker)
    held = account.credentials
    kept = frozenset(field.name for field in chosen.fields if getattr(held, field.name, ""))
    form = CredentialsForm(request.POST or None, kind=chosen, kept=kept)
    if form.is_bound and form.is_valid():
        changed = linking.change_credentials(
            account, changed=form.secrets(), actor=request.user, request=request
        )
        words = "Stored. The next log-in uses it." if changed else "Nothing was changed."
        messages.success(request, words)
        return redirect("account", code)
    postback_url = request.build_absolute_uri(f"/postback/{code}/")
    facts = {
        "account": account,
        "form": form,
        "postback_url": postback_url,
        **to_register(request, chosen),
    }
    return render(request, "accounts/credentials.html", facts, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@proven_recently
def automatic(request: DeskRequest, code: str) -> HttpResponse:
    """Let the desk log the account in by itself, or leave it to people again."""
    account = find_account(request.user, code, needs=Role.OWNER)
    if request.method == "POST" and "forbid" in request.POST:
        ways_in.forbid(account, actor=request.user, request=request)
        messages.success(request, "Log-ins are left to people again; the password is forgotten.")
        return redirect("account", code)
    form = AutomaticForm(request.POST or None, has_seed=bool(account.credentials.totp_seed))
    if form.is_bound and ways_in.is_offered(account) and form.is_valid():
        told = {name: form.cleaned_data[name] for name in ("password", "totp_seed")}
        linking.change_credentials(
            account,
            changed={name: value for name, value in told.items() if value},
            actor=request.user,
            request=request,
        )
        ways_in.allow(account, actor=request.user, request=request)
        messages.success(request, "The desk logs this account in by itself from now on.")
        return redirect("account", code)
    facts = {
        "account": account,
        "form": form,
        "is_offered": ways_in.is_offered(account),
        "why_not": ways_in.why_not_alone(account),
    }
    return render(request, "accounts/automatic.html", facts, status=422 if form.is_bound else 200)


def known_kind(name: str) -> Kind:
    try:
        return kind(name)
    except Unsupported:
        raise Http404 from None


def to_register(request: DeskRequest, chosen: Kind) -> dict[str, object]:
    """Give what a person must tell the broker about this desk."""
    back = reverse("log_in_back", args=[chosen.name])
    return {
        "kind": chosen,
        "redirect_url": request.build_absolute_uri(back),
        "needs_static_ip": chosen.capabilities(chosen.environments[0]).needs_static_ip,
    }
