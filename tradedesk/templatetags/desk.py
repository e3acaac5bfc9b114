"""Template tags of the desk: how numbers, times, icons and states look. Known to every template."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.forms.utils import flatatt
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tradedesk import money as numbers
from tradedesk import times

register = template.Library()

SPRITE = "vendor/lucide-1.62.0/sprite.svg"
ARROW = SafeString('<i class="tri" aria-hidden="true"></i>')


class Missing(SafeString):
    """The dash that stands where a value is not known; `dash` puts the reason on it."""


def missing(reason: str) -> Missing:
    return Missing(
        format_html(
            '<span class="muted" title="{}"><span aria-hidden="true">\N{EN DASH}</span>'
            '<span class="visually-hidden">{}</span></span>',
            reason,
            reason,
        )
    )


def shown(value: Any, how: Callable[[Any], str]) -> SafeString:
    """Write a number, or a dash for None. Never nought for what is not known."""
    if isinstance(value, Missing):
        return value
    if value is None:
        return missing("not known")
    return format_html('<span class="num">{}</span>', how(value))


@register.filter
def rupees(value: Decimal | int | None) -> SafeString:
    return shown(value, numbers.rupees)


@register.filter
def money(value: Decimal | int | None) -> SafeString:
    return shown(value, numbers.money)


@register.filter
def signed(value: Decimal | int | None) -> SafeString:
    return shown(value, numbers.signed)


@register.filter
def short_money(value: Decimal | int | None) -> SafeString:
    return shown(value, numbers.short)


@register.filter
def price(value: Decimal | int | None, tick: Decimal | str = "0.05") -> SafeString:
    """Write a price; the tick is a Decimal, or spelled as text in the template."""
    step = Decimal(tick) if isinstance(tick, str) else tick
    return shown(value, lambda number: numbers.price(number, step))


@register.filter
def quantity(value: Decimal | int | None) -> SafeString:
    return shown(value, numbers.quantity)


@register.filter
def signed_quantity(value: Decimal | int | None) -> SafeString:
    return shown(value, numbers.signed_quantity)


@register.filter
def percent(value: Decimal | int | None) -> SafeString:
    return coloured(value, numbers.percent)


@register.filter
def share(value: Decimal | int | None) -> SafeString:
    """Write per cent of what is neither gain nor loss: signed, without a colour."""
    return shown(value, numbers.percent)


@register.filter
def pnl(value: Decimal | int | None) -> SafeString:
    """Write a gain or a loss: sign, arrow, colour, and a word for those who hear the page."""
    return coloured(value, numbers.signed, arrow=True)


def coloured(
    value: Decimal | int | Missing | None, how: Callable[[Any], str], *, arrow: bool = False
) -> SafeString:
    if isinstance(value, Missing):
        return value
    if value is None:
        return missing("not known")
    text = how(value)
    kind, word = {"+": ("up", "gain"), numbers.MINUS: ("down", "loss")}.get(text[0], ("", ""))
    if not kind:
        return format_html('<span class="num">{}</span>', text)
    spoken = format_html('<span class="visually-hidden">{} </span>', word) if arrow else ""
    return format_html(
        '<span class="num {}">{}{}{}</span>', kind, ARROW if arrow else "", spoken, text
    )


@register.filter
def dash(value: Any, reason: str) -> Any:
    """Say why a value is missing, on hover and to screen readers."""
    return missing(reason) if value is None or value == "" or isinstance(value, Missing) else value


@register.filter
def figure(row: Any, name: str) -> Any:
    """Give a figure of a valued row, or the reason why it is missing."""
    value = getattr(row, name)
    return missing(row.reasons.get(name, "not known")) if value is None else value


@register.filter
def whole(value: Decimal) -> int:
    """Leave the decimals out, for a bar."""
    return int(value)


@register.filter
def clock(at: datetime | None) -> SafeString:
    return timed(at, times.clock)


@register.filter
def clock_words(at: datetime) -> str:
    """Spell the time of day alone, for a place that has its own time element."""
    return times.clock(at)


@register.filter
def moment(at: datetime | None) -> SafeString:
    return timed(at, lambda then: times.moment(then, timezone.now()))


@register.filter
def day_and_clock(at: datetime) -> str:
    return times.day_and_clock(at)


@register.filter
def until_then(at: datetime) -> str:
    """Say how long it is until then; the page counts on from there."""
    minutes = max(0, int((at - timezone.now()).total_seconds()) // 60)
    return f"{minutes // 60} h {minutes % 60} m" if minutes >= 60 else f"{minutes} m"


@register.filter
def iso(at: datetime) -> str:
    return times.iso(at)


def timed(at: datetime | None, how: Callable[[datetime], str]) -> SafeString:
    if at is None:
        return missing("never")
    return format_html(
        '<time class="num" datetime="{}" title="{}">{}</time>',
        times.iso(at),
        times.day_and_clock(at),
        how(at),
    )


@register.simple_tag
@lru_cache(500)  # the same few, hundreds of times on a page
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon of the sprite; with a label it speaks, without one it is decoration."""
    says = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return format_html(
        '<svg class="ic" {}><use href="{}#{}"></use></svg>', SafeString(says), static(SPRITE), name
    )


