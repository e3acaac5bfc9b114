"""What /setup/ looks at: each check asks the real thing, now, and says what it saw."""

import asyncio
import os
import re
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from channels.layers import get_channel_layer
from django.conf import settings
from django.http import Http404
from django.urls import NoReverseMatch, resolve, reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import lines
from accounts.breaker import Breaker
from accounts.brokerage import BrokerAccount, Credentials, Mode
from accounts.brokers.capabilities import Rule
from accounts.brokers.registry import kind, kinds
from accounts.brokers.words import CallClass
from accounts.link_forms import PLACEHOLDER
from accounts.models import AuditEvent, AuditHead
from accounts.vault import SealBroken
from tradedesk.health import checkers
from tradedesk.models import Failure

DAY = timedelta(days=1)
SOCKET_PATIENCE = 2.0  # seconds
NOT_SIGNED_IN = 4401  # how our socket answers whom it does not know
OF_ENVIRONMENT = re.compile(r"(?:KITE|ZERODHA)_(?:API_KEY|API_SECRET|USER_ID|PASSWORD|TOTP_SECRET)")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a check saw: how much of it is as it should be, from 0 to 1, and that in words."""

    share: float
    words: str

    @property
    def ok(self) -> bool:
        return self.share == 1


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question to the running desk. Without `look`, its subject is not built yet."""

    name: str
    look: Callable[[], Seen] | None
    step: str = ""  # what to do when it is not as it should be
    view: str = ""  # where to do it


def seen(words: str, *, ok: bool) -> Seen:
    return Seen(share=float(ok), words=words)


def shared(good: int, of: int, words: str, *, none: str) -> Seen:
    """Judge a number of things; none at all is nothing to be content with."""
    return Seen(share=good / of, words=words) if of else Seen(share=0.0, words=none)


# Core ----------------------------------------------------------------------------------------


def audit_is_intact() -> Seen:
    """Compare the end of the chain with the head; verify_audit walks along all of it."""
    head = AuditHead.objects.first() or AuditHead()
    last = AuditEvent.objects.order_by("number").last()
    if last is None:
        return seen("no event yet", ok=head.number == 0)
    held = (head.number, head.hash) == (last.number, last.fingerprint()) and last.hash == head.hash
    events = f"{head.number} events"
    return seen(f"{events}, the last as it was written" if held else "the chain is broken", ok=held)


# Sockets -------------------------------------------------------------------------------------


