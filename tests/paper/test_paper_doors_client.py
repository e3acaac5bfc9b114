"""The official client, every method of it, unchanged against a real exchange."""

import inspect
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from kiteconnect import KiteConnect
from kiteconnect.exceptions import GeneralException, InputException, TokenException

from tests.paper.paper_fields import differences
from tests.patience import until

SYMBOL = {"exchange": "NSE", "tradingsymbol": "INFY"}
LIMIT = {
    **SYMBOL,
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": 1,
    "price": 1450,
    "product": "CNC",
}
# Not calls to the exchange: they set the client up.
LOCAL = {"login_url", "set_access_token", "set_session_expiry_hook"}
WHOLE = {
    "instrument_token",
    "quantity",
    "filled_quantity",
    "pending_quantity",
    "cancelled_quantity",
    "disclosed_quantity",
    "overnight_quantity",
    "used_quantity",
    "t1_quantity",
    "realised_quantity",
    "authorised_quantity",
    "opening_quantity",
    "collateral_quantity",
    "buy_quantity",
    "sell_quantity",
    "day_buy_quantity",
    "day_sell_quantity",
    "volume",
    "last_quantity",
    "trigger_id",
    "orders",
    "validity_ttl",
}


class Watched:
    """The official client, with the raw answer of its last call beside it."""

    def __init__(self, kite: KiteConnect, fields: dict[str, Any]) -> None:
        self.kite = kite
        self.raw: Any = None
        self.endpoints = {(one["method"], one["path"]): one for one in fields["endpoints"]}
        kite.reqsession.hooks["response"].append(self.keep)

    def keep(self, response: Any, **_: Any) -> None:
        if "json" in response.headers["content-type"]:
            self.raw = response.json()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kite, name)

    def check(self, method: str, path: str) -> Any:
        """The raw answer, after its fields were compared with Kite's."""
        assert self.raw["status"] == "success"
        expected = self.endpoints[method, path]["data"]
        wrong = differences(expected, self.raw["data"])
        if not path.startswith("/mf"):  # units of a fund are fractions
            wrong += fractions(self.raw["data"])
        assert not wrong
        return self.raw["data"]


def fractions(found: Any, name: str = "") -> list[str]:
    """Quantities that came as fractions; Go refuses those."""
    if isinstance(found, dict):
        return [one for key, value in found.items() for one in fractions(value, key)]
    if isinstance(found, list):
        return [one for value in found for one in fractions(value, name)]
    wrong = name in WHOLE and isinstance(found, float)
    return [f"{name} is {found!r}, not a whole number"] if wrong else []


@pytest.fixture
def kite(paper, trader, kite_fields) -> Watched:
    paper.control("POST", "prices", {"NSE:INFY": "1500", "NSE:SBIN": "800", "BSE:INFY": "1500"})
    return Watched(trader.kite(), kite_fields)


def status(kite: Watched, order_id: str) -> str:
    return str(kite.order_history(order_id)[-1]["status"])


def bought(kite: Watched, **more: Any) -> str:
    """A market order that has been filled."""
    order = {**LIMIT, "order_type": "MARKET", "market_protection": -1, **more}
    order.pop("price")
    order_id = kite.place_order("regular", **order)
    until(lambda: status(kite, order_id) == "COMPLETE")
    return str(order_id)


def working(kite: Watched, **more: Any) -> str:
    order_id = kite.place_order("regular", **{**LIMIT, **more})
    until(lambda: status(kite, order_id) == "OPEN")
    return str(order_id)


def test_the_profile(kite, trader):
    kite.profile()

    assert kite.check("GET", "/user/profile")["user_id"] == trader.user_id


def test_the_margins_of_both_segments_and_of_one(kite):
    kite.margins()
    both = kite.check("GET", "/user/margins")
    kite.margins("commodity")
    one = kite.check("GET", "/user/margins/{segment}")

    assert both["equity"]["net"] == 1_000_000
    assert one == both["commodity"]


def test_an_order_is_placed_and_found_again(kite, trader):
    order_id = working(kite, tag="found")
    kite.orders()
    (order,) = kite.check("GET", "/orders")

    assert isinstance(order_id, str)
    assert (order["order_id"], order["tag"], order["tags"]) == (order_id, "found", ["found"])
    assert order["account_id"] == trader.user_id
    assert isinstance(order["meta"], dict)


