"""Which brokers there are and how the adapter of an account is made.

Nothing above names a broker: it asks here what exists, what each wants to know for a link, and
what it can do.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from accounts.brokers.base import Broker
from accounts.brokers.capabilities import Capabilities, Rule
from accounts.brokers.errors import Unsupported
from accounts.brokers.kite import environments, offers
from accounts.brokers.kite.adapter import KiteBroker
from accounts.brokers.kite.client import SessionOver, nobody_asks
from accounts.brokers.kite.sending import Gate, open_gate
from accounts.brokers.kite.wire import trusted
from accounts.brokers.words import CallClass

LIVE, SANDBOX, PAPER = "live", "sandbox", "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What opens an account. Nothing of it shows in a repr."""

    environment: str
    api_key: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    root: str = ""  # of a paper exchange
    generation: int = 0  # grows with each log-in

    @property
    def door(self) -> tuple[str, str, str]:
        """Tell what never changes while an adapter lives."""
        return self.environment, self.api_key, self.root


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that a person must tell for a link."""

    name: str
    label: str
    is_secret: bool = False
    is_required: bool = True
    help: str = ""
    shape: str = ""  # what it must look like, as a regular expression
    looks: str = ""  # the same in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One broker."""

    name: str
    title: str
    environments: tuple[str, ...]
    fields: tuple[Field, ...]
    capabilities: Callable[[str], Capabilities]
    limits: Callable[[int], Mapping[CallClass, tuple[Rule, ...]]]  # by the pace of entries
    build: Callable[[Access, Gate, SessionOver], Broker]

    def make(
        self,
        access: Access,
        gate: Gate = open_gate,
        on_session_over: SessionOver = nobody_asks,
    ) -> Broker:
        """Make the adapter of one account; its environment is fixed from here on.

        `gate` is passed before each try of a read. `on_session_over` hears the generation of a
        session that the broker calls dead, from whichever call met it.
        """
        if access.environment not in self.environments:
            raise Unsupported(f"use {self.title} in the environment {access.environment!r}")
        return self.build(access, gate, on_session_over)


def kite_offers(environment: str) -> Capabilities:
    return {LIVE: offers.LIVE, SANDBOX: offers.SANDBOX, PAPER: offers.PAPER}[environment]


def build_kite(access: Access, gate: Gate, on_session_over: SessionOver) -> Broker:
    places = {LIVE: environments.LIVE, SANDBOX: environments.SANDBOX}
    if access.environment == PAPER:
        place = environments.paper(access.root)
    else:
        place = places[access.environment]
    return KiteBroker(
        place,
        kite_offers(access.environment),
        api_key=access.api_key,
        access_token=access.access_token,
        generation=access.generation,
        gate=gate,
        on_session_over=on_session_over,
    )


KINDS = (
    Kind(
        name="kite",
        title="Zerodha Kite",
        environments=(LIVE, SANDBOX, PAPER),
        fields=(
            Field(
                name="broker_user_id",
                label="Client ID",
                help="such as AB1234",
                shape=r"[A-Za-z0-9]{4,10}",
                looks="4 to 10 letters and digits",
            ),
            Field(
                name="api_key",
                label="API key",
                help="of your app at the broker's developer page",
                shape=r"[A-Za-z0-9]{16}",
                looks="16 letters and digits",
            ),
            Field(
                name="api_secret",
                label="API secret",
                is_secret=True,
                shape=r"[A-Za-z0-9]{32}",
                looks="32 letters and digits",
            ),
            Field(
                name="totp_seed",
                label="Authenticator seed",
                is_secret=True,
                is_required=False,
                help="optional: shows you the current code beside the log-in link",
                shape=r"[A-Za-z2-7 ]{16,80}=*",
                looks="letters and the digits 2 to 7, at least 16",
            ),
        ),
        capabilities=kite_offers,
        limits=offers.limits,
        build=build_kite,
    ),
)


def kinds() -> tuple[Kind, ...]:
    """Tell every broker that an account can be linked to."""
    return KINDS


def kind(name: str) -> Kind:
    """Find a broker by the name that is stored with an account."""
    for one in KINDS:
        if one.name == name:
            return one
    raise Unsupported(f"use the broker {name!r}")


class Adapters:
    """The adapters of this process: one for each account, so that connections are kept.

    A new session goes into the adapter that is there. Other credentials make a new one; the old
    is left to whoever still uses it.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.kept: dict[str, tuple[str, Access, Broker]] = {}
        os.register_at_fork(after_in_child=self.forget)

    def of(
        self,
        account: str,
        broker: str,
        access: Access,
        gate: Gate = open_gate,
        on_session_over: SessionOver = nobody_asks,
    ) -> Broker:
        """Give the adapter of the account, under this session."""
        with self.lock:
            if account in self.kept:
                name, known, adapter = self.kept[account]
                if name == broker and known.door == access.door:
                    # Who read the account before the last log-in must not bring its session back.
                    if access.generation >= known.generation and access != known:
                        adapter.use(access.access_token, access.generation)
                        self.kept[account] = (name, access, adapter)
                    return adapter
            adapter = kind(broker).make(access, gate, on_session_over)
            self.kept[account] = (broker, access, adapter)
            return adapter

    def forget(self) -> None:
        """Share no connection with a parent process."""
        self.lock = Lock()
        self.kept = {}


adapters = Adapters()


def warm_up() -> None:
    """Load what adapters load when one is made, so that no order waits for an import or for certificates."""
    import accounts.brokers.kite.official  # noqa: F401 - with it comes Twisted

    trusted()
