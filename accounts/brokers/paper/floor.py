"""The trading floor: what every part of the exchange works with."""

from dataclasses import replace
from heapq import heappush
from typing import Any

from .book import Book
from .calendar import Calendar
from .instruments import Instrument
from .market import Market
from .rules import PROFILES, Rules
from .state import Account, Order, State
from .terms import Event, Refusal

UNKNOWN_INSTRUMENT = (
    "The instrument you are placing an order for has either expired or does not exist."
)
UNKNOWN_ORDER = "Couldn't find that `order_id`."


class Floor:
    """State, rules, hours, prices, books and news in one place."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.rules: Rules = replace(PROFILES[state.profile], **state.rules)
        self.calendar = Calendar(state.clock, state.start)
        self.market = Market(state, self.calendar, self.rules)
        self.books: dict[int, Book] = {}
        self.events: list[Event] = []

    @property
    def now(self) -> int:
        """The exchange's own time."""
        return self.state.now

    def number(self, series: str) -> int:
        """The next number of a series."""
        counters = self.state.counters
        counters[series] = given = counters.get(series, 0) + 1
        return given

    def later(self, due: int, kind: str, what: str = "") -> None:
        """See to something when its time has come."""
        heappush(self.state.timers, (due, self.number("timer"), kind, what))

    def tell(self, kind: str, user: str, data: dict[str, Any], api_key: str = "") -> None:
        """Let the outside know."""
        self.events.append(Event(kind, user, data, api_key))

    def account(self, user: str) -> Account:
        """The account of a user that exists."""
        found = self.state.accounts.get(user)
        if found is None:
            raise Refusal("Unknown user.", status=404, error_type="GeneralException")
        return found

    def instrument(self, exchange: Any, symbol: Any) -> Instrument:
        """What somebody wants to trade."""
        found = self.market.by_key.get(f"{exchange}:{symbol}")
        if found is None or found.is_index:
            raise Refusal(UNKNOWN_INSTRUMENT)
        return found

    def own_order(self, user: str, order_id: Any) -> Order:
        """An order of the day; somebody else's does not exist."""
        found = self.state.orders.get(str(order_id))
        if found is None or found.order_id not in self.account(user).orders:
            raise Refusal(UNKNOWN_ORDER, error_type="GeneralException")
        return found

    def last_price(self, token: int) -> int:
        """The newest price of an instrument that is listed."""
        return self.market.price(self.market.by_token[token], self.state.now)

    def book(self, token: int) -> Book:
        """The waiting orders of one instrument."""
        found = self.books.get(token)
        if found is None:
            found = self.books[token] = Book()
        return found
