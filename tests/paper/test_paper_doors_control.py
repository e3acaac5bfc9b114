"""The control API, the page for people, and the first day."""

import json
import time
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from accounts.brokers.paper.firstday import first_account
from accounts.brokers.paper.server.guard import is_local, is_loopback
from accounts.brokers.paper.server.messages import Request
from tests.patience import PATIENT

ORDER = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": 1,
    "price": "1450",
    "product": "CNC",
}
CALLS = [
    ("GET", "state"),
    ("POST", "accounts"),
    ("POST", "sessions"),
    ("POST", "prices"),
    ("POST", "clock"),
    ("GET", "faults"),
    ("POST", "faults"),
    ("DELETE", "faults"),
    ("POST", "holdings"),
    ("GET", "ledger/PA0001"),
    ("POST", "reset"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_nothing_happens_without_the_token(paper, method, path, token):
    headers = {} if token is None else {"X-Paper-Token": token}

    answer = paper.web.request(method, f"/paper/{path}", headers=headers)

    assert answer.status_code == 403
    assert answer.json()["error_type"] == "PermissionException"


def test_every_accepted_call_answers_200_with_json(start_paper):
    paper = start_paper("--prices", "external")
    account = paper.control("POST", "accounts", {})
    user = {"user_id": account["user_id"]}
    bodies: dict[str, Any] = {
        "accounts": {"name": "Ravi"},
        "sessions": user | {"api_key": account["api_key"]},
        "prices": {"NSE:INFY": "1500.05"},
        "clock": {"speed": 1},
        "faults": {"rules": [{"effect": "expire_tokens"}, {"effect": "drip", "route": "orders"}]},
        "holdings": user | {"holdings": []},
    }

    for method, path in CALLS:
        body = bodies.get(path) if method == "POST" else None
        answer = paper.web.request(
            method, f"/paper/{path}", json=body, headers={"X-Paper-Token": paper.running.token}
        )

        assert answer.status_code == 200, (path, answer.text)
        assert answer.headers["content-type"] == "application/json"
        assert isinstance(answer.json(), dict)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "prices", 400),
        ("GET", "ledger/NOBODY", 404),
        ("GET", "nosuch", 404),
        ("PUT", "faults", 405),
    ],
)
def test_a_refused_call_says_so_in_its_status_and_in_words(paper, method, path, status):
    answer = paper.web.request(
        method,
        f"/paper/{path}",
        json={"NSE:NOSUCH": 1},
        headers={"X-Paper-Token": paper.running.token},
    )

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"status", "message", "error_type", "data"}
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("", False),
    ],
)
def test_only_loopback_counts_as_this_machine(peer, expected):
    assert is_loopback(peer) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "127.0.0.1:8100"}, True),
        ({"host": "localhost:8100"}, True),
        ({"host": "[::1]:8100"}, True),
        ({"host": "evil.example:8100"}, False),
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"host": "localhost", "x-forwarded-for": "1.2.3.4"}, False),
    ],
)
def test_a_foreign_name_or_a_proxy_gives_a_stranger_away(headers, expected):
    request = Request("GET", "/paper/", headers=headers, peer="127.0.0.1")

    assert is_local(request) is expected


def test_a_page_from_elsewhere_cannot_reach_the_control_api(paper):
    headers = {"Host": "evil.example", "X-Paper-Token": paper.running.token}

    assert paper.web.get("/paper/state", headers=headers).status_code == 403
    assert paper.web.get("/paper/", headers=headers).status_code == 403


