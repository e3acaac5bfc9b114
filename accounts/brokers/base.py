"""What we need of a broker. Whoever holds a `Broker` knows no more than this.

Callers may rely on it:

- A call that changes something either returns, and the broker registered it, or raises a
  `BrokerError` whose `outcome` is REJECTED, NOT_SENT or UNKNOWN. It is sent at most once.
- A read is tried three times. Its failure is `BrokerUnavailable`, whatever the cause on the line.
- `AuthExpired` means that the session is over, whichever call met it.
- A write ends within the broker's total time limit, a read after at most three times that;
  `patience.within(seconds)` makes it less.
- An adapter may be used from several threads. Its environment never changes.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from accounts.brokers.capabilities import Capabilities
from accounts.brokers.types import (
    Alert,
    AlertFiring,
    AlertRequest,
    AuctionLot,
    Authorisation,
    BasketMargin,
    BrokerSession,
    Candle,
    ChargedOrder,
    Charges,
    ClockSkew,
    Conversion,
    Fill,
    FundHolding,
    FundInstrument,
    FundOrder,
    FundPlan,
    Funds,
    Gtt,
    GttRequest,
    Holding,
    Instrument,
    Interval,
    Margin,
    Ohlc,
    OrderChange,
    OrderRequest,
    OrderUpdate,
    Placed,
    Positions,
    Profile,
    Quote,
    Variety,
)


class Sessions(Protocol):
    """Logging in and out."""

    def login_url(self, state: str) -> str:
        """Tell where a person logs in; `state` comes back with them."""

    def exchange(self, request_token: str, api_secret: str) -> BrokerSession:
        """Turn what came back from the log-in page into a session. A token works once."""

    def refresh(self, refresh_token: str, api_secret: str) -> BrokerSession:
        """Get a new session for an old one, where the broker can."""

    def log_in_alone(self, user_id: str, password: str, code: str) -> str:
        """Log in without a person, where the operator allows it; a request token comes back."""

    def use(self, access_token: str, generation: int = 0) -> None:
        """Make every later call under this session, the so-manieth of the account."""

    def profile(self) -> Profile:
        """Tell whose session it is; the cheapest proof that it lives."""

    def logout(self) -> None:
        """End the session at the broker."""


class Orders(Protocol):
    """Orders, their book and their executions."""

    def place(self, order: OrderRequest) -> Placed:
        """Send the order, once."""

    def modify(self, change: OrderChange) -> str:
        """Ask for new terms; the order's id comes back."""

    def cancel(self, order_id: str, *, variety: Variety, parent_order_id: str | None = None) -> str:
        """Ask for the end of a working order; the order's id comes back."""

    def orders(self) -> list[OrderUpdate]:
        """Read the whole book of the day, in no order that means anything."""

    def order_history(self, order_id: str) -> list[OrderUpdate]:
        """Read the steps of one order, oldest first."""

    def trades(self) -> list[Fill]:
        """Read the executions of the day."""

    def order_trades(self, order_id: str) -> list[Fill]:
        """Read the executions of one order."""

    def find_by_tag(self, tag: str) -> list[OrderUpdate]:
        """Read the book once and keep what carries this tag."""


class Portfolio(Protocol):
    """What the account holds."""

    def positions(self) -> Positions: ...

    def holdings(self) -> list[Holding]: ...

    def funds(self) -> Funds: ...

    def convert(self, conversion: Conversion) -> None:
        """Move a position to another product."""

    def auction_lots(self) -> list[AuctionLot]: ...

    def authorise(self, shares: Mapping[str, Decimal]) -> Authorisation:
        """Ask the depository to let these shares (by ISIN) be sold."""

    def fund_orders(self) -> list[FundOrder]: ...

    def fund_plans(self) -> list[FundPlan]: ...

    def fund_holdings(self) -> list[FundHolding]: ...

    def fund_instruments(self) -> list[FundInstrument]: ...


class Triggers(Protocol):
    """What the broker watches for us."""

    def gtts(self) -> list[Gtt]: ...

    def gtt(self, gtt_id: str) -> Gtt: ...

    def place_gtt(self, request: GttRequest) -> str: ...

    def modify_gtt(self, gtt_id: str, request: GttRequest) -> str: ...

    def delete_gtt(self, gtt_id: str) -> str: ...

    def alerts(self) -> list[Alert]: ...

    def alert(self, alert_id: str) -> Alert: ...

    def create_alert(self, request: AlertRequest) -> Alert: ...

    def modify_alert(self, alert_id: str, request: AlertRequest) -> Alert: ...

    def delete_alerts(self, *alert_ids: str) -> None: ...

    def alert_history(self, alert_id: str) -> list[AlertFiring]: ...


class Market(Protocol):
    """Prices, instruments, and what orders would cost."""

    def quote(self, keys: Iterable[str]) -> dict[str, Quote]:
        """Quote instruments named EXCHANGE:SYMBOL; what the broker does not know is left out."""

    def ohlc(self, keys: Iterable[str]) -> dict[str, Ohlc]: ...

    def ltp(self, keys: Iterable[str]) -> dict[str, Decimal]: ...

    def candles(
        self,
        instrument_token: int,
        interval: Interval,
        since: datetime,
        until: datetime,
        *,
        continuous: bool = False,
        with_oi: bool = False,
    ) -> list[Candle]: ...

    def instruments(
        self, exchange: str | None = None
    ) -> AbstractContextManager[Iterator[Instrument]]:
        """Fetch the master, then yield one instrument after the other."""

    def margins(self, orders: Iterable[OrderRequest]) -> list[Margin]: ...

    def basket_margin(
        self, orders: Iterable[OrderRequest], *, with_positions: bool = True
    ) -> BasketMargin: ...

    def charges(self, orders: Iterable[ChargedOrder]) -> list[Charges]: ...


class Broker(Sessions, Orders, Portfolio, Triggers, Market, Protocol):
    """One account at one broker, in one environment."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def environment(self) -> str:
        """Tell which environment this is, for good: live, sandbox or paper."""

    @property
    def clock_skew(self) -> ClockSkew | None:
        """Tell how far the broker's clock was from ours at the last answer."""

    def close(self) -> None:
        """Let go of every connection."""
