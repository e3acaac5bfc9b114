"""Pages on which an account is logged in: the trip to the broker and back, and the other ways."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode

import pyotp
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit, hand_off, logins, ways_in
from accounts.access import find_account
from accounts.brokerage import BrokerAccount, Role
from accounts.brokers.errors import BrokerError, Refused, TradedeskError
from accounts.brokers.registry import kind
from accounts.guard import proven_recently
from accounts.models import User
from tradedesk.http import DeskRequest

MOST_BYTES = 10_000


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def log_in(request: DeskRequest, code: str) -> HttpResponse:
    """Show the ways to log this account in; paper money of this desk takes one click."""
    account = find_account(request.user, code, needs=Role.TRADER)
    if request.method == "POST":
        return attempt(request, account, ways_in.by_counter, account)
    return show(request, account)


@login_required
@require_safe
def away(request: DeskRequest, code: str) -> HttpResponse:
    """Go to the broker's log-in page, from where the person comes back to us."""
    account = find_account(request.user, code, needs=Role.TRADER)
    if account.opened_here:
        return redirect("log_in_account", code)
    return HttpResponseRedirect(login_url(request, account))


@login_required
@require_POST
def take_token(request: DeskRequest, code: str) -> HttpResponse:
    """Take a request token that a person copied, or an access token made elsewhere."""
    account = find_account(request.user, code, needs=Role.TRADER)
    if access_token := request.POST.get("access_token", "").strip():
        return attempt(request, account, ways_in.by_access_token, account, access_token)
    token = token_in(request.POST.get("request_token", ""))
    if not token:
        return show(request, account, refused="Paste the request token, or the whole address.")
    return attempt(request, account, ways_in.by_request_token, account, token)


@login_required
@require_POST
def alone(request: DeskRequest, code: str) -> HttpResponse:
    """Have the desk log in now, with a code that the person types or the stored seed makes."""
    account = find_account(request.user, code, needs=Role.TRADER)
    typed = request.POST.get("code", "").strip().replace(" ", "")
    if typed and not re.fullmatch(r"\d{6}", typed):
        return show(request, account, refused="The code has six digits.")
    return attempt(request, account, partial(ways_in.alone, code=typed), ways_in.fresh(account))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@proven_recently
def show_code(request: DeskRequest, code: str) -> HttpResponse:
    """Show the current code of the stored seed, to somebody who just proved who they are."""
    account = find_account(request.user, code, needs=Role.TRADER)
    seed = account.credentials.totp_seed
    if request.method != "POST" or not seed or account.opened_here:
        return redirect("log_in_account", code)
    audit.record("account.code_shown", actor=request.user, request=request, account=account)
    now = int(time.time())
    facts = {"totp": pyotp.TOTP(seed).at(now), "totp_left": 30 - now % 30}
    answer = show(request, account, status=200, **facts)
    answer["Cache-Control"] = "no-store"
    return answer


# Coming back ---------------------------------------------------------------------------------


@csrf_exempt  # the state proves where it began; without one the CSRF token is asked for below
@require_http_methods(["GET", "HEAD", "POST"])
def back(request: HttpRequest, broker: str) -> HttpResponse:
    """Come back from the broker's log-in page, by GET, form or JSON."""
    if request.method == "HEAD":
        return HttpResponse(status=204)
    try:
        told = told_by(request)
    except ValueError:
        return answer_back(request, 400, "Send a form, or a JSON object with request_token.")
    if not request.user.is_authenticated:
        # A form of another site comes without our cookie; the same as a link brings it along.
        again = f"{request.path}?{urlencode(told)}"
        if request.method == "POST" and not wants_json(request) and told.get("state"):
            return HttpResponseRedirect(again, status=303)
        if wants_json(request):
            return JsonResponse({"error": "Log in to the desk first."}, status=401)
        return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': again})}")
    token = told.get("request_token", "")
    if not token or told.get("status", "success") != "success":
        words = "The broker sent you back without a log-in. Begin it again."
        return answer_back(request, 400, words)
    try:
        account = account_of(request, request.user, broker, told)
        if isinstance(account, HttpResponse):
            return account
        with noting(account):
            ways_in.by_request_token(account, token, actor=request.user, request=request)
    except TradedeskError as error:
        return answer_back(request, 422, plain(error), account_code(told, request.user))
    if wants_json(request):
        return JsonResponse({"account": account.code, "state": logins.state_of(account).value})
    messages.success(request, f"{account.name} is logged in.")
    return redirect("account", account.code)


def account_of(
    request: HttpRequest, user: User, broker: str, told: dict[str, str]
) -> BrokerAccount | HttpResponse:
    """Find whose log-in this is: by its state, or chosen by the person on a form of ours."""
    if state := told.get("state"):
        return hand_off.finish(state, user)
    mine = BrokerAccount.objects.seen_by(user).filter(broker=broker, opened_here=False)
    if request.method == "POST":
        if (refused := forged(request)) is not None:
            return refused
        code = told.get("account") or (mine[0].code if mine.count() == 1 else "")
        if not code:
            codes = ", ".join(mine.values_list("code", flat=True))
            return answer_back(request, 400, f"Say which account: account is one of {codes}.")
        return find_account(user, code, needs=Role.TRADER)
    facts = {"accounts": mine, "request_token": told["request_token"], "broker": broker}
    return render(request, "accounts/back.html", facts)