def test_an_order_s_history_begins_with_its_receipt(kite):
    order_id = working(kite)
    rows = kite.order_history(order_id)
    kite.check("GET", "/orders/{order_id}")

    assert [row["status"] for row in rows] == [
        "PUT ORDER REQ RECEIVED",
        "VALIDATION PENDING",
        "OPEN PENDING",
        "OPEN",
    ]
    assert isinstance(rows[0]["order_timestamp"], datetime)
    assert rows[0]["exchange_order_id"] is None


def test_an_order_is_modified_and_cancelled(kite):
    order_id = working(kite)

    assert kite.modify_order("regular", order_id, quantity=3, price=1451) == order_id
    kite.check("PUT", "/orders/{variety}/{order_id}")
    until(lambda: kite.orders()[0]["quantity"] == 3 and status(kite, order_id) == "OPEN")
    assert kite.cancel_order("regular", order_id) == order_id
    kite.check("DELETE", "/orders/{variety}/{order_id}")
    until(lambda: status(kite, order_id) == "CANCELLED")


def test_a_filled_order_leaves_trades_a_position_and_less_cash(kite):
    order_id = bought(kite, quantity=7)
    kite.trades()
    (trade, *_) = kite.check("GET", "/trades")
    kite.order_trades(order_id)
    mine = kite.check("GET", "/orders/{order_id}/trades")
    kite.positions()
    net = kite.check("GET", "/portfolio/positions")["net"]

    assert sum(one["quantity"] for one in mine) == 7
    assert len(trade["order_timestamp"]) == 8
    assert [(one["tradingsymbol"], one["quantity"]) for one in net] == [("INFY", 7)]
    assert kite.margins("equity")["net"] < 1_000_000 - 7 * 1_400


def test_a_position_is_converted(kite):
    bought(kite, product="MIS")

    assert kite.convert_position("NSE", "INFY", "BUY", "day", 1, "MIS", "CNC") is True
    kite.check("PUT", "/portfolio/positions")
    assert {row["product"] for row in kite.positions()["net"] if row["quantity"]} == {"CNC"}


def test_an_order_above_the_freeze_limit_is_sliced(paper, kite, trader):
    future = near_future(kite)
    rich = Watched(paper.trader(cash="900000000").kite(), {"endpoints": []})
    lots = 1_800 // future["lot_size"] * 2
    rich.endpoints = kite.endpoints
    answer = rich.place_autoslice_order(
        "regular",
        "NFO",
        future["tradingsymbol"],
        "BUY",
        lots * future["lot_size"] + future["lot_size"],
        "NRML",
        "MARKET",
        market_protection=-1,
    )
    rich.check("POST", "/orders/{variety} autoslice=true")

    placed = [child["order_id"] for child in answer["children"]]
    assert len(placed) == 3
    until(lambda: len(rich.orders()) >= 3)
    tagged = [row["tags"] for row in rich.orders() if row["order_id"] in placed]
    assert all("autoslice" in tags for tags in tagged)


def near_future(kite: Watched) -> dict[str, Any]:
    rows = [
        row
        for row in kite.instruments("NFO")
        if row["name"] == "NIFTY" and row["instrument_type"] == "FUT"
    ]
    return min(rows, key=lambda row: row["expiry"])


def test_a_cover_order_has_a_second_leg_that_can_be_exited(kite):
    order = {**LIMIT, "order_type": "MARKET", "product": "MIS", "market_protection": -1}
    order.pop("price")
    first = kite.place_order("co", **order, trigger_price=1480)
    second = until(
        lambda: [
            row
            for row in kite.orders()
            if row["parent_order_id"] == first and row["status"] == "TRIGGER PENDING"
        ]
    )[0]

    assert kite.exit_order("co", second["order_id"], parent_order_id=first) == second["order_id"]
    until(lambda: all(row["quantity"] == 0 for row in kite.positions()["net"]))


def test_holdings(paper, kite, trader):
    row = {"exchange": "NSE", "tradingsymbol": "INFY", "quantity": 9, "average_price": "1400.5"}
    paper.control("POST", "holdings", {"user_id": trader.user_id, "holdings": [row]})

    kite.holdings()
    (held,) = kite.check("GET", "/portfolio/holdings")

    assert (held["quantity"], held["average_price"], held["price"]) == (9, 1400.5, 0)