@pytest.mark.parametrize("cash", ["250000.50", 250000.5])
def test_an_account_comes_with_all_it_needs(paper, cash):
    account = paper.control("POST", "accounts", {"name": "Ravi", "cash": cash})

    assert set(account) == {"user_id", "password", "totp_secret", "api_key", "api_secret"}
    trader = paper.log_in(account)
    assert trader.kite().margins("equity")["net"] == 250000.5
    assert trader.kite().profile()["user_name"] == "Ravi"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("accounts", {"cash": "much"}),
        ("accounts", {"cash": -1}),
        ("accounts", {"cash": True}),
        ("accounts", {"cash": 1e300}),
        ("accounts", {"name": 7}),
        ("accounts", {"redirect_url": "javascript:alert(1)"}),
        ("accounts", []),
        ("sessions", {"user_id": "nobody", "api_key": "x"}),
        ("prices", {"NSE:INFY": "dear"}),
        ("prices", {"NSE:NOSUCH": "10"}),
        ("prices", {"NSE:INFY": -5}),
        ("clock", {"now": "yesterday"}),
        ("clock", {"now": 1000}),
        ("clock", {"speed": -1}),
        ("clock", {"now": "9999-12-31T10:00:00"}),
        ("clock", {"now": 99_999_999_999_999}),
        ("faults", {}),
        ("faults", {"rules": [{}]}),
        ("holdings", {"user_id": "nobody", "holdings": []}),
        ("holdings", {"user_id": "nobody", "holdings": 5}),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(paper, path, body):
    answer = paper.web.post(
        f"/paper/{path}", json=body, headers={"X-Paper-Token": paper.running.token}
    )

    assert answer.status_code in {400, 403, 404}, answer.text
    assert answer.json()["status"] == "error"


def test_prices_can_be_set_as_text_or_number(paper, trader):
    paper.control("POST", "prices", {"NSE:INFY": "1500.10", "NSE:TCS": 3200})

    quotes = trader.kite().ltp("NSE:INFY", "NSE:TCS")

    assert quotes["NSE:INFY"]["last_price"] == 1500.1
    assert quotes["NSE:TCS"]["last_price"] == 3200


def test_a_manual_clock_stands_until_it_is_moved(start_paper):
    paper = start_paper("--clock", "manual")
    before = paper.control("GET", "state")
    time.sleep(0.3)

    assert paper.control("GET", "state")["ms"] == before["ms"]
    moved = paper.control("POST", "clock", {"now": before["ms"] + 90_000})
    assert moved["ms"] == before["ms"] + 90_000
    running = paper.control("POST", "clock", {"speed": "10"})
    time.sleep(0.5)
    assert paper.control("GET", "state")["ms"] - running["ms"] >= 5_000


def test_a_moved_clock_moves_orders(start_paper):
    paper = start_paper("--clock", "manual", "--rule", "rate_limits=off")
    at = paper.control("POST", "clock", {"now": trading_hours(paper)})["ms"]
    trader = paper.trader()
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    order_id = trader.kite().place_order("regular", **ORDER)

    assert trader.kite().order_history(order_id)[-1]["status"] != "OPEN"
    paper.control("POST", "clock", {"now": at + 1_000})
    assert trader.kite().order_history(order_id)[-1]["status"] == "OPEN"


def trading_hours(paper: Any) -> str:
    """A quarter past eleven on the next Monday."""
    now = datetime.fromisoformat(paper.control("GET", "state")["now"])
    monday = now.date() + timedelta(days=7 - now.weekday())
    return f"{monday}T11:15:00"


def test_time_goes_on_after_a_restart_where_it_stood(start_paper):
    paper = start_paper("--clock", "manual")
    at = paper.control("GET", "state")["ms"] + 3_600_000
    paper.control("POST", "clock", {"now": at})
    paper.running.process.terminate()
    paper.running.process.wait(timeout=PATIENT)

    again = start_paper("--clock", "manual", home=paper.running.home)

    assert again.control("GET", "state")["ms"] == at


