"""The first day of a desk: one paper account with something in it."""

import csv
from io import StringIO
from typing import Any, Final

import httpx

NAME: Final = "Paper Trader"
CASH: Final = "1000000"
SECONDS: Final = 30.0

# Bought long ago at round prices; worth little enough that half of the cash stays free.
HOLDINGS: Final = (
    {"exchange": "NSE", "tradingsymbol": "TCS", "quantity": 10, "average_price": "3100"},
    {"exchange": "NSE", "tradingsymbol": "INFY", "quantity": 40, "average_price": "1420"},
    {"exchange": "NSE", "tradingsymbol": "ITC", "quantity": 150, "average_price": "395"},
    {"exchange": "NSE", "tradingsymbol": "SBIN", "quantity": 60, "average_price": "780"},
)
# Carried overnight, each a single lot of the contract that expires next.
CARRIED: Final = (("NIFTY", "FUT", 1), ("SBIN", "FUT", -1))


def first_account(base_url: str, token: str) -> dict[str, Any] | None:
    """Open the practice account of a fresh exchange; None if it has an account already."""
    with httpx.Client(
        base_url=base_url,
        headers={"X-Paper-Token": token},
        timeout=SECONDS,
        trust_env=False,
    ) as web:
        if ask(web, "GET", "/paper/state")["users"]:
            return None
        account = ask(web, "POST", "/paper/accounts", {"name": NAME, "cash": CASH})
        positions = [position(web, name, kind, sign) for name, kind, sign in CARRIED]
        seed = {"user_id": account["user_id"], "holdings": HOLDINGS, "positions": positions}
        ask(web, "POST", "/paper/holdings", seed)
        return account


def position(web: httpx.Client, name: str, kind: str, sign: int) -> dict[str, Any]:
    """One lot of the nearest contract, bought or sold."""
    answer = web.get("/instruments/NFO")
    answer.raise_for_status()
    rows = csv.DictReader(StringIO(answer.text))
    wanted = [row for row in rows if (row["name"], row["instrument_type"]) == (name, kind)]
    nearest = min(wanted, key=lambda row: row["expiry"])
    return {
        "exchange": "NFO",
        "tradingsymbol": nearest["tradingsymbol"],
        "product": "NRML",
        "quantity": sign * int(nearest["lot_size"]),
    }


def ask(web: httpx.Client, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = web.request(method, path, json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
