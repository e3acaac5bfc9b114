"""The triggers that brokers watch: what each waits for, and what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from accounts.brokers.types import GttStatus
from orders import form_keys
from orders.datasets import Part
from orders.gtt_shown import KINDS, may_change
from orders.gtts import has_gtt
from orders.instruments.labels import Label
from orders.ledger import GttTrigger, Order
from orders.listing import told, unshown
from orders.naming import key_of, names_of
from orders.panels import Panel, Scope, Seat, answer, open_panel
from orders.shown import State, short_reason, state_of
from tradedesk.http import DeskRequest
from tradedesk.templatetags.desk import STATES

GONE_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """The order that a trigger releases, with how far the price has to go for it."""

    trigger: Decimal | None
    distance: Decimal | None
    side: str
    quantity: int
    product: str
    price: Decimal
    order_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GttLine:
    """A trigger among the others of a table."""

    seat: Seat
    gtt: GttTrigger
    label: Label
    legs: Sequence[Leg]
    state: State
    like: str  # the state of an order whose look it takes
    key: str = ""  # of the form that deletes it, for whoever may

    @property
    def kind(self) -> str:
        return KINDS.get(self.gtt.kind, self.gtt.kind)

    @property
    def reason(self) -> str:
        return next((short_reason(leg.reason) for leg in self.legs if leg.reason), "")


@login_required
@require_safe
def gtt(request: DeskRequest, code: str = "") -> HttpResponse:
    """Show the triggers of the accounts; those that brokers list no more stand below."""
    parts = [Part.GTTS, Part.ORDERS]  # what was triggered looks like the order it released
    panel = open_panel(request, code, name="gtt", title="GTT", parts=parts)
    return answer(request, panel, "orders/gtt.html", fill=gtt_body, as_json=gtt_json, rows=gtt_csv)


def gtt_body(panel: Panel) -> dict[str, Any]:
    lines = with_keys(panel.scope, gtt_lines(panel.scope))
    gone = [line for line in lines if not line.gtt.is_listed]
    return {
        "listed": [line for line in lines if line.gtt.is_listed],
        "gone": gone[:GONE_SHOWN],
        "gone_count": len(gone),
        "lines": lines,
        "traders": [seat.account for seat in panel.scope.seats if may_set(seat)],
    }


def may_set(seat: Seat) -> bool:
    """Tell whether the reader may set triggers there, and the broker keeps any."""
    return seat.may_trade and has_gtt(seat.account)


def with_keys(scope: Scope, lines: list[GttLine]) -> list[GttLine]:
    """Give each line that its reader may change the key of the form that deletes it."""
    return [
        replace(line, key=form_keys.make(scope.user, line.seat.account))
        if may_set(line.seat) and may_change(line.gtt)
        else line
        for line in lines
    ]


def gtt_lines(scope: Scope) -> list[GttLine]:
    """Give the triggers, the newest first, each with the orders it released."""
    known = {seat.account.pk: seat for seat in scope.shown}
    rows = list(GttTrigger.objects.filter(account__in=known).order_by("-created_at", "-pk"))
    labels = names_of(((known[row.account_id], row) for row in rows), scope.at)
    released = {str(leg["order_id"]) for row in rows for leg in row.legs if leg.get("order_id")}
    found = Order.objects.filter(account__in=known, order_id__in=released)
    children = {(one.account_id, one.order_id): one for one in found}
    return [
        line_of(
            known[row.account_id],
            row,
            labels[key_of(known[row.account_id], row)],
            children,
        )
        for row in rows
    ]


def line_of(
    seat: Seat, row: GttTrigger, label: Label, children: Mapping[tuple[int, str], Order]
) -> GttLine:
    state, like = state_of_gtt(row, children)
    # Of a stop and a target each has its own price; a single one has one for whatever it releases.
    triggers = [Decimal(one) for one in row.triggers]
    legs = [
        leg_of(leg, triggers[min(place, len(triggers) - 1)] if triggers else None, row.last_price)
        for place, leg in enumerate(row.legs)
    ]
    return GttLine(seat=seat, gtt=row, label=label, legs=legs, state=state, like=like)


def leg_of(leg: Mapping[str, Any], trigger: Decimal | None, last: Decimal) -> Leg:
    return Leg(
        trigger=trigger,
        distance=distance(trigger, last),
        side=leg["side"],
        quantity=leg["quantity"],
        product=leg["product"],
        price=Decimal(leg["price"]),
        order_id=leg.get("order_id") or "",
        reason=leg.get("rejection") or "",
    )


def distance(trigger: Decimal | None, last: Decimal) -> Decimal | None:
    """Tell in per cent how far the price has to go from the last one."""
    return (trigger - last) / last * 100 if trigger is not None and last else None


def state_of_gtt(row: GttTrigger, children: Mapping[tuple[int, str], Order]) -> tuple[State, str]:
    """Tell a trigger's state, and the state of an order whose look it takes.

    Triggered says only that the condition was met: its colour is that of the order it released.
    """
    word = row.status.upper()
    if word not in STATES or (row.status == GttStatus.ACTIVE and not row.is_listed):
        return State(word="UNKNOWN", note=f"last {row.status}"), "UNKNOWN"
    if row.status != GttStatus.TRIGGERED:
        return State(word=word), word
    if any(leg.get("succeeded") is False for leg in row.legs):
        return State(word=word, note="order rejected"), "REJECTED"
    for leg in row.legs:
        if child := children.get((row.account_id, str(leg.get("order_id")))):
            state = state_of(child.status, child.filled_quantity)
            return State(word=word, note=f"order {state.word.lower()}"), state.word
    return State(word=word), word


def gtt_csv(panel: Panel) -> Iterator[list[Any]]:
    """Give a line for each leg."""
    yield [
        "account", "client_id", "environment", "gtt_id", "kind", "status", "is_listed", "exchange",
        "symbol", "trigger", "last_price", "distance_percent", "side", "quantity", "product",
        "price", "order_id", "rejection", "created_at", "expires_at", "synced_at",
    ]  # fmt: skip
    for line in panel.body["lines"]:
        account, row = line.seat.account, line.gtt
        for leg in line.legs:
            yield [
                account.code, account.broker_user_id, account.environment, row.gtt_id, row.kind,
                row.status, "yes" if row.is_listed else "no", row.exchange, row.symbol, leg.trigger,
                row.last_price, leg.distance and round(leg.distance, 2), leg.side, leg.quantity,
                leg.product, leg.price, leg.order_id, leg.reason, row.created_at, row.expires_at,
                row.synced_at,
            ]  # fmt: skip


def gtt_json(scope: Scope) -> list[dict[str, Any]]:
    """Give the triggers that the brokers list, under the brokers' own names."""
    known = {seat.account.pk: seat for seat in scope.shown}
    rows = GttTrigger.objects.filter(account__in=known, is_listed=True)
    return [
        told(row.raw, known[row.account_id].account, known[row.account_id].synced_at(Part.GTTS))
        for row in rows.order_by("-created_at", "-pk")
    ] + unshown(scope)
