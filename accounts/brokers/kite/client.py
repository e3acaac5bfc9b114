"""What every part of the adapter stands on: the client, and what to do with odd answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from accounts.brokers.capabilities import Capabilities
from accounts.brokers.errors import (
    AmbiguousOutcome,
    AuthExpired,
    BrokerUnavailable,
    InvalidRequest,
    Unsupported,
)
from accounts.brokers.kite.environments import Environment
from accounts.brokers.kite.sending import Gate, Sender, open_gate
from accounts.brokers.kite.values import Unreadable, raw

if TYPE_CHECKING:
    pass

# What the official client and our own reading raise when an answer is not what it must be.
ODD = (Unreadable, LookupError, TypeError, AttributeError, ValueError, UnboundLocalError)


type SessionOver = Callable[[int], None]


def nobody_asks(generation: int) -> None:
    """Let a session end without a word: the error that is raised tells it as well."""


class Client:
    """The official client of one account, made for one environment."""

    def __init__(
        self,
        environment: Environment,
        offers: Capabilities,
        *,
        api_key: str,
        access_token: str = "",
        generation: int = 0,
        gate: Gate = open_gate,
        on_session_over: SessionOver = nobody_asks,
        patience: float = 1.0,
    ) -> None:
        # Only now: this import brings Twisted's global reactor with it.
        from accounts.brokers.kite.official import Kite

        if not is_plain(api_key):
            raise InvalidRequest("use the API key", text="it holds signs that no key has")
        self.place_of_business = environment
        self.offers = offers
        self.sender = Sender(environment.origin, gate)
        self.kite: Kite = Kite(environment, api_key, self.sender, patience)
        self.on_session_over = on_session_over
        self.kite.set_session_expiry_hook(self.session_over)
        self.use(access_token, generation)

    def use(self, access_token: str, generation: int = 0) -> None:
        """Make every later call under this session; without a token, under none."""
        if access_token and not is_plain(access_token):
            raise AuthExpired("use the session", text="the access token holds signs no token has")
        self.generation = access_token, generation
        self.kite.set_access_token(access_token or None)

    def session_over(self, access_token: str) -> None:
        """Tell which log-in has ended: an old one's late answer must not end the new one."""
        known, generation = self.generation
        if access_token == known:
            self.on_session_over(generation)

    def close(self) -> None:
        self.sender.close()

    def need(self, operation: str, *, offered: bool) -> None:
        """Refuse here what the broker would refuse there."""
        if not offered:
            raise Unsupported(operation)


def is_plain(value: str) -> bool:
    """Tell whether a key or token can stand in a header."""
    return bool(value) and value.isascii() and value.isprintable() and " " not in value


@contextmanager
def reading(operation: str) -> Iterator[None]:
    """Name a read whose answer makes no sense."""
    try:
        yield
    except ODD as error:
        raise BrokerUnavailable(operation, text=oddity(error)) from error


def rows_of[T](operation: str, read: Callable[[Any], T], told: Iterable[Any]) -> list[T]:
    """Read every row; one that makes no sense spoils the answer, and is handed on as it came."""
    found = []
    for row in told:
        try:
            found.append(read(row))
        except ODD as error:
            came = raw(row) if isinstance(row, Mapping) else {"row": row}
            raise BrokerUnavailable(operation, text=oddity(error), row=came) from error
    return found


@contextmanager
def writing(operation: str) -> Iterator[None]:
    """Name a write whose answer makes no sense: it may have been taken all the same."""
    try:
        yield
    except ODD as error:
        raise AmbiguousOutcome(operation, text=oddity(error)) from error


def oddity(error: Exception) -> str:
    return f"the answer makes no sense: {type(error).__name__} {error}"