def apart[Found](work: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
    """Run it in a thread with a loop of its own: Channels closes connections that it finds here."""
    return checkers.submit(lambda: asyncio.run(work())).result(timeout=2 * SOCKET_PATIENCE)


def layer_carries() -> Seen:
    """Send an event to a channel of our own and wait for it."""
    carried = apart(through_the_layer)
    return seen(
        "an event went through Redis and came back" if carried else "it was lost", ok=carried
    )


async def through_the_layer() -> bool:
    layer = get_channel_layer()
    name = await layer.new_channel()
    await layer.send(name, {"type": "ready"})
    try:
        message = await asyncio.wait_for(layer.receive(name), SOCKET_PATIENCE)
    except TimeoutError:
        return False
    return bool(message["type"] == "ready")


def socket_answers() -> Seen:
    """Knock at the socket as one of our own pages, without a log-in: it says who may come in."""
    messages = apart(knock)
    codes = [message.get("code") for message in messages if message["type"] == "websocket.close"]
    answered = codes == [NOT_SIGNED_IN]
    words = (
        "/ws/ answers, and lets in nobody without a log-in" if answered else "/ws/ does not answer"
    )
    return seen(words, ok=answered)


async def knock() -> list[dict[str, Any]]:
    """Open the socket of this desk from inside and keep what it says."""
    application = import_string(settings.ASGI_APPLICATION)
    host = urlsplit(settings.SITE_URL).netloc
    origin = f"{'https' if settings.HTTPS else 'http'}://{host}"
    scope = {
        "type": "websocket",
        "path": "/ws/",
        "raw_path": b"/ws/",
        "query_string": b"",
        "headers": [(b"host", host.encode()), (b"origin", origin.encode())],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "scheme": "ws",
        "subprotocols": [],
    }
    arriving = iter([{"type": "websocket.connect"}])
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(arriving, {"type": "websocket.disconnect", "code": 1000})

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    try:
        await asyncio.wait_for(application(scope, receive, send), SOCKET_PATIENCE)
    except TimeoutError:
        return []
    return said


# Errors --------------------------------------------------------------------------------------


def nothing_broke() -> Seen:
    since = timezone.now() - DAY
    kinds_of_it = Failure.objects.filter(last_at__gte=since).count()
    found = f"{kinds_of_it} kinds of error in 24 hours" if kinds_of_it else "none in 24 hours"
    return seen(found, ok=not kinds_of_it)


def errors_are_kept() -> Seen:
    kept = f"{Failure.objects.count()} kinds kept"
    return seen(f"{kept}, and sent to SENTRY_DSN" if settings.SENTRY_DSN else kept, ok=True)


def breakers_are_closed() -> Seen:
    linked = BrokerAccount.objects.linked()
    opened = Breaker.objects.filter(account__in=linked, opened_at__isnull=False)
    codes = sorted(opened.values_list("account__code", flat=True))
    return seen(f"open for {', '.join(codes)}" if codes else "every line is trusted", ok=not codes)


# Limits --------------------------------------------------------------------------------------


def limiter_answers() -> Seen:
    """Ask for a permit of no account's; Redis counts it."""
    names = [one.name for one in kinds()]
    away = [
        name for name in names if lines.limiter(name).ask("setup", CallClass.READ).is_limiter_away
    ]
    if away:
        return seen("Redis does not count: entries wait, reads go slowly", ok=False)
    return seen("it counts, for all processes together", ok=True)


def pace_is_bounded() -> Seen:
    pace = settings.MAX_ORDERS_PER_SECOND
    unbounded = [
        one.title for one in kinds() if not is_bounded(one.limits(pace)[CallClass.ENTRY], pace)
    ]
    words = (
        f"unbounded at {', '.join(unbounded)}" if unbounded else f"{pace} orders a second at most"
    )
    return seen(words, ok=not unbounded)


def is_bounded(rules: Iterable[Rule], pace: int) -> bool:
    return any(rule.most <= pace for rule in rules)


# Tokens --------------------------------------------------------------------------------------


def tokens_open() -> Seen:
    """Open every stored token; an unreadable one is counted, never shown."""
    good = total = 0
    for account in BrokerAccount.objects.logged_in():
        total += 1
        try:
            good += bool(account.session.access_token)
        except SealBroken:
            continue
    return shared(good, total, f"{good} of {total} stored tokens open", none="no token is stored")


def accounts_are_live() -> Seen:
    linked = BrokerAccount.objects.linked().count()
    live = BrokerAccount.objects.logged_in().count()
    return shared(
        live, linked, f"{live} of {linked} accounts logged in", none="no account is linked"
    )


def sessions_are_verified() -> Seen:
    """Look when the brokers last knew the sessions; beat asks every few seconds."""
    patience = timedelta(seconds=max(60, 4 * settings.SESSION_CHECK_SECONDS))
    live = BrokerAccount.objects.logged_in()
    fresh = live.filter(session__verified_at__gte=timezone.now() - patience).count()
    words = f"{fresh} of {live.count()} confirmed by the broker in the last minute"
    return shared(fresh, live.count(), words, none="no session to confirm")


# Credentials ---------------------------------------------------------------------------------


def credentials_are_complete() -> Seen:
    """Look for what each broker requires: there, readable, and no placeholder. Names only."""
    faulty = {}
    known = BrokerAccount.objects.linked().defer("profile")
    for account in known:
        if faults := faults_of(account):
            faulty[account.code] = faults
    words = "; ".join(f"{code}: {', '.join(faults)}" for code, faults in faulty.items())
    good = known.count() - len(faulty)
    return shared(good, known.count(), words or f"complete for {good}", none="no account is linked")


def faults_of(account: BrokerAccount) -> list[str]:
    try:
        stored = account.credentials
    except SealBroken:
        return ["a secret cannot be read"]
    except Credentials.DoesNotExist:
        return ["no credentials"]
    found = []
    for field in kind(account.broker).fields:
        value = getattr(stored, field.name, None)
        if field.name == "broker_user_id":
            value = account.broker_user_id
        if PLACEHOLDER.match(value or "") or (field.is_required and not value):
            found.append(f"{field.label} is not configured")
    if account.mode == Mode.AUTO and not (stored.password and stored.totp_seed):
        found.append("what the automatic log-in needs is not configured")
    return found


def environment_is_real() -> Seen:
    names = sorted(name for name in os.environ if OF_ENVIRONMENT.fullmatch(name))
    bad = [name for name in names if PLACEHOLDER.match(os.environ[name].strip())]
    words = f"{', '.join(bad)} not configured: a placeholder" if bad else "no placeholder in it"
    return seen(words, ok=not bad)


# Doors ---------------------------------------------------------------------------------------


def doors_are_open(*addresses: str) -> Callable[[], Seen]:
    """Make a check that these addresses lead somewhere."""

    def look() -> Seen:
        good = [one for one in addresses if leads_somewhere(one)]
        lost = [one for one in addresses if one not in good]
        words = f"{', '.join(lost)} lead nowhere" if lost else ", ".join(good)
        return Seen(share=len(good) / len(addresses), words=words)

    return look


def leads_somewhere(address: str) -> bool:
    try:
        resolve(address)
    except Http404:
        return False
    return True


def brokers_come_back() -> Seen:
    """Tell the address that is registered at each broker."""
    try:
        found = [reverse("log_in_back", args=[one.name]) for one in kinds()]
    except NoReverseMatch:
        return seen("no address to come back to", ok=False)
    root = settings.SITE_URL.rstrip("/")
    return seen(", ".join(f"{root}{path}" for path in found), ok=True)
