"""The page that shows the running exchange to people."""

from datetime import datetime
from typing import Any, Final

from . import pages
from .clerk import Clerk
from .faults import Faults
from .market_calls import IST
from .messages import Answer
from .sockets import Hub

REFRESH_SECONDS: Final = 5
MOST_ROWS: Final = 200


def overview(clerk: Clerk, faults: Faults, hub: Hub) -> Answer:
    exchange = clerk.exchange
    users, state = exchange.query("users"), exchange.floor.state
    at = datetime.fromtimestamp(clerk.clock.now() / 1000, IST)
    inside = (
        f"<main>{pages.MARK}<h1>Paper exchange</h1>"
        f"<p>{at:%A, %d %B %Y, %H:%M:%S} IST. Profile {state.profile}, clock {state.clock}, "
        f"prices {state.prices}, {len(hub.listeners)} sockets open.</p>"
        + users_table(users)
        + orders_table(clerk)
        + faults_table(faults)
        + prices_table(clerk)
        + "</main>"
    )
    return pages.page(pages.document("Paper exchange", inside, refresh=REFRESH_SECONDS))


def users_table(users: list[dict[str, Any]]) -> str:
    rows = [(user["user_id"], user["name"]) for user in users[:MOST_ROWS]]
    return pages.table("Users", ("User ID", "Name"), rows)


def orders_table(clerk: Clerk) -> str:
    heads = ("User", "Order", "Instrument", "Side", "Quantity", "Filled", "Price", "Status")
    orders = clerk.exchange.query("open_orders")[:MOST_ROWS]
    return pages.table("Open orders", heads, [order_row(order) for order in orders])


def order_row(order: dict[str, Any]) -> tuple[object, ...]:
    return (
        order["account_id"],
        order["order_id"],
        f"{order['exchange']}:{order['tradingsymbol']}",
        order["transaction_type"],
        order["quantity"],
        order["filled_quantity"],
        order["price"],
        order["status"],
    )


def faults_table(faults: Faults) -> str:
    heads = ("Effect", "Route", "User", "Left", "Hits")
    rows = [
        (
            rule.effect,
            rule.route or "all",
            rule.user or "all",
            "no limit" if rule.left is None else rule.left,
            rule.hits,
        )
        for rule in faults.rules
    ]
    return pages.table("Faults", heads, rows)


def prices_table(clerk: Clerk) -> str:
    """The shares and indices of NSE; contracts would fill many pages."""
    listed = clerk.exchange.query("instruments", exchange="NSE")[:MOST_ROWS]
    names = [f"{row['exchange']}:{row['tradingsymbol']}" for row in listed]
    prices = clerk.exchange.query("ltp", i=names)
    rows = [(name, prices[name]["last_price"]) for name in sorted(prices)]
    return pages.table("Prices", ("Instrument", "Last price"), rows)