def test_holdings_and_positions_can_be_seeded(paper, trader):
    holdings = [{"exchange": "NSE", "tradingsymbol": "TCS", "quantity": 10, "average_price": 3000}]
    positions = [
        {
            "exchange": "NSE",
            "tradingsymbol": "INFY",
            "product": "MIS",
            "quantity": -5,
            "average_price": "1500",
        }
    ]

    paper.control(
        "POST",
        "holdings",
        {"user_id": trader.user_id, "holdings": holdings, "positions": positions},
    )

    (held,) = trader.kite().holdings()
    (carried,) = trader.kite().positions()["net"]
    assert (held["tradingsymbol"], held["quantity"], held["average_price"]) == ("TCS", 10, 3000)
    assert (carried["tradingsymbol"], carried["quantity"]) == ("INFY", -5)


def test_the_ledger_tells_what_was_accepted_and_what_was_refused(paper, trader):
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    kite = trader.kite()
    order_id = kite.place_order("regular", **ORDER, tag="mine7")
    with pytest.raises(Exception, match="Insufficient funds"):
        kite.place_order("regular", **{**ORDER, "quantity": 1_000_000})

    ledger = paper.control("GET", f"ledger/{trader.user_id}")

    (order,) = ledger["orders"]
    wanted = {
        "order_id",
        "tag",
        "tags",
        "status",
        "quantity",
        "filled_quantity",
        "placed_at",
    }
    assert wanted <= set(order)
    assert (order["order_id"], order["tag"]) == (order_id, "mine7")
    assert len(ledger["refused"]) == 1
    assert ledger["api_key"] == trader.api_key
    assert {"trades", "cash"} <= set(ledger)


def test_a_reset_leaves_a_clean_exchange(start_paper):
    paper = start_paper("--rule", "rate_limits=off")
    trader = paper.trader()
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    trader.kite().place_order("regular", **ORDER)
    paper.fault("drip", route="orders")

    assert paper.control("POST", "reset") == {"reset": True}

    assert paper.control("GET", "faults") == {"rules": []}
    fresh = paper.trader()
    assert fresh.kite().orders() == []


def test_the_page_shows_the_exchange_and_keeps_its_secrets(paper, trader):
    paper.control("POST", "prices", {"NSE:INFY": "1500"})
    order_id = trader.kite().place_order("regular", **ORDER)
    paper.fault("drip", route="mf.orders")
    time.sleep(0.5)

    page = paper.web.get("/paper/")

    assert page.status_code == 200
    for shown in (trader.user_id, order_id, "drip", "NSE:INFY", "practice money"):
        assert shown in page.text
    for secret in (trader.password, trader.totp_secret, trader.api_secret, trader.access_token):
        assert secret not in page.text
    assert paper.running.token not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert '<meta http-equiv="refresh"' in page.text
    assert paper.web.get("/paper").text.startswith("<!doctype html>")


def test_a_name_cannot_smuggle_markup_into_the_page(paper):
    paper.control("POST", "accounts", {"name": "<img src=x onerror=alert(1)>", "cash": 1})

    assert "<img" not in paper.web.get("/paper/").text


def test_the_first_day_opens_one_account_and_only_one(start_paper):
    paper = start_paper()

    account = first_account(paper.url, paper.running.token)
    again = first_account(paper.url, paper.running.token)

    assert again is None
    assert account is not None
    trader = paper.log_in(account)
    funds = trader.kite().margins("equity")
    assert funds["net"] >= 500_000
    assert funds["available"]["opening_balance"] <= 1_000_000
    assert len(trader.kite().holdings()) >= 3
    assert len(trader.kite().positions()["net"]) >= 2


def test_external_prices_come_only_from_the_control_api(start_paper):
    paper = start_paper("--prices", "external")
    trader = paper.trader()
    paper.control("POST", "prices", {"NSE:INFY": "1501"})
    time.sleep(2)

    assert trader.kite().ltp("NSE:INFY")["NSE:INFY"]["last_price"] == 1501


def test_the_control_api_answers_with_bare_json(paper):
    answer = paper.web.get("/paper/state", headers={"X-Paper-Token": paper.running.token})

    body: dict[str, Any] = json.loads(answer.content)
    assert answer.status_code == 200
    assert "status" not in body
    assert isinstance(answer, httpx.Response)