def test_there_are_no_auctions(kite):
    assert kite.get_auction_instruments() == []


@pytest.mark.parametrize(
    ("path", "compared"),
    [
        ("/user/profile/full", "/user/profile/full"),
        ("/portfolio/holdings/summary", "/portfolio/holdings/summary"),
        ("/portfolio/holdings/compact", "/portfolio/holdings/compact"),
    ],
)
def test_what_only_the_go_client_asks_for(paper, kite, trader, path, compared):
    row = {"exchange": "NSE", "tradingsymbol": "INFY", "quantity": 9, "average_price": "1400.5"}
    paper.control("POST", "holdings", {"user_id": trader.user_id, "holdings": [row]})

    kite.raw = paper.web.get(path, headers=trader.headers).json()

    assert kite.check("GET", compared)


def test_holdings_are_authorised_at_the_depository(paper, kite, trader):
    row = {"exchange": "NSE", "tradingsymbol": "INFY", "quantity": 9, "average_price": "1400.5"}
    paper.control("POST", "holdings", {"user_id": trader.user_id, "holdings": [row]})
    form = {"isin": [kite.holdings()[0]["isin"]], "quantity": ["5"]}

    kite.raw = paper.web.post(
        "/portfolio/holdings/authorise", data=form, headers=trader.headers
    ).json()

    request_id = kite.check("POST", "/portfolio/holdings/authorise")["request_id"]
    place = f"/connect/portfolio/authorise/holdings/{trader.api_key}/{request_id}"
    assert kite.holdings()[0]["isin"] in paper.web.get(place).text
    done = paper.web.post(place, data={"agreed": "yes"}, follow_redirects=True)
    assert "may be sold" in done.text
    assert done.url.params["status"] == "success"
    assert kite.holdings()[0]["authorised_quantity"] == 5
    assert paper.web.get(place).status_code == 404


def test_quotes_of_every_depth(kite):
    kite.quote("NSE:INFY", "NSE:NIFTY 50", "NSE:NOSUCH")
    full = kite.check("GET", "/quote")
    kite.ohlc(["NSE:INFY"])
    kite.check("GET", "/quote/ohlc")
    kite.ltp("NSE:INFY")
    last = kite.check("GET", "/quote/ltp")

    assert set(full) == {"NSE:INFY", "NSE:NIFTY 50"}
    assert [len(full["NSE:INFY"]["depth"][side]) for side in ("buy", "sell")] == [5, 5]
    assert set(last["NSE:INFY"]) == {"instrument_token", "last_price"}


def test_the_trigger_range_of_cover_orders(kite):
    kite.trigger_range("BUY", "NSE:INFY")

    found = kite.check("GET", "/instruments/trigger_range/{transaction_type}")
    assert found["NSE:INFY"]["lower"] < found["NSE:INFY"]["upper"]


def test_the_instruments_of_all_exchanges_and_of_one(kite):
    every, one = kite.instruments(), kite.instruments("NSE")

    assert {row["exchange"] for row in every} >= {"NSE", "BSE", "NFO", "BFO"}
    assert {row["exchange"] for row in one} == {"NSE"}
    infy = next(row for row in one if row["tradingsymbol"] == "INFY")
    assert (infy["instrument_token"], infy["lot_size"], infy["segment"]) == (408065, 1, "NSE")
    assert all(isinstance(row["expiry"], date) for row in every if row["instrument_type"] == "FUT")


@pytest.mark.parametrize("interval", ["minute", "5minute", "60minute", "hour", "day"])
def test_candles_of_every_length(kite, interval):
    today = date.today()  # noqa: DTZ011
    candles = kite.historical_data(408065, today - timedelta(days=4), today, interval, oi=True)

    raw = kite.raw["data"]["candles"]
    assert candles, "no candles"
    assert raw[0][0].endswith("+0530")
    assert all(len(one) == 7 for one in raw)
    assert all(one["low"] <= min(one["open"], one["close"]) for one in candles)
    assert all(one["high"] >= max(one["open"], one["close"]) for one in candles)
    assert candles[0]["date"].utcoffset() == timedelta(hours=5, minutes=30)


def test_too_long_a_span_of_candles_is_refused(kite):
    with pytest.raises(InputException, match="interval exceeds max limit: 60 days"):
        kite.historical_data(408065, "2026-01-01", "2026-06-01", "minute")