def forged(request: HttpRequest) -> HttpResponse | None:
    """Refuse a POST that brings neither a state nor the CSRF token."""
    middleware: Any = CsrfViewMiddleware(lambda _: HttpResponse())
    refused: HttpResponse | None = middleware.process_view(
        request, plain, (), {}
    )  # plain is not exempt
    return refused


def told_by(request: HttpRequest) -> dict[str, str]:
    """Read what came back, however it came; the state may hide in redirect_params."""
    told: dict[str, Any] = {name: str(value) for name, value in request.GET.items()}
    if request.method == "POST":
        if len(request.body) > MOST_BYTES:
            raise ValueError
        if request.content_type == "application/json":
            body = json.loads(request.body)
            if not isinstance(body, dict):
                raise ValueError
            told |= {str(name): str(value) for name, value in body.items()}
        else:
            told |= {name: str(value) for name, value in request.POST.items()}
    hidden = parse_qs(told.get("redirect_params", ""))
    told.setdefault("state", hidden.get("state", [""])[0])
    known = ("request_token", "status", "state", "account")
    kept = {name: told[name][:2000] for name in known if told.get(name)}
    if any("\x00" in value for value in kept.values()):
        raise ValueError  # Postgres knows no such letter: a search for it would break
    return kept


def answer_back(request: HttpRequest, status: int, words: str, code: str = "") -> HttpResponse:
    """Say why the log-in did not come through, and where to begin again."""
    if wants_json(request):
        return JsonResponse({"error": words}, status=status)
    facts = {"refused": words, "code": code}
    return render(request, "accounts/back.html", facts, status=status)


def account_code(told: dict[str, str], user: User) -> str:
    """Name the account that a state was for, even where it was refused, to who may see it."""
    try:
        trip = hand_off.read(told.get("state", ""))
    except hand_off.HandOffRefused:
        return ""
    found = BrokerAccount.objects.seen_by(user).filter(pk=trip.account_id).first()
    return found.code if found else ""


# The two addresses of the seeds --------------------------------------------------------------


@login_required
@require_safe
def api_login(request: DeskRequest) -> HttpResponse:
    """Lead to the log-in page of the person's Kite account, or tell its address as JSON."""
    mine = BrokerAccount.objects.seen_by(request.user).filter(broker="kite", opened_here=False)
    code = request.GET.get("account", "") or (mine[0].code if mine.count() == 1 else "")
    if not code:
        codes = ", ".join(mine.values_list("code", flat=True)) or "none is linked"
        words = f"Say which account: ?account= and one of: {codes}."
        return answer_back(request, 400, words)
    account = find_account(request.user, code, needs=Role.TRADER)
    url = login_url(request, account)
    if wants_json(request):
        return JsonResponse({"account": account.code, "login_url": url})
    return HttpResponseRedirect(url)


# What they share -----------------------------------------------------------------------------


@contextmanager
def noting(account: BrokerAccount) -> Iterator[None]:
    """Keep what the broker answered as the account's last trouble."""
    try:
        yield
    except (BrokerError, ways_in.WrongClient) as error:
        logins.note_error(account, error)
        raise


def attempt(
    request: DeskRequest, account: BrokerAccount, way: Any, *arguments: Any
) -> HttpResponse:
    """Try one way in; a refusal is told on the page where the other ways stand."""
    try:
        with noting(account):
            way(*arguments, actor=request.user, request=request)
    except TradedeskError as error:
        return show(request, account, refused=plain(error))
    messages.success(request, f"{account.name}: logged in.")
    return redirect("account", account.code)


def show(
    request: DeskRequest, account: BrokerAccount, *, status: int = 0, **facts: Any
) -> HttpResponse:
    """Show the log-in page of the account."""
    facts |= logins.clock_trouble(account) | {
        "account": account,
        "kind": kind(account.broker),
        "state": logins.state_of(account),
        "missing": "" if account.opened_here else ways_in.what_is_missing(account),
        "has_seed": bool(account.credentials.totp_seed) and not account.opened_here,
        "why_not_alone": ways_in.why_not_alone(account),
        "takes_code": not ways_in.why_not_alone(account, has_code=True),
        "redirect_url": request.build_absolute_uri(reverse("log_in_back", args=[account.broker])),
    }
    status = status or (422 if facts.get("refused") else 200)
    return render(request, "accounts/login.html", facts, status=status)


def login_url(request: DeskRequest, account: BrokerAccount) -> str:
    """Name the broker's log-in page for one trip of this person."""
    with ways_in.alone_with(account) as adapter:
        return adapter.login_url(hand_off.begin(account, request.user))


def plain(error: TradedeskError) -> str:
    """Say a failure in the trader's words, the broker's own ones last."""
    if isinstance(error, Refused) and error.text:
        return f"{error.says.capitalize()}: {error.text}"
    words = str(error)
    return words[:1].upper() + words[1:]


def token_in(pasted: str) -> str:
    """Find the request token in what was pasted: the token, or the whole address with it."""
    pasted = pasted.strip()
    if "request_token=" in pasted:
        return parse_qs(pasted.partition("?")[2] or pasted).get("request_token", [""])[0]
    return pasted


def wants_json(request: HttpRequest) -> bool:
    accept = request.headers.get("Accept", "")
    return request.content_type == "application/json" or "application/json" in accept
