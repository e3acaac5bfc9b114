"""Django's admin, reached only through our own log-in and never without a second factor."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import second_factor
from accounts.guard import login_with_next
from tradedesk.http import DeskRequest

if TYPE_CHECKING:
    from accounts.models import User


def actor_of(request: HttpRequest) -> "User":
    return cast(DeskRequest, request).user


class AsksForWhatIsShown:
    """Refuse ?password__startswith=…, which would tell a secret by the length of the list."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        table = cast(Any, self)
        shown = {*map(str, table.list_filter), *map(str, table.list_display)}
        allowed: bool = super().lookup_allowed(lookup, value, request)  # type: ignore[misc]
        # Only by its own columns: what hangs on them may be secret.
        return (
            allowed
            and lookup.split("__")[0] in shown
            and "__" not in lookup.removesuffix("__exact")
        )


class ReadOnly(AsksForWhatIsShown):
    """Look, do not touch."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DeskAdminSite(AdminSite):
    """The operator's tables."""

    site_header = site_title = "Tradedesk administration"
    index_title = "Tables"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return user.is_active and user.is_staff and second_factor.is_proven(request.session)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Send people where they get what they lack: our log-in, or the set-up of a second factor."""
        asked = request.GET.get("next", "")
        safe = url_has_allowed_host_and_scheme(asked, None)
        back = asked if safe else request.path.removesuffix("login/")
        if not request.user.is_authenticated:
            return login_with_next(back)
        if self.has_permission(request):
            return HttpResponseRedirect(back)  # an address, never the name of a view
        if not request.user.is_staff:
            raise Http404
        messages.warning(
            request, "The administration asks for a second factor, always. Set one up here first."
        )
        return redirect("mfa_index")

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        return redirect("account_logout")

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        return redirect("account_change_password")