GTT = {
    "tradingsymbol": "INFY",
    "exchange": "NSE",
    "last_price": 1500,
}
LEG = {"transaction_type": "SELL", "quantity": 1, "order_type": "LIMIT", "product": "CNC"}


def test_a_single_trigger_is_placed_changed_and_deleted(kite):
    orders = [{**LEG, "transaction_type": "BUY", "price": 1300}]
    trigger = kite.place_gtt("single", trigger_values=[1310], orders=orders, **GTT)["trigger_id"]
    kite.check("POST", "/gtt/triggers")
    kite.modify_gtt(trigger, "single", trigger_values=[1320], orders=orders, **GTT)
    kite.check("PUT", "/gtt/triggers/{trigger_id}")
    kite.get_gtts()
    (row,) = kite.check("GET", "/gtt/triggers")
    kite.delete_gtt(trigger)
    kite.check("DELETE", "/gtt/triggers/{trigger_id}")
    kite.get_gtt(trigger)
    gone = kite.check("GET", "/gtt/triggers/{trigger_id}")

    assert isinstance(trigger, int)
    assert (row["status"], row["condition"]["trigger_values"]) == ("active", [1320])
    assert gone["status"] == "deleted"


def test_a_two_leg_trigger_fires_one_order(paper, kite):
    bought(kite)
    orders = [{**LEG, "price": 1390}, {**LEG, "price": 1590}]
    trigger = kite.place_gtt("two-leg", trigger_values=[1400, 1600], orders=orders, **GTT)

    paper.control("POST", "prices", {"NSE:INFY": "1601"})

    row = until(lambda: [one for one in kite.get_gtts() if one["status"] == "triggered"])[0]
    assert row["id"] == trigger["trigger_id"]
    assert row["orders"][0]["result"] is None
    assert row["orders"][1]["result"]["order_result"]["status"] == "success"
    kite.check("GET", "/gtt/triggers")


MARGIN = {
    **SYMBOL,
    "transaction_type": "BUY",
    "variety": "regular",
    "product": "MIS",
    "order_type": "LIMIT",
    "quantity": 10,
    "price": 1500,
    "trigger_price": 0,
}


def test_the_margin_of_orders(kite):
    kite.order_margins([MARGIN])
    (row,) = kite.check("POST", "/margins/orders")

    assert 0 < row["total"] < 15_000


def test_the_margin_of_a_basket(kite):
    kite.basket_order_margins([MARGIN, {**MARGIN, "tradingsymbol": "SBIN", "price": 800}])
    found = kite.check("POST", "/margins/basket")
    kite.basket_order_margins([MARGIN], consider_positions=False, mode="compact")

    assert len(found["orders"]) == 2
    assert found["final"]["total"] <= found["initial"]["total"]


def test_the_charges_of_a_contract_note(kite):
    order = {**MARGIN, "order_id": "77", "average_price": 1500, "product": "CNC"}
    kite.get_virtual_contract_note([order])

    (row,) = kite.check("POST", "/charges/orders")
    assert row["charges"]["transaction_tax"] == 15
    assert row["charges"]["transaction_tax_type"] == "stt"


def fund(kite: Watched) -> str:
    return str(kite.mf_instruments()[0]["tradingsymbol"])


def test_mutual_fund_orders(kite):
    name = fund(kite)
    order_id = kite.place_mf_order(name, "BUY", amount=5000, tag="fund")["order_id"]
    kite.check("POST", "/mf/orders")
    kite.mf_orders()
    rows = kite.check("GET", "/mf/orders")
    kite.mf_orders(order_id)
    one = kite.check("GET", "/mf/orders/{order_id}")
    kite.cancel_mf_order(order_id)
    kite.check("DELETE", "/mf/orders/{order_id}")

    assert [row["order_id"] for row in rows] == [order_id]
    assert (one["tradingsymbol"], one["amount"], one["tag"]) == (name, 5000, "fund")


