"""Kite's refusals, each by the name that tells what to do about it.

Kite has few error types and puts the reason into the text, so the text decides where it must.
"""

import re
from dataclasses import dataclass

from accounts.brokers.errors import (
    AccountBlocked,
    AuthExpired,
    AuthFailed,
    AuthorisationNeeded,
    BrokerError,
    InsufficientFunds,
    InsufficientHoldings,
    InvalidOrder,
    InvalidRequest,
    MarketProtectionRequired,
    NotFound,
    OrderBusy,
    OrderRejected,
    PermissionRefused,
    RateLimited,
    Refused,
    StaticIpRejected,
    TooManyModifications,
)

ADDRESS = re.compile(r"IP \(([0-9a-fA-F.:]+)\)")
NAMED = re.compile(r"`(\w+)`")
# Calls that carry an order's terms; elsewhere the same error types mean something plainer.
OF_ORDERS = ("place", "modify", "cancel", "convert")
OF_LOGIN = ("exchange", "refresh", "log in")
# Words in the broker's text that tell which term is wrong; the first that fits counts.
FIELDS = (
    ("trigger price", "trigger_price"),
    ("tick size", "price"),
    ("circuit limit", "price"),
    ("lpp range", "price"),
    ("disclosed", "disclosed_quantity"),
    ("lot size", "quantity"),
    ("freeze", "quantity"),
    ("quantity", "quantity"),
    ("product type", "product"),
    ("instrument", "symbol"),
    ("tradingsymbol", "symbol"),
    ("validity", "validity"),
    ("tag", "tag"),
    ("price", "price"),
)
LONG_PAUSE = 60.0
OUR_WORDS = {"tradingsymbol": "symbol", "transaction_type": "side"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the broker said."""

    operation: str
    text: str
    error_type: str
    status: int
    retry_after: float = 1.0

    @property
    def is_about_an_order(self) -> bool:
        return self.operation.startswith(OF_ORDERS)


def name_refusal(said: Refusal) -> BrokerError:
    """Choose the error that tells what to do."""
    return (
        of_limits(said)
        or of_the_account(said)
        or (of_an_order(said) if said.is_about_an_order else of_a_request(said))
    )


def of_limits(said: Refusal) -> BrokerError | None:
    if "order modifications exceeded" in said.text:
        return make(TooManyModifications, said)
    is_long = "Maximum allowed order requests" in said.text
    if said.status != 429 and not is_long:
        return None
    return RateLimited(
        said.operation,
        retry_after=max(said.retry_after, LONG_PAUSE) if is_long else said.retry_after,
        is_long=is_long,
        text=said.text,
        error_type=said.error_type,
        status=said.status,
    )


def of_the_account(said: Refusal) -> BrokerError | None:
    """Name what hinders every call of this account, whatever it asked for."""
    if "No IPs configured" in said.text or ADDRESS.search(said.text):
        found = ADDRESS.search(said.text)
        return StaticIpRejected(
            said.operation,
            address=found[1] if found else "",
            text=said.text,
            error_type=said.error_type,
            status=said.status,
        )
    if said.operation.startswith(OF_LOGIN):
        return make(AuthFailed, said)
    match said.error_type:
        case "TokenException":
            return make(AuthExpired, said)
        case "PermissionException":
            return make(PermissionRefused, said)
        case "UserException" | "TwoFAException":
            return make(AccountBlocked, said)
    return None


def of_an_order(said: Refusal) -> BrokerError:
    lowered = said.text.lower()
    if said.status == 428:
        return make(AuthorisationNeeded, said)
    if "being processed" in lowered:
        return make(OrderBusy, said)
    if "market protection" in lowered:
        return invalid(MarketProtectionRequired, said, "market_protection")
    if said.error_type == "MarginException" or lowered.startswith("insufficient funds"):
        return make(InsufficientFunds, said)
    if said.error_type == "HoldingException" or "insufficient stock holding" in lowered:
        return make(InsufficientHoldings, said)
    if is_unknown(said):
        return make(NotFound, said)
    if said.error_type == "InputException":
        return invalid(InvalidOrder, said, field_of(said.text))
    return make(OrderRejected, said)


def of_a_request(said: Refusal) -> BrokerError:
    if is_unknown(said):
        return make(NotFound, said)
    return make(InvalidRequest if said.error_type == "InputException" else Refused, said)


def is_unknown(said: Refusal) -> bool:
    return said.status in {404, 410} or "couldn't find" in said.text.lower()


def field_of(text: str) -> str:
    """Tell which term of the order the text complains of, in our word for it."""
    if named := NAMED.search(text):
        return OUR_WORDS.get(named[1], named[1])
    lowered = text.lower()
    return next((field for words, field in FIELDS if words in lowered), "")


def make(kind: type[BrokerError], said: Refusal) -> BrokerError:
    return kind(said.operation, text=said.text, error_type=said.error_type, status=said.status)


def invalid(kind: type[InvalidOrder], said: Refusal, field: str) -> InvalidOrder:
    return kind(
        said.operation,
        field=field,
        text=said.text,
        error_type=said.error_type,
        status=said.status,
    )
