"""What the frame of every page shows: where one can go, who is here, how they like to see it."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject


@dataclass(frozen=True, kw_only=True)
class Place:
    """A page of the main navigation; `key` is the letter after g that goes there."""

    name: str
    view: str
    icon: str
    key: str
    is_on_phones: bool = True  # the bar under the thumb holds five, and "You" is one of them

    @property
    def href(self) -> str:
        return reverse(self.view)


# Only what works today; each later part adds its line.
PLACES = [
    Place(name="Dashboard", view="home", icon="layout-dashboard", key="d"),
    Place(name="Positions", view="positions", icon="layers", key="p"),
    Place(name="Holdings", view="holdings", icon="briefcase", key="h", is_on_phones=False),
    Place(name="Orders", view="orders", icon="receipt", key="o"),
    Place(name="GTT", view="gtt", icon="target", key="t", is_on_phones=False),
    Place(name="Funds", view="funds", icon="landmark", key="f", is_on_phones=False),
    Place(name="Accounts", view="accounts", icon="wallet", key="a"),
]


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give templates the frame: the moment, the places, and the person's own settings."""
    user = getattr(request, "user", None)
    facts: dict[str, Any] = {"now": timezone.now(), "theme": "system", "density": ""}
    if user is None or not user.is_authenticated:
        return facts
    from accounts.pages import rows_of

    match = request.resolver_match
    here = match.view_name if match else ""
    # The rail and the bar, fetched alone, are told on which account's page they stand.
    code = match.kwargs.get("code", "") if match else ""
    code = code or (request.GET.get("at", "") if here in {"rail", "stops"} else "")
    # A panel alone shows no rail, and must not wait for its figures.
    rows: Any = SimpleLazyObject(lambda: with_figures(rows_of(user, code), user))
    return facts | {
        "theme": user.theme,
        "density": user.density,
        "places": PLACES,
        "read_only": not settings.ENABLE_ORDER_PLACEMENT,
        "here": here,
        "account_rows": rows,
        "rail_words": SimpleLazyObject(lambda: words_of(rows)),
        "instrument_warnings": SimpleLazyObject(lambda: warnings_of(rows)),
        "rail_at": code,
        "rail_is_all": not code,
        "initials": initials(str(user)),
        "stops": SimpleLazyObject(lambda: stops_here(request, code)),
        "session_ends": session_ends(request),
    }


def with_figures(rows: list[dict[str, Any]], user: Any) -> list[dict[str, Any]]:
    """Put the day's result and the margin in use beside each account of the rail."""
    from portfolio.rail import figures

    known = figures(user) if rows else {}
    return [row | known.get(row["account"].code, {}) for row in rows]


def words_of(rows: list[dict[str, Any]]) -> str:
    return f"{len(rows)} linked, {sum(not row['needs'] for row in rows)} live"


def warnings_of(rows: list[dict[str, Any]]) -> list[str]:
    """Say which lists of instruments are old, of the brokers of these accounts."""
    from orders.instruments.models import master_of
    from orders.instruments.standing import standings

    accounts = [row["account"] for row in rows]
    masters = sorted({master_of(account.broker, account.environment) for account in accounts})
    found = standings(masters, at=timezone.now()) if masters else []
    return [one.warning for one in found if one.warning]


def stops_here(request: HttpRequest, code: str) -> list[Any]:
    """Give what is stopped or held on this page: the desk, this account, or one of all."""
    from orders import stopping

    user: Any = request.user
    found = stopping.lines(user, timezone.now(), is_operator=stopping.runs_desk(request))
    return [one for one in found if not one.account or code in {"", one.account.code}]


def initials(name: str) -> str:
    """Shorten a name or an address to two letters."""
    words = name.split("@")[0].replace(".", " ").split()
    return ("".join(word[0] for word in words[:2]) if len(words) > 1 else name[:2]).upper()


def session_ends(request: HttpRequest) -> int:
    """Say in how many seconds this session ends when nobody does anything."""
    known = getattr(request.session, "ends_in", 0)  # our own store knows; others only guess
    return int(known) or settings.SESSION_IDLE_MINUTES * 60