def test_mutual_fund_plans(kite):
    sip_id = kite.place_mf_sip(fund(kite), 1000, 6, "monthly", instalment_day=5)["sip_id"]
    kite.check("POST", "/mf/sips")
    kite.modify_mf_sip(sip_id, amount=2000, status="paused")
    kite.check("PUT", "/mf/sips/{sip_id}")
    kite.mf_sips()
    (row,) = kite.check("GET", "/mf/sips")
    kite.mf_sips(sip_id)
    kite.check("GET", "/mf/sips/{sip_id}")
    kite.cancel_mf_sip(sip_id)
    kite.check("DELETE", "/mf/sips/{sip_id}")

    assert (row["sip_id"], row["instalment_amount"], row["status"]) == (sip_id, 2000, "PAUSED")
    assert kite.mf_sips(sip_id)["status"] == "CANCELLED"


def test_mutual_fund_holdings_and_instruments(kite):
    kite.mf_holdings()
    kite.check("GET", "/mf/holdings")
    rows = kite.mf_instruments()

    assert len(rows) >= 3
    assert isinstance(rows[0]["last_price_date"], date)


ALERT = {
    "name": "cheap",
    "type": "simple",
    "lhs_exchange": "NSE",
    "lhs_tradingsymbol": "INFY",
    "lhs_attribute": "LastTradedPrice",
    "operator": "<=",
    "rhs_type": "constant",
    "rhs_constant": "1400",
}


def test_alerts_as_the_go_client_makes_them(paper, kite, trader):
    def ask(method: str, path: str, **more: Any) -> None:
        answer = paper.web.request(method, path, headers=trader.headers, **more)
        kite.raw = answer.json()

    ask("POST", "/alerts", data=ALERT)
    alert = kite.check("POST", "/alerts")
    ask("PUT", f"/alerts/{alert['uuid']}", data={**ALERT, "rhs_constant": "1450"})
    assert kite.check("PUT", "/alerts/{uuid}")["rhs_constant"] == 1450
    ask("GET", f"/alerts/{alert['uuid']}")
    kite.check("GET", "/alerts/{uuid}")
    paper.control("POST", "prices", {"NSE:INFY": "1449"})

    def fired() -> Any:
        ask("GET", f"/alerts/{alert['uuid']}/history")
        return kite.raw["data"]

    until(fired)
    kite.check("GET", "/alerts/{uuid}/history")
    ask("GET", "/alerts?status=enabled")
    (row,) = kite.check("GET", "/alerts")
    assert row["alert_count"] == 1
    ask("DELETE", f"/alerts?uuid={alert['uuid']}")
    assert kite.raw == {"status": "success", "data": None}
    ask("GET", "/alerts")
    assert kite.raw["data"] == []


def test_a_session_is_generated_and_ended(paper, kite_fields):
    account = paper.trader()
    client = Watched(account.kite(), kite_fields)
    token = request_token(paper, account)

    session = client.generate_session(token, account.api_secret)
    client.check("POST", "/session/token")

    assert isinstance(session["login_time"], datetime)
    assert client.profile()["user_id"] == account.user_id
    assert client.invalidate_access_token() is True


def request_token(paper: Any, account: Any) -> str:
    """Log in as a program does, and read the token off the last page."""
    with httpx.Client(base_url=paper.url, trust_env=False, follow_redirects=True) as web:
        form = {"user_id": account.user_id, "password": account.password}
        login = web.post("/api/login", data=form).json()["data"]
        value = pyotp.TOTP(account.totp_secret).now()
        web.post("/api/twofa", data={**login, "twofa_types": "totp", "twofa_value": value})
        page = web.get("/connect/login", params={"api_key": account.api_key})
    return page.text.partition("Request token: ")[2].partition("<")[0]


def test_a_refresh_token_that_never_was_is_refused(kite, trader):
    with pytest.raises(TokenException, match="Token is invalid or has expired"):
        kite.renew_access_token("never-was", trader.api_secret)

    assert kite.invalidate_refresh_token("never-was") is True


def test_an_error_is_raised_as_the_exception_of_its_kind(kite):
    with pytest.raises(InputException, match="has either expired or does not exist"):
        kite.place_order("regular", **{**LIMIT, "tradingsymbol": "NOSUCH"})
    with pytest.raises(GeneralException, match="Couldn't find that `order_id`"):
        kite.order_history("123")


def test_every_method_of_the_client_was_used():
    methods = {
        name
        for name, _ in inspect.getmembers(KiteConnect, inspect.isfunction)
        if not name.startswith("_")
    }

    source = Path(__file__).read_text()
    assert {name for name in methods - LOCAL if f".{name}(" not in source} == set()
