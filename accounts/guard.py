"""Who may go where: the second factor comes before every page, staff pages are for staff."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, cast
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from accounts import second_factor, throttle
from tradedesk import errors
from tradedesk.http import DeskRequest

# Open to everybody, and asked by machines that must not touch the session.
OPEN = {"healthz", "readyz", "metrics", "account_login", "account_logout", "account_inactive"}
# What somebody needs who has to set a second factor up.
SET_UP = {
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_view_recovery_codes",
    "account_reauthenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "stay",
    "appearance",
}

Next = Callable[[HttpRequest], HttpResponse]
type View[**P] = Callable[Concatenate[DeskRequest, P], HttpResponseBase]


class PeopleMiddleware:
    """Hold people back until they showed who they are, and tell them plainly what to do."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        return lead_whole_page(cast(DeskRequest, request), response)

    def process_view(self, request: HttpRequest, view: Any, *args: Any) -> HttpResponse | None:
        """Lead whoever lacks the second factor to its set-up, wherever they wanted to go."""
        if has_nul(request, view):
            raise BadRequest("NUL")  # Postgres knows no such letter: a search for it would break
        name = request.resolver_match.url_name if request.resolver_match else None
        if name in OPEN or not request.user.is_authenticated:
            return None
        if not second_factor.is_missing(request.user, request.session):
            return None
        if second_factor.has_factor(request.user):
            # This session began before there was a factor, or came here by a way nobody foresaw.
            logout(request)
            return login_with_next(request.get_full_path())
        if name in SET_UP:
            return None
        messages.warning(request, "Set up a second factor first: this desk asks everybody for one.")
        return redirect("mfa_index")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, throttle.TooManyTries):
            response = errors.page(request, 429, str(error))
            response["Retry-After"] = str(error.seconds)
            return response
        if isinstance(error, ReauthenticationRequired):
            # allauth would keep the whole request for later, cookies and passwords included.
            return ask_again(request)
        return None


def has_nul(request: HttpRequest, view: Any) -> bool:
    """Tell whether a letter NUL stands in the address or in a field of the form; files may have it."""
    if "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.path:
        return True
    if getattr(view, "csrf_exempt", False):  # what machines send is read by the view alone
        return False
    return any("\x00" in text for name, values in request.POST.lists() for text in (name, *values))


def lead_whole_page(request: DeskRequest, response: HttpResponse) -> HttpResponse:
    """Send the whole page to the log-in where a panel alone was asked for."""
    if not (request.htmx and isinstance(response, HttpResponseRedirect)):
        return response
    path = urlsplit(response.url).path
    if path == settings.LOGIN_URL or path.startswith(reverse("account_reauthenticate")):
        return HttpResponseClientRedirect(f"{path}?{urlencode({'next': page_around(request)})}")
    if path == reverse("mfa_index"):
        return HttpResponseClientRedirect(path)
    return response


def page_around(request: DeskRequest) -> str:
    """Name the page from which a panel was asked for."""
    try:
        return request.htmx.current_url_abs_path or "/"
    except ValueError:  # whoever asked made the address up
        return "/"


def login_with_next(path: str) -> HttpResponse:
    return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': path})}")


def ask_again(request: HttpRequest, back: str = "") -> HttpResponse:
    """Ask who it is once more, and come back to where they were, or to another page of ours."""
    back = back or request.get_full_path()
    ways = get_adapter(request).get_reauthentication_methods(request.user)
    if not ways:
        return login_with_next(back)
    return redirect(f"{ways[0]['url']}?{urlencode({'next': back})}")


def staff_only[**P](view: View[P]) -> View[P]:
    """Show the page to staff; to everyone else it does not exist."""

    @wraps(view)
    def guarded(request: DeskRequest, *args: P.args, **options: P.kwargs) -> HttpResponseBase:
        if not request.user.is_staff:
            raise Http404
        return view(request, *args, **options)

    return cast(View[P], login_required(cast(Any, guarded)))


def proven_recently[**P](view: View[P]) -> View[P]:
    """Ask who it is once more, unless they proved it in the last minutes."""
    return cast(View[P], reauthentication_required(app="allauth.mfa")(view))


def insist_on_proof(request: HttpRequest) -> None:
    """The same in the middle of a view, once it is known that the page is theirs at all."""
    if needs_proof(request):
        raise ReauthenticationRequired


def needs_proof(request: HttpRequest) -> bool:
    """Tell whether it is too long ago that they proved who they are."""
    return bool(get_adapter(request).is_reauthentication_required(app="allauth.mfa"))
