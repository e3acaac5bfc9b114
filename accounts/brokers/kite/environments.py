"""Where Kite lives: the live one, the official sandbox, and paper exchanges. They never mix."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from accounts.brokers.errors import ForbiddenHost

# Real money, or a real account's log-in, is behind every host of these names.
REAL_DOMAINS = ("kite.trade", "zerodha.com", "zerodha.net")
# The only routes that the sandbox serves without its prefix.
WITHOUT_PREFIX = frozenset({"market.instruments", "market.instruments.all"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Scheme, host and port: one server, spelled in one way."""

    scheme: str
    host: str
    port: int

    @property
    def is_real(self) -> bool:
        return any(self.host == name or self.host.endswith("." + name) for name in REAL_DOMAINS)


def origin_of(url: str) -> Origin:
    """Read the origin of an address; capital letters and a final dot make no other host."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise ForbiddenHost("reading the broker's address", text=f"not a plain address: {host}")
    return Origin(
        scheme=parts.scheme,
        host=host,
        port=parts.port or (443 if parts.scheme == "https" else 80),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One of the places an account can be linked to, chosen at linking and never changed."""

    name: str
    root: str
    login: str
    socket: str
    prefix: str = ""
    socket_wants_user: bool = False

    @property
    def origin(self) -> Origin:
        return origin_of(self.root)

    def url(self, route: str, path: str) -> str:
        """Name the whole address of a route."""
        prefix = "" if route in WITHOUT_PREFIX else self.prefix
        return self.root.rstrip("/") + prefix + path


LIVE = Environment(
    name="live",
    root="https://api.kite.trade",
    login="https://kite.zerodha.com/connect/login",
    socket="wss://ws.kite.trade",
)
SANDBOX = Environment(
    name="sandbox",
    root="https://sandbox.kite.trade",
    login="https://sandbox.kite.trade/connect/login",
    socket="wss://ws-sandbox.kite.trade",
    prefix="/oms",
    socket_wants_user=True,
)


def paper(root: str, *, like_sandbox: bool = False) -> Environment:
    """Make the environment of a paper exchange; an address of the real broker is refused."""
    root = root.rstrip("/")
    if origin_of(root).is_real:
        raise ForbiddenHost("choosing a paper exchange", text=f"{root} is a real broker's")
    return Environment(
        name="paper",
        root=root,
        login=f"{root}/connect/login",
        socket=root.replace("http", "ws", 1),
        prefix="/oms" if like_sandbox else "",
        socket_wants_user=like_sandbox,
    )
