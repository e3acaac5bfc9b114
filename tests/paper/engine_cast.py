"""What the engine's tests work with: an exchange, a trader, and short ways to command them."""

import os
from dataclasses import dataclass
from typing import Any

from accounts.brokers.paper.engine import Command, Event, Exchange, Refusal
from accounts.brokers.paper.units import moment

FRIDAY_TEN = moment("2026-11-20 10:00:00")
SETTLED = 700  # milliseconds after which a liquid market order is done
LONG = 20 if os.environ.get("TRADEDESK_LONG") else 1


def examples(modest: int) -> int:
    """How many examples a property is tried with."""
    return modest * LONG


def try_to(exchange: Exchange, command: Command) -> Refusal | None:
    """Carry out a command that may be refused; how it was refused, if it was."""
    try:
        exchange.execute(command)
    except Refusal as refusal:
        return refusal
    return None


@dataclass
class Trader:
    """One account on an exchange, and what it does there."""

    exchange: Exchange
    user_id: str
    api_key: str

    def do(self, op: str, **args: Any) -> Any:
        return self.exchange.execute(Command(op, args, self.exchange.now, self.user_id))

    def place(
        self, symbol: str = "INFY", side: str = "BUY", quantity: int = 10, **more: Any
    ) -> Any:
        args = {
            "variety": "regular",
            "exchange": "NSE",
            "tradingsymbol": symbol,
            "transaction_type": side,
            "order_type": "LIMIT" if "price" in more else "MARKET",
            "quantity": str(quantity),
            "product": "CNC",
            "validity": "DAY",
            "api_key": self.api_key,
        }
        if args["order_type"] == "MARKET" and "market_protection" not in more:
            args["market_protection"] = "2"
        return self.do("order.place", **(args | more))["order_id"]

    def fill(self, *args: Any, **more: Any) -> dict[str, Any]:
        """Place an order, let it settle, and give its row."""
        order_id = self.place(*args, **more)
        self.wait()
        return self.order(order_id)

    def refused(self, *args: Any, **more: Any) -> Refusal:
        """The refusal of an order that must not be taken in."""
        before = len(self.orders())
        try:
            self.place(*args, **more)
        except Refusal as refusal:
            assert len(self.orders()) == before
            return refusal
        raise AssertionError("the order was taken in")

    def wait(self, milliseconds: int = SETTLED) -> None:
        self.exchange.advance(self.exchange.now + milliseconds)

    def until(self, text: str) -> None:
        self.exchange.advance(moment(text))

    def ask(self, name: str, **args: Any) -> Any:
        return self.exchange.query(name, self.user_id, **args)

    def orders(self) -> list[dict[str, Any]]:
        return self.ask("orders")

    def order(self, order_id: str) -> dict[str, Any]:
        return next(row for row in self.orders() if row["order_id"] == order_id)

    def statuses(self, order_id: str) -> list[str]:
        return [row["status"] for row in self.ask("order.history", order_id=order_id)]

    def position(self, symbol: str, product: str) -> dict[str, Any]:
        rows = self.ask("positions")["net"]
        return next(r for r in rows if (r["tradingsymbol"], r["product"]) == (symbol, product))

    def net(self) -> float:
        return self.ask("margins", segment="equity")["net"]

    def set_price(self, key: str, price: str) -> None:
        self.do("prices.set", prices={key: price})

    def last(self, key: str = "NSE:INFY") -> float:
        return self.ask("ltp", i=[key])[key]["last_price"]

    def hold(self, symbol: str, quantity: int, price: str) -> None:
        row = {"exchange": "NSE", "tradingsymbol": symbol, "quantity": quantity}
        self.do("holdings.seed", holdings=[row | {"average_price": price}])

    def news(self) -> list[Event]:
        return self.exchange.drain()


def make_exchange(**settings: Any) -> Exchange:
    wanted: dict[str, Any] = {"seed": 5, "prices": "external", "start": FRIDAY_TEN}
    return Exchange(**(wanted | settings))


def open_trader(exchange: Exchange, cash: str = "1000000", **more: Any) -> Trader:
    made = exchange.execute(
        Command("account.open", {"name": "Asha Rao", "cash": cash} | more, exchange.now)
    )
    return Trader(exchange, made["user_id"], made["api_key"])


def make_trader(cash: str = "1000000", **settings: Any) -> Trader:
    """A trader on an exchange whose prices stand still unless they are set."""
    return open_trader(make_exchange(**settings), cash)


def contract(trader: Trader, name: str, kind: str, nth: int = 0) -> dict[str, Any]:
    """A future or an option near the money, by its row in the master."""
    rows = [
        row
        for row in trader.exchange.query("instruments")
        if row["name"] == name and row["instrument_type"] == kind
    ]
    rows.sort(key=lambda row: (row["expiry"], row["strike"]))
    if kind == "FUT":
        return rows[nth]
    first = [row for row in rows if row["expiry"] == rows[0]["expiry"]]
    return first[len(first) // 2 + nth]
