"""Every request's way through the doors: route, session, limits, faults, handler."""

import logging
import time
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import h11

from accounts.brokers.paper.engine import Event, Refusal

from . import (
    alert_calls,
    depository,
    fund_calls,
    gtt_calls,
    margin_calls,
    market_calls,
    order_calls,
    portfolio_calls,
    session_calls,
)
from .clerk import Clerk
from .control import Control
from .expiry import Ragged
from .faults import Faults
from .guard import is_local, knows_token
from .limits import Limits
from .login import LoginDoor
from .messages import Answer, ConnectionTorn, HangUp, Request, encode, failure, success
from .overview import overview
from .routes import SANDBOX_PREFIX, Call, Route, Table
from .sockets import Hub
from .updates import Updates
from .wire import Line

logger = logging.getLogger(__name__)

CONTROL: Final = "/paper"
SANDBOX_LACKS: Final = {
    "gtts",
    "gtt",
    "gtt.place",
    "gtt.modify",
    "gtt.delete",
    "trigger_range",
    "order.margins",
    "basket.margins",
    "charges",
}
# Tokens may die for one class of calls before another.
SCOPES: Final = {"quote": "quote", "historical": "historical"}
BAD_TOKEN: Final = "Incorrect `api_key` or `access_token`."  # noqa: S105


def kite_routes() -> list[Route]:
    modules = (
        session_calls,
        portfolio_calls,
        order_calls,
        margin_calls,
        market_calls,
        gtt_calls,
        alert_calls,
        fund_calls,
        depository,
    )
    return [route for module in modules for route in module.ROUTES]


def refused(refusal: Refusal) -> Answer:
    if refusal.data is None:
        return failure(refusal.message, refusal.status, refusal.error_type)
    body = {
        "status": "error",
        "message": refusal.message,
        "error_type": refusal.error_type,
        "data": refusal.data,
    }
    return Answer(encode(body), refusal.status)


def bad_token() -> Refusal:
    return Refusal(BAD_TOKEN, status=403, error_type="TokenException")


