"""An ordinary day at the desk's own exchange: 20 positions, 30 holdings and 50 orders of one account."""

import csv
import io
import time
from typing import Any

import httpx

from tradedesk.desk.throwaway import RunningDesk

POSITIONS, HOLDINGS, ORDERS = 20, 30, 50
FILLED = 5  # orders; the others wait below the market, and one is rejected
PACE = 0.12  # seconds from order to order: brokers take ten a second
CODE = "paper"  # of the account that a desk links by itself


class Exchange:
    """The desk's paper exchange, through its control API and as an app of the first account."""

    def __init__(self, desk: RunningDesk) -> None:
        folder = desk.home / "paper"
        lines = (folder / "first-account.txt").read_text().splitlines()
        self.account = dict(line.split(": ", 1) for line in lines if ": " in line)
        self.web = httpx.Client(base_url=desk.paper_url, trust_env=False, timeout=20)
        self.key = {"X-Paper-Token": (folder / "control.token").read_text().strip()}
        app = {name: self.account[name] for name in ("user_id", "api_key")}
        token = self.control("POST", "sessions", app)["access_token"]
        self.session = {"Authorization": f"token {app['api_key']}:{token}", "X-Kite-Version": "3"}

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(self, *facts: object) -> None:
        self.web.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.web.request(method, f"/paper/{path}", json=body, headers=self.key)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        answer = self.web.get(path, params=query, headers=self.session)
        answer.raise_for_status()
        return answer.json()["data"]

    def place(self, **order: Any) -> None:
        """Place an order; one that is refused is a row of the order book too."""
        self.web.post("/orders/regular", data=order, headers=self.session)

    def listed(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.web.get("/instruments").text)))


def fill(desk: RunningDesk) -> None:
    """Give the first account its day, and have the desk take all of it in."""
    with Exchange(desk) as exchange:
        listed = exchange.listed()
        shares = [row for row in listed if (row["exchange"], row["segment"]) == ("NSE", "NSE")]
        trade(exchange, [row["tradingsymbol"] for row in shares])
        give(exchange, listed, shares)
    for command in (["sync_instruments"], ["sync", CODE]):
        ended = desk.manage(*command)
        if ended.returncode:
            raise RuntimeError(f"{command[0]}: {ended.stderr.strip() or ended.stdout.strip()}")


def trade(exchange: Exchange, symbols: list[str]) -> None:
    """Place the orders: a few that are filled at once, the others below the market."""
    prices = exchange.get("/quote/ltp", i=[f"NSE:{symbol}" for symbol in symbols])
    for number in range(ORDERS):
        is_filled = number < FILLED
        symbol = symbols[0] if is_filled else symbols[number % len(symbols)]
        order: dict[str, Any] = {"exchange": "NSE", "tradingsymbol": symbol, "transaction_type": "BUY",
                 "quantity": 1, "product": "MIS", "validity": "DAY"}  # fmt: skip
        # The last lies below the band of the day: taken, and then rejected.
        share = 0.97 if number < ORDERS - 1 else 0.5
        low = int(prices[f"NSE:{symbol}"]["last_price"] * share)
        kind: dict[str, Any] = {"order_type": "LIMIT", "price": low}
        if is_filled:
            kind = {"order_type": "MARKET", "market_protection": -1}
        exchange.place(**order, **kind)
        time.sleep(PACE)


def give(exchange: Exchange, listed: list[dict[str, str]], shares: list[dict[str, str]]) -> None:
    """Give what was bought before today, as far as it is not there."""
    held = {row["tradingsymbol"] for row in exchange.get("/portfolio/holdings")}
    carried = {row["tradingsymbol"] for row in exchange.get("/portfolio/positions")["net"]}
    new = [row["tradingsymbol"] for row in shares if row["tradingsymbol"] not in held]
    contracts = [row for row in listed if row["exchange"] == "NFO" and row["strike"] != "0"]
    fresh = [row for row in contracts if row["tradingsymbol"] not in carried]
    step = max(1, len(fresh) // POSITIONS)
    exchange.control(
        "POST",
        "holdings",
        {
            "user_id": exchange.account["user_id"],
            "holdings": [
                {"exchange": "NSE", "tradingsymbol": symbol, "quantity": 10 + number}
                for number, symbol in enumerate(new[: HOLDINGS - len(held)])
            ],
            "positions": [
                {
                    "exchange": "NFO",
                    "tradingsymbol": row["tradingsymbol"],
                    "product": "NRML",
                    "quantity": int(row["lot_size"]) * (1 if number % 4 else -1),
                }
                for number, row in enumerate(fresh[::step][: POSITIONS - len(carried)])
            ],
        },
    )