LEVEL_ICONS = {
    "success": "circle-check",
    "warning": "triangle-alert",
    "error": "octagon-alert",
    "info": "info",
}


@register.filter
def level_icon(level: str) -> str:
    """Name the icon of a message's level."""
    return LEVEL_ICONS.get(level, "info")


# Every word that the state of an order can show, with the look and the icon it gets.
STATES = {
    "SENDING": ("waiting", "circle-dashed"),
    "PENDING": ("waiting", "circle"),
    "TRIGGER PENDING": ("waiting", "circle-dot"),
    "PARTIAL": ("waiting", "contrast"),
    "COMPLETE": ("good", "check"),
    "REJECTED": ("bad", "x"),
    "CANCELLED": ("over", "minus"),
    "UNKNOWN": ("unknown", "circle-question-mark"),
    "ACTIVE": ("waiting", "hourglass"),
    "TRIGGERED": ("waiting", "play"),
    "EXPIRED": ("over", "clock"),
    "DISABLED": ("over", "ban"),
    "DELETED": ("over", "trash-2"),
    # Of what is on its way from this desk: sent is not yet filled.
    "WAITING": ("waiting", "hourglass"),
    "SENT": ("good", "send"),
    "FAILED": ("bad", "x"),
}


@register.simple_tag
def live_panel(panel: Any) -> SafeString:
    """Make a section a live panel: whose figures it shows, and when it asks for itself."""
    when = f"every {panel.seconds}s"
    attributes = {
        "class": "panel is-stale" if panel.is_stale else "panel",
        "id": panel.name,
        "aria-labelledby": f"{panel.name}-title",
        "data-panel": panel.name,
        "data-parts": " ".join(panel.parts),
        "data-scope": panel.scope.code,
        "data-etag": panel.etag,
        "data-loading": panel.is_loading,
        "hx-get": panel.here,
        "hx-trigger": f"panel-changed delay:100ms, account-changed from:body, {when}",
        "hx-swap": "outerMorph",
    }
    return flatatt(attributes)


@register.simple_tag
def status(state: str, note: str = "", broker: str = "", like: str = "") -> SafeString:
    """Show an order's state: icon, word and colour, also that of another state.

    The broker's own word is in the title. Written here and not in a template: a table has it in
    each row, and there it took a third of the panel's time.
    """
    _, name = STATES[state]
    kind, _ = STATES[like or state]
    return format_html(
        '<span class="status is-{}"{}>{} {}{}</span>',
        kind,
        format_html(' title="Broker: {}"', broker) if broker else "",
        icon(name),
        state,
        f", {note}" if note else "",
    )
