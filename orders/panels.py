"""What every panel of figures shares: whose accounts it shows, how fresh it is, and how it is answered.

A panel is its page: one address and one template. A page shows it among the frame, htmx asks for
the same address and gets the panel alone, or 304 when nothing looks different. A program that asks
for JSON gets that.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from accounts.brokerage import RANK, BrokerAccount, Membership, Role, State
from accounts.models import User
from orders.datasets import Dataset, Part, watch
from tradedesk import asking
from tradedesk.http import DeskRequest
from tradedesk.spreadsheets import lines
from tradedesk.times import clock, in_ist, iso

FRESH_WITHIN = 3.0  # seconds that a page waits for the broker when somebody asks for it
STALE_AFTER = 3  # intervals
MISSED_TICKS = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One account as one person sees it."""

    account: BrokerAccount
    role: Role
    state: State
    datasets: Mapping[str, Dataset]

    @property
    def is_shown(self) -> bool:
        """Figures of a dead session are hidden: they would look like nought, or like the truth."""
        return self.state != State.NEEDS_LOGIN

    @property
    def may_trade(self) -> bool:
        return RANK[self.role] >= RANK[Role.TRADER]

    def synced_at(self, part: str) -> datetime | None:
        found = self.datasets.get(part)
        return found.synced_at if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The accounts of a page: one by its code, or all that the person may see."""

    user: User
    code: str
    seats: Sequence[Seat]
    at: datetime

    @property
    def shown(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.is_shown]

    def path(self, view: str) -> str:
        """Name the address of a panel in this scope."""
        return reverse(f"{view}_of", args=[self.code]) if self.code else reverse(view)

    @property
    def environments(self) -> list[list[Seat]]:
        """Split what is shown by its kind of money, real first: no total adds two kinds together."""
        kinds: dict[str, list[Seat]] = {"live": []}
        for seat in self.shown:
            kinds.setdefault(seat.account.environment, []).append(seat)
        return [seats for seats in kinds.values() if seats]


def scope_of(user: User, code: str = "") -> Scope:
    """Give the accounts that this person sees at this address; a stranger's is not found."""
    mine = Membership.objects.filter(user=user, account__unlinked_at=None)
    if code:
        mine = mine.filter(account__code=code)
    members = list(
        mine.select_related("account__session").order_by("account__created_at", "account")
    )
    if code and not members:
        raise Http404
    by_account: dict[int, dict[str, Dataset]] = {one.account_id: {} for one in members}
    for dataset in Dataset.objects.filter(account__in=by_account):
        by_account[dataset.account_id][dataset.part] = dataset
    now = timezone.now()
    seats = [
        Seat(
            account=one.account,
            role=Role(one.role),
            state=one.account.state(now),
            datasets=by_account[one.account_id],
        )
        for one in members
    ]
    return Scope(user=user, code=code, seats=seats, at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """One sentence above the rows: what happened, the rest, and at most one way on."""

    level: str
    what: str
    text: str = ""
    href: str = ""
    act: str = ""


@dataclass(slots=True, kw_only=True)
class Panel:
    """One panel as it stands now. `body` is what its own template shows."""

    name: str
    title: str
    scope: Scope
    parts: Sequence[str]
    query: Mapping[str, str] = field(default_factory=dict)
    address: str = ""  # of a panel that shows one thing of an account
    body: Any = None
    notes: list[Banner] = field(default_factory=list)

    @property
    def href(self) -> str:
        return self.address or self.scope.path(self.name)

    def link(self, **changes: str) -> str:
        """Name the address of what is shown, with another tab, order or filter."""
        kept = {name: value for name, value in {**self.query, **changes}.items() if value}
        return f"{self.href}?{urlencode(kept)}" if kept else self.href

    @property
    def here(self) -> str:
        """Name the address of the panel as it is sorted and filtered now."""
        return self.link()

    @property
    def fresh_href(self) -> str:
        return self.link(fresh="1")

    @property
    def csv_href(self) -> str:
        return self.link(format="csv")

    @property
    def seconds(self) -> int:
        """Tell how often the page asks."""
        return min(settings.REFRESH_SECONDS[part] for part in self.parts)

    @property
    def as_of(self) -> datetime | None:
        """Tell the age of the oldest figure of what the panel is about, its first part."""
        ages = [seat.synced_at(self.parts[0]) for seat in self.scope.shown]
        known = [age for age in ages if age]
        return min(known, default=None)

    @property
    def is_loading(self) -> bool:
        """Tell whether the first answer is still to come."""
        return any(is_first(seat, part) for seat in self.scope.shown for part in self.parts)

    @property
    def is_stale(self) -> bool:
        """Tell whether anything shown is older than its part may get."""
        return any(
            (age := seat.synced_at(part)) and self.scope.at - age > bearable(part)
            for seat in self.scope.shown
            for part in self.parts
        )

    @property
    def is_hidden(self) -> bool:
        """Tell whether there are accounts, and nothing of them may be shown.

        What the broker never told is not nothing: "No positions" would be a claim.
        """
        was_never_told = self.as_of is None and not self.is_loading
        return bool(self.scope.seats) and (not self.scope.shown or was_never_told)

    @property
    def etag(self) -> str:
        """Name what this panel looks like; another look has another name."""
        looks = [
            (
                seat.account.pk,
                seat.account.name,
                seat.account.tag,
                seat.account.colour,
                seat.state,
                seat.role,
                [
                    seat.datasets[part].version if part in seat.datasets else -1
                    for part in self.parts
                ],
            )
            for seat in self.scope.seats
        ]
        whole = [self.name, self.href, sorted(self.query.items()), looks, self.is_stale]
        whole += [str(in_ist(self.scope.at).date()), [str(note) for note in self.notes]]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:20]

    @property
    def banners(self) -> list[Banner]:
        """Say what the figures do not: who is logged out, what did not load, what is old."""
        found = [
            Banner(
                level="warning",
                what=f"{seat.account.name} is logged out.",
                text="Its figures are hidden, and the totals leave it out.",
                href=reverse("log_in_account", args=[seat.account.code]) if seat.may_trade else "",
                act="Log in",
            )
            for seat in self.scope.seats
            if not seat.is_shown
        ]
        for seat in self.scope.shown:
            found += self.troubles(seat)
        if not settings.ENABLE_ORDER_PLACEMENT:
            found.append(
                Banner(level="info", what="This desk is read-only.", text="No order leaves.")
            )
        return found + self.notes

    def troubles(self, seat: Seat) -> Iterable[Banner]:
        for part in self.parts:
            dataset = seat.datasets.get(part)
            if dataset is None or not dataset.error:
                continue
            age = f" Figures are of {clock(dataset.synced_at)}." if dataset.synced_at else ""
            yield Banner(
                level="error",
                what=f"{Part(part).label} did not load for {seat.account.name}.",
                text=f"{dataset.error}.{age}",
                href=self.fresh_href,
                act="Retry",
            )


