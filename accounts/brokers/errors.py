"""What can go wrong at a broker, each by its name, and what each proves.

`outcome` says what became of a call that changes something, `line` what the failure tells about
the way to the broker, and `retry_helps` whether the same call can succeed without anything else
being done first. The broker's own error type, HTTP status and text are kept.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from accounts.brokers.words import Line, Outcome

LONGEST_TEXT = 500


class TradedeskError(Exception):
    """Whatever we raise on purpose; the root stands on the lowest floor, where all can reach it."""


class BrokerError(TradedeskError):
    """A call to a broker that did not end as asked."""

    outcome: ClassVar[Outcome] = Outcome.UNKNOWN
    line: ClassVar[Line] = Line.BROKEN
    retry_helps: ClassVar[bool] = False
    says: ClassVar[str] = "the broker could not be asked"

    def __init__(
        self,
        operation: str = "",
        *,
        text: str = "",
        error_type: str = "",
        status: int | None = None,
        row: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(operation)
        self.operation = operation
        self.text = text[:LONGEST_TEXT]
        self.error_type = error_type
        self.status = status
        self.row = row  # the one row for which a whole answer could not be read

    def __str__(self) -> str:
        origin = " ".join(str(fact) for fact in (self.status, self.error_type) if fact)
        parts = [f"{self.operation}: {self.says}", self.facts(), self.text]
        return ": ".join(part for part in parts if part) + (f" ({origin})" if origin else "")

    def facts(self) -> str:
        """Say what this kind of error knows besides."""
        return ""


# The line ------------------------------------------------------------------------------------


class BrokerUnavailable(BrokerError):
    """The broker was not reached, or a read got no usable answer. Nothing was changed."""

    outcome = Outcome.NOT_SENT
    retry_helps = True
    says = "the broker did not answer"


class UntrustedBroker(BrokerUnavailable):
    """Who answered could not prove to be the broker: its certificate is wrong. A person must look."""

    retry_helps = False
    says = "the broker's certificate could not be verified"


class AmbiguousOutcome(BrokerError):
    """It left, and no answer tells what became of it. Look for it at the broker; never repeat it."""

    outcome = Outcome.UNKNOWN
    says = "no answer tells whether the broker took it"


class RateLimited(BrokerError):
    """The broker's limiter refused before looking at it."""

    outcome = Outcome.NOT_SENT
    line = Line.NEUTRAL
    retry_helps = True
    says = "the broker wants fewer calls"

    def __init__(
        self,
        operation: str = "",
        *,
        retry_after: float = 1.0,
        is_long: bool = False,
        text: str = "",
        error_type: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(operation, text=text, error_type=error_type, status=status)
        self.retry_after = retry_after
        self.is_long = is_long  # the allowance of the minute or the day, not of the second

    def facts(self) -> str:
        return "the allowance of the minute or the day is used up" if self.is_long else ""


# The session ---------------------------------------------------------------------------------


class AuthExpired(BrokerError):
    """The session is over. After a log-in the same call may be made."""

    outcome = Outcome.NOT_SENT
    line = Line.NEUTRAL
    says = "the session at the broker is over"


# Our own refusals ----------------------------------------------------------------------------


class Unsupported(BrokerError):
    """This broker or environment does not offer it; nothing was sent."""

    outcome = Outcome.NOT_SENT
    line = Line.NEUTRAL
    says = "this broker does not offer it"


class ForbiddenHost(BrokerError):
    """The call would have gone to a host that is not this environment's; nothing was sent."""

    outcome = Outcome.NOT_SENT
    line = Line.NEUTRAL
    says = "this host does not belong to the environment of the account"


# Refusals by the broker ----------------------------------------------------------------------


class Refused(BrokerError):
    """The broker looked at it and said no."""

    outcome = Outcome.REJECTED
    line = Line.ALIVE
    says = "the broker refused"


class InvalidRequest(Refused):
    """Something that was asked for is missing or wrong."""

    says = "the broker does not understand the request"


class NotFound(Refused):
    """There is no such thing at the broker."""

    says = "the broker does not know it"


class AuthFailed(Refused):
    """The log-in was refused: a wrong secret, or a request token that is old or used."""

    line = Line.NEUTRAL
    says = "the broker refused the log-in"


class PermissionRefused(Refused):
    """The account, app or plan may not do this."""

    line = Line.NEUTRAL
    says = "the broker does not allow this call"


class AccountBlocked(Refused):
    """The broker has blocked the account, or asks its owner for something first."""

    line = Line.NEUTRAL
    says = "the broker has blocked the account"


class OrderRejected(Refused):
    """The order was refused before it reached the book."""

    says = "the broker refused the order"


class InvalidOrder(OrderRejected):
    """A term of the order is wrong; `field` names it where the broker's text tells."""

    says = "the order is not valid"

    def __init__(
        self,
        operation: str = "",
        *,
        field: str = "",
        text: str = "",
        error_type: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(operation, text=text, error_type=error_type, status=status)
        self.field = field

    def facts(self) -> str:
        return self.field.replace("_", " ")


class MarketProtectionRequired(InvalidOrder):
    """A market order without protection; the exchange wants one."""

    says = "a market order needs market protection"


class InsufficientFunds(OrderRejected):
    says = "there is not enough money"


class InsufficientHoldings(OrderRejected):
    says = "there are not enough shares"


class AuthorisationNeeded(InsufficientHoldings):
    """The owner must let the depository deliver these shares first."""

    says = "the sale of these shares must be authorised at the depository"


class OrderBusy(OrderRejected):
    """The broker is still working on the order; the same change may be asked for in a moment."""

    retry_helps = True
    says = "the order is being processed"


class TooManyModifications(OrderRejected):
    """The order was changed as often as the broker allows: cancel it and place a new one."""

    says = "the order was changed too often"


class StaticIpRejected(OrderRejected):
    """Orders may come only from an address registered at the broker; this one is not."""

    line = Line.NEUTRAL
    says = "orders are not allowed from this address"

    def __init__(
        self,
        operation: str = "",
        *,
        address: str = "",
        text: str = "",
        error_type: str = "",
        status: int | None = None,
    ) -> None:
        super().__init__(operation, text=text, error_type=error_type, status=status)
        self.address = address  # ours, as the broker sees it

    def facts(self) -> str:
        return self.address
