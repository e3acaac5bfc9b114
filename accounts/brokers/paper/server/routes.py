"""The table of routes and how a path finds its place in it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from accounts.brokers.paper.engine import Refusal

from .clerk import Clerk
from .messages import Request
from .reading import Fields, read_form, read_query

SANDBOX_PREFIX: Final = "/oms"


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to a handler: who asks, and for what."""

    request: Request
    clerk: Clerk
    path: dict[str, str]
    user: str = ""
    api_key: str = ""
    access_token: str = ""

    def query(self) -> Fields:
        return Fields.of(read_query(self.request))

    def form(self) -> Fields:
        """The body's fields; what stands in the query counts as well."""
        return Fields.of(read_form(self.request) + read_query(self.request))

    def part(self, name: str) -> str:
        """A variable part of the path."""
        return Fields.checked(self.path[name], name)

    def read(self, name: str, **args: Any) -> Any:
        return self.clerk.exchange.query(name, self.user, **args)

    async def do(self, op: str, **args: Any) -> Any:
        given = {name: value for name, value in args.items() if value is not None}
        if self.api_key:
            given["api_key"] = self.api_key
        return await self.clerk.carry_out(op, given, self.user)


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table. `kind` is the class whose limit it counts against."""

    name: str
    method: str
    path: str
    handler: Handler
    kind: str = "other"
    signed: bool = True
    places: bool = False


def read_only(name: str) -> Handler:
    """A handler that only reads, with nothing to ask for."""

    async def handler(call: Call) -> Any:
        return call.read(name)

    return handler


def parts_of(path: str) -> list[str]:
    return path.strip("/").split("/")


def bind(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    """The variables of a pattern, or None where the path does not fit it."""
    found: dict[str, str] = {}
    for want, have in zip(pattern, parts, strict=True):
        if want.startswith("{"):
            if not have:
                return None
            found[want.strip("{}")] = have
        elif want != have:
            return None
    return found


class Table:
    """All routes, ordered so that a literal path wins over a variable one."""

    def __init__(self, routes: list[Route]) -> None:
        self.names = {route.name for route in routes}
        self.by_length: dict[int, list[tuple[list[str], Route]]] = {}
        for route in sorted(routes, key=lambda one: one.path.count("{")):
            pattern = parts_of(route.path)
            self.by_length.setdefault(len(pattern), []).append((pattern, route))

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route of a request, or the refusal that Kite gives."""
        parts = parts_of(path)
        known: list[tuple[Route, dict[str, str]]] = []
        for pattern, route in self.by_length.get(len(parts), []):
            found = bind(pattern, parts)
            if found is not None:
                known.append((route, found))
        for route, found in known:
            if route.method == method:
                return route, found
        if known:
            raise Refusal("Method not allowed", status=405, error_type="GeneralException")
        raise Refusal("Route not found", status=404, error_type="GeneralException")
