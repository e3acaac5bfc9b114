"""What every part of the adapter stands on: the client, and what to do with odd answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
from accounts.brokers.kite.values import Unreadable

if TYPE_CHECKING:
    pass

# What the official client and our own reading raise when an answer is not what it must be.
ODD = (Unreadable, LookupError, TypeError, AttributeError, ValueError, UnboundLocalError)


class Client:
    """The official client of one account, made for one environment."""

    def __init__(
        self,
        environment: Environment,
        offers: Capabilities,
        *,
        api_key: str,
        access_token: str = "",
        gate: Gate = open_gate,
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
        self.use(access_token)

    def use(self, access_token: str) -> None:
        """Make every later call under this session; without a token, under none."""
        if access_token and not is_plain(access_token):
            raise AuthExpired("use the session", text="the access token holds signs no token has")
        self.kite.set_access_token(access_token or None)

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


@contextmanager
def writing(operation: str) -> Iterator[None]:
    """Name a write whose answer makes no sense: it may have been taken all the same."""
    try:
        yield
    except ODD as error:
        raise AmbiguousOutcome(operation, text=oddity(error)) from error


def oddity(error: Exception) -> str:
    return f"the answer makes no sense: {type(error).__name__} {error}"
