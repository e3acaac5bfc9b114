"""Everything the exchange remembers, in plain dataclasses that go into a snapshot as they are."""

from dataclasses import dataclass, field
from typing import Any

COMPLETE, CANCELLED, REJECTED = "COMPLETE", "CANCELLED", "REJECTED"
OPEN, TRIGGER_PENDING = "OPEN", "TRIGGER PENDING"
AMO_RECEIVED = "AMO REQ RECEIVED"
RECEIVED, VALIDATING, OPENING = "PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING"
CANCELLING = "CANCEL PENDING"
MODIFY_VALIDATING, MODIFYING, MODIFIED = "MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED"
FINAL = frozenset((COMPLETE, CANCELLED, REJECTED))
WORKING = frozenset((OPEN, TRIGGER_PENDING))
BUY, SELL = 1, -1

Snapshot = tuple[Any, ...]  # one line of an order's history; see `orders.record`


@dataclass(slots=True)
class Order:
    """One order, from the moment it was received."""

    order_id: str
    user: str
    api_key: str
    token: int
    key: str
    side: int
    variety: str
    product: str
    order_type: str
    validity: str
    quantity: int
    price: int
    trigger: int
    status: str
    placed_at: int
    ordered_at: int
    guid: str
    ttl: int = 0
    disclosed: int = 0
    protection: int = 0  # as asked for, in hundredths of a percent; -1 for automatic
    tag: str | None = None
    tags: list[str] = field(default_factory=list)
    parent: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    exchange_id: str | None = None
    exchange_at: int = 0
    updated_at: int = 0
    message: str | None = None
    raw: str | None = None
    modified: bool = False
    modifications: int = 0
    filled: int = 0
    cancelled: int = 0
    value: int = 0  # price x quantity of all fills
    limit: int = 0  # the worst price it may trade at, 0 for any
    rank: int = 0  # its place in the queue; a new one after every change
    resting: bool = False
    blocked: int = 0  # margin held for what is not filled yet
    closing: int = 0  # how much of it only reduces a position or a holding
    refuse: list[str] = field(default_factory=list)  # message, raw: found, not yet told
    change: dict[str, Any] = field(default_factory=dict)  # a modification under way
    legs: list[int] = field(default_factory=list)  # iceberg quantities still to come
    gtt: int = 0
    history: list[Snapshot] = field(default_factory=list)

    @property
    def pending(self) -> int:
        """What is neither filled nor cancelled."""
        return self.quantity - self.filled - self.cancelled


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution."""

    trade_id: str
    order_id: str
    user: str
    token: int
    key: str
    product: str
    side: int
    quantity: int
    price: int
    exchange_id: str
    ordered_at: int
    at: int


@dataclass(slots=True)
class Position:
    """What an account bought and sold of one instrument under one product."""

    token: int
    key: str
    product: str
    multiplier: int
    delivers: bool  # cash changes hands at once: shares for delivery, premiums
    overnight: int = 0
    carried_buy: int = 0  # value of a carried long at its original price
    carried_sell: int = 0
    day_buy_quantity: int = 0
    day_buy_value: int = 0
    day_sell_quantity: int = 0
    day_sell_value: int = 0
    cost: int = 0  # value of what is open, at the price margins were last settled at
    realised: int = 0  # today, in cash

    @property
    def quantity(self) -> int:
        """Signed net quantity."""
        return self.overnight + self.day_buy_quantity - self.day_sell_quantity


@dataclass(slots=True)
class Holding:
    """Shares in the depository account."""

    isin: str
    token: int
    quantity: int = 0
    t1: int = 0
    used: int = 0  # sold today
    authorised: int = 0
    authorised_at: int = 0
    opening: int = 0
    cost: int = 0  # of quantity + t1
    arriving: int = 0  # bought yesterday, T1 from today on
    arriving_cost: int = 0
    pledged: int = 0
    mtf_quantity: int = 0
    mtf_value: int = 0
    mtf_margin: int = 0


@dataclass(slots=True)
class Account:
    """One customer of the paper broker."""

    user_id: str
    name: str
    password: str
    totp_secret: str
    opened_at: int
    opening: int
    cash: int
    pay_in: int = 0
    poa: bool = True  # sales need no authorisation at the depository
    blocked: int = 0  # for open orders
    held_back: int = 0  # of today's sale of holdings
    margins: dict[str, int] = field(default_factory=dict)  # by position or underlying
    positions: dict[str, Position] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    orders: dict[str, None] = field(default_factory=dict)  # of the day
    trades: list[Trade] = field(default_factory=list)  # of the day
    past_orders: list[str] = field(default_factory=list)
    past_trades: list[Trade] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    postings: list[list[Any]] = field(default_factory=list)  # at, amount, why
    closing: dict[str, list[int]] = field(default_factory=dict)  # pending exits: buys, sells
    fund_orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    sips: dict[str, dict[str, Any]] = field(default_factory=dict)
    fund_holdings: dict[str, dict[str, Any]] = field(default_factory=dict)
    authorisations: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def margin(self) -> int:
        """Held for positions."""
        return sum(self.margins.values())

    @property
    def net(self) -> int:
        """What can still be spent."""
        return self.cash - self.blocked - self.held_back - self.margin


@dataclass(slots=True)
class App:
    """A Kite Connect app, tied to one user."""

    api_key: str
    api_secret: str
    user: str
    app_id: int
    redirect_url: str = ""
    postback_url: str = ""


@dataclass(slots=True)
class Session:
    """One access token."""

    access_token: str
    refresh_token: str
    public_token: str
    user: str
    api_key: str
    created_at: int
    expires_at: int
    ragged: bool = False


@dataclass(slots=True)
class Gtt:
    """A trigger that waits for a price."""

    gtt_id: int
    user: str
    api_key: str
    kind: str
    token: int
    key: str
    triggers: list[int]
    last_price: int
    orders: list[dict[str, Any]]
    created_at: int
    updated_at: int
    expires_at: int
    directions: list[int] = field(default_factory=list)  # 1 fires at or above, -1 at or below
    status: str = "active"
    results: list[dict[str, Any] | None] = field(default_factory=list)


@dataclass(slots=True)
class Alert:
    """A condition somebody wants to hear about."""

    uuid: str
    user: str
    name: str
    kind: str
    fields: dict[str, Any]
    created_at: int
    updated_at: int
    status: str = "enabled"
    count: int = 0
    armed: bool = True  # fires on the way in, then not until the condition was false again
    basket: dict[str, Any] | None = None
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """The whole exchange."""

    seed: int
    clock: str
    prices: str
    profile: str
    start: int
    now: int
    rules: dict[str, Any] = field(default_factory=dict)  # settings other than the profile's
    speed: int = 1_000  # thousandths of the wall clock's speed
    salt: str = ""  # what makes the secrets of two exchanges with one seed differ
    day: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    timers: list[tuple[Any, ...]] = field(default_factory=list)  # due, number, kind, what for
    accounts: dict[str, Account] = field(default_factory=dict)
    apps: dict[str, App] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    request_tokens: dict[str, list[Any]] = field(default_factory=dict)  # api key, user, until
    orders: dict[str, Order] = field(default_factory=dict)
    gtts: dict[int, Gtt] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    marks: dict[int, list[list[int]]] = field(default_factory=dict)  # from, price, factor
    bands: dict[int, list[int]] = field(default_factory=dict)  # widened by a price set by hand
    chains: dict[str, list[int]] = field(default_factory=dict)
    taken: dict[int, list[int]] = field(default_factory=dict)  # second, from offers, from bids
    edition: int = 1  # of the exchange's ways; see `engine.EDITION`