class Doors:
    """What stands between the connections and the exchange."""

    def __init__(
        self,
        *,
        clerk: Clerk,
        hub: Hub,
        updates: Updates,
        faults: Faults,
        limits: Limits,
        ragged: Ragged,
        login: LoginDoor,
        control: Control,
        token: str,
    ) -> None:
        self.clerk = clerk
        self.hub = hub
        self.updates = updates
        self.faults = faults
        self.limits = limits
        self.ragged = ragged
        self.token = token
        self.sandbox = clerk.exchange.floor.state.profile == "kite-sandbox"
        self.table = Table([*kite_routes(), *login.routes()])
        self.control = Table(control.routes())
        control.routes_known = self.table.names | {"socket"}

    # Requests

    async def answer(self, request: Request) -> Answer:
        """The answer to any request; nothing that arrives makes this fail."""
        try:
            if request.path == CONTROL or request.path.startswith(CONTROL + "/"):
                return await self.controlled(request)
            return await self.kite(request)
        except Refusal as refusal:
            return refused(refusal)
        except (ConnectionTorn, HangUp):
            raise
        except Exception:
            logger.exception("A request to %r failed", request.path[:200])
            return failure("Something went wrong inside the exchange.", 500, "GeneralException")

    async def kite(self, request: Request) -> Answer:
        route, path = self.table.find(request.method, self.path_of(request))
        if self.sandbox and route.name in SANDBOX_LACKS:
            raise Refusal("Route not found", status=404, error_type="GeneralException")
        call = self.signed(route, request, path)
        self.count(route, call)
        spoilt = await self.faults.before(route.name, call.user, request)
        if spoilt is not None:
            return spoilt
        answer = await self.handled(route, call)
        return await self.faults.after(route.name, call.user, request, answer)

    async def handled(self, route: Route, call: Call) -> Answer:
        """The handler's answer; a refusal is an answer that faults may spoil as well."""
        try:
            data = await route.handler(call)
        except Refusal as refusal:
            return refused(refusal)
        return data if isinstance(data, Answer) else success(data)

    def path_of(self, request: Request) -> str:
        """The path without the sandbox's prefix, where that profile is imitated."""
        if self.sandbox and request.path.startswith(SANDBOX_PREFIX + "/"):
            return request.path.removeprefix(SANDBOX_PREFIX)
        return request.path

    def signed(self, route: Route, request: Request, path: dict[str, str]) -> Call:
        """The call with its user, once its token has been checked."""
        if not route.signed:
            return Call(request, self.clerk, path)
        scheme, _, credentials = request.header("authorization").partition(" ")
        api_key, _, access_token = credentials.strip().partition(":")
        user = ""
        if scheme.lower() == "token":
            user = self.user_of(api_key, access_token, SCOPES.get(route.kind, "order"))
        if not user or self.ragged.refuses(user, route.kind, time.monotonic()):
            raise bad_token()
        return Call(request, self.clerk, path, user, api_key, access_token)

    def user_of(self, api_key: str, access_token: str, scope: str) -> str:
        """The user behind a token, or "" where it is not in force for calls of this scope."""
        session: Any = self.clerk.exchange.query(
            "session", access_token=access_token, api_key=api_key, scope=scope
        )
        return str(session["user_id"]) if session else ""

    def count(self, route: Route, call: Call) -> None:
        """Refuse a call that is one too many for its class."""
        if route.kind == "none":
            return
        key = call.api_key or call.request.peer
        message = self.limits.refusal(route.kind, api_key=key, user=call.user, places=route.places)
        if message is not None:
            raise Refusal(message, status=429, error_type="NetworkException")

    async def controlled(self, request: Request) -> Answer:
        """The control API and the page for people: this machine only."""
        if not is_local(request):
            raise Refusal(
                "Only this machine may do that.", status=403, error_type="PermissionException"
            )
        if request.method == "GET" and request.path in {CONTROL, CONTROL + "/"}:
            return overview(self.clerk, self.faults, self.hub)
        if not knows_token(request, self.token):
            raise Refusal(
                "The header X-Paper-Token is wrong or missing.",
                status=403,
                error_type="PermissionException",
            )
        route, path = self.control.find(request.method, request.path)
        answer = await route.handler(Call(request, self.clerk, path))
        assert isinstance(answer, Answer)
        return answer

    # Sockets

    async def upgrade(self, line: Line, request: Request, head: h11.Request) -> None:
        """Let a socket in, or refuse it with an ordinary answer."""
        try:
            answer = await self.open_socket(line, request, head)
        except Refusal as refusal:
            answer = refused(refusal)
        if answer is not None:
            await line.send(answer, zip_allowed=False)

    async def open_socket(self, line: Line, request: Request, head: h11.Request) -> Answer | None:
        if self.path_of(request) not in {"/", ""}:
            raise Refusal("Route not found", status=404, error_type="GeneralException")
        query = dict(parse_qsl(request.query, keep_blank_values=True, max_num_fields=50))
        api_key, access_token = query.get("api_key", ""), query.get("access_token", "")
        user = self.user_of(api_key, access_token, "socket")
        if not user or (self.sandbox and query.get("user_id") != user):
            raise Refusal("Authentication failed.", status=403, error_type="TokenException")
        spoilt = await self.faults.before("socket", user, request)
        if spoilt is not None:
            return spoilt
        if not self.hub.has_room(user, api_key):
            raise Refusal("Too many connections", status=429, error_type="NetworkException")
        await self.hub.listen(line, head, user=user, api_key=api_key, access_token=access_token)
        return None

    # Events

    def announce(self, events: Iterable[Event]) -> None:
        """Pass on what happened, after it was safely recorded."""
        for event in events:
            match event.kind:
                case "tick":
                    self.hub.publish(event.data["tokens"])
                case "order":
                    self.updates.order(event)
                case "tokens_expired":
                    self.hub.expel(self.is_alive)
                case "message":
                    self.hub.tell(event.user, "message", str(event.data.get("message", "")))

    def is_alive(self, access_token: str) -> bool:
        session: Any = self.clerk.exchange.query(
            "session", access_token=access_token, scope="socket"
        )
        return session is not None
