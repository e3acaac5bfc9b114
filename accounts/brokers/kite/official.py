"""The official client with our transport under it: what sends and what reads times is ours, all routes are theirs.

This module imports kiteconnect, and with it Twisted's global reactor. Only `client.py` imports it,
at the moment a client is made.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from kiteconnect.connect import KiteConnect

from accounts.brokers.errors import AuthExpired
from accounts.brokers.kite.answers import data_of
from accounts.brokers.kite.environments import Environment
from accounts.brokers.kite.routes import CLASSES, DUMPS, LIMITS, LISTS, OPERATIONS, READS, ROUTES
from accounts.brokers.kite.sending import READ, Call, Sender
from accounts.brokers.kite.values import as_json, as_text
from accounts.brokers.words import CallClass


class Kite(KiteConnect):
    """The client of one account."""

    _routes: ClassVar[Mapping[str, str]] = {**KiteConnect._routes, **ROUTES}

    def __init__(
        self, environment: Environment, api_key: str, sender: Sender, patience: float
    ) -> None:
        super().__init__(api_key, root=environment.root)
        self._default_login_uri = environment.login
        self.environment = environment
        self.sender = sender
        self.patience = patience

    def _request(
        self,
        route: str,
        method: str,
        url_args: Mapping[str, Any] | None = None,
        params: Any = None,
        is_json: bool = False,  # noqa: FBT001, FBT002 - the official signature
        query_params: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send what the official method prepared, and return the data of the answer."""
        places = {name: quote(str(value), safe="") for name, value in (url_args or {}).items()}
        is_query = method in {"GET", "DELETE"}
        has_form = not is_query and not is_json
        call = Call(
            operation=OPERATIONS.get(route, route),
            method=method,
            url=self.environment.url(route, self._routes[route].format(**places)),
            headers=self._headers(access_token := self.access_token or ""),
            query=pairs(params if is_query else query_params),
            form=pairs(params) if has_form else None,
            json=as_json(params) if is_json else None,
            is_dump=route in DUMPS,
            is_read=method == "GET" or route in READS,
            call_class=CLASSES.get(route, CallClass.READ),
            limits=LIMITS.get(route, READ).scaled(self.patience),
        )
        try:
            data = self.sender.send(call, data_of)
        except AuthExpired:
            if access_token and self.session_expiry_hook:
                self.session_expiry_hook(access_token)
            raise
        if route not in LISTS:
            return data
        if not isinstance(data, list | None):
            raise TypeError("no list")  # to take it for an empty one would lose what is there
        return data or []

    def _format_response(self, data: Any) -> Any:
        """Leave times as they came: `values.ist` reads them, and does not guess at what it does not know."""
        return data

    def _headers(self, access_token: str) -> dict[str, str]:
        headers = {"X-Kite-Version": self.kite_header_version, "User-Agent": self._user_agent()}
        if access_token:
            headers["Authorization"] = f"token {self.api_key}:{access_token}"
        return headers


def pairs(params: Any) -> list[tuple[str, str]]:
    """Spell parameters as text; None is left out and a list becomes one pair for each value."""
    found: list[tuple[str, str]] = []
    for name, value in (params or {}).items():
        values = value if isinstance(value, list | tuple) else [value]
        found += [(name, as_text(one)) for one in values if one is not None]
    return found