def bearable(part: str) -> timedelta:
    """Tell how old a part may get before its figures count as old."""
    return timedelta(seconds=settings.REFRESH_SECONDS[part] * STALE_AFTER) + MISSED_TICKS


def is_first(seat: Seat, part: str) -> bool:
    dataset = seat.datasets.get(part)
    return dataset is None or (dataset.synced_at is None and not dataset.error)


def open_panel(
    request: HttpRequest,
    code: str,
    *,
    name: str,
    title: str,
    parts: Sequence[str],
    keys: Sequence[str] = (),
    scope: Scope | None = None,
    address: str = "",
) -> Panel:
    """Open a panel for whoever asks, keep what it shows fresh, and wait for news if they want."""
    user = request.user
    assert isinstance(user, User)
    code = code or request.headers.get("X-Account-ID", "")
    scope = scope or scope_of(user, code)
    query = {key: request.GET[key][:60] for key in keys if request.GET.get(key)}
    panel = Panel(name=name, title=title, scope=scope, parts=parts, query=query, address=address)
    watch([seat.account.pk for seat in scope.shown], parts, scope.at)
    if request.GET.get("fresh") == "1" and scope.shown:
        came = wait_for_news(scope, parts)
        panel.scope = scope_of(user, code)
        if not came:
            age = f" They are of {clock(panel.as_of)}." if panel.as_of else ""
            words = f"The broker has not answered within {FRESH_WITHIN:.0f} seconds.{age}"
            panel.notes.append(Banner(level="warning", what="No newer figures yet.", text=words))
    elif panel.is_loading:
        ask(scope, [part for part in parts if any(is_first(seat, part) for seat in scope.shown)])
    return panel


def ask(scope: Scope, parts: Sequence[str]) -> None:
    """Have these parts fetched now. Nobody there to do it is no reason to show no page."""
    for seat in scope.shown:
        for part in parts:
            args = (seat.account.pk, str(part))
            if not asking.ask("portfolio.tasks.refresh_part_task", *args, expires=10):
                return


def wait_for_news(scope: Scope, parts: Sequence[str], seconds: float = FRESH_WITHIN) -> bool:
    """Have everything fetched and wait a little for it; tell whether all of it came."""
    began = timezone.now()
    ask(scope, parts)
    wanted = {(seat.account.pk, part) for seat in scope.shown for part in parts}
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        fresh = Dataset.objects.filter(account__in={pk for pk, _ in wanted}, synced_at__gte=began)
        if wanted <= set(fresh.values_list("account_id", "part")):
            return True
        time.sleep(0.05)
    return False


def wants_json(request: HttpRequest) -> bool:
    return "X-Account-ID" in request.headers or "application/json" in request.headers.get(
        "Accept", ""
    )


def answer(
    request: DeskRequest,
    panel: Panel,
    template: str,
    *,
    fill: Callable[[Panel], Any],
    as_json: Callable[[Scope], Any],
    rows: Callable[[Panel], Iterable[Sequence[Any]]] | None = None,
) -> HttpResponse:
    """Answer with the page, the panel alone, nothing new, JSON, or a CSV file."""
    if wants_json(request):
        return JsonResponse(as_json(panel.scope), safe=False)
    if rows is not None and request.GET.get("format") == "csv":
        panel.body = fill(panel)
        return csv_answer(panel, rows(panel))
    is_partial = request.htmx.request_type == "partial"
    headers = {"ETag": f'"{panel.etag}"', "Cache-Control": "private, no-cache"}
    if panel.as_of:
        headers["X-As-Of"] = iso(panel.as_of)
    if is_partial and request.headers.get("If-None-Match", "").strip('"') == panel.etag:
        return HttpResponseNotModified(headers=headers)
    panel.body = fill(panel)
    answered = render(request, f"{template}#panel" if is_partial else template, {"panel": panel})
    for name, value in headers.items():
        answered[name] = value
    return answered


def csv_answer(panel: Panel, rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Give the rows, the first of them the names of the columns, as a file of this moment."""
    stamp = in_ist(panel.scope.at).strftime("%Y-%m-%d-%H%M%S")
    return HttpResponse(
        "".join(lines(rows)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{panel.name}-{stamp}.csv"'},
    )
