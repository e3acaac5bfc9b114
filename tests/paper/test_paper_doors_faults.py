"""Every fault does what its name says, to those it is meant for, as often as it should."""

import time
from typing import Any

import httpx
import pytest

from tests.patience import PATIENT, until

ORDER = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "order_type": "LIMIT",
    "quantity": "1",
    "price": "1450",
    "product": "CNC",
}


@pytest.fixture
def place(paper, trader):
    """Try to place one order with a fresh connection."""
    paper.control("POST", "prices", {"NSE:INFY": "1500"})

    def go(**more: Any) -> httpx.Response:
        with httpx.Client(base_url=paper.url, trust_env=False, timeout=20) as web:
            return web.post("/orders/regular", data={**ORDER, **more}, headers=trader.headers)

    return go


def accepted(paper: Any, trader: Any) -> int:
    return len(paper.control("GET", f"ledger/{trader.user_id}")["orders"])


@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_tells_nothing_about_the_order(paper, trader, place, when, count):
    paper.fault(f"drop_{when}_acceptance", route="order.place", count=1)

    with pytest.raises(httpx.ReadError):
        place()

    assert accepted(paper, trader) == count


def test_a_clean_end_without_an_answer_comes_after_acceptance(paper, trader, place):
    paper.fault("close_after_acceptance", route="order.place", count=1)

    with pytest.raises(httpx.RemoteProtocolError):
        place()

    assert accepted(paper, trader) == 1


def test_half_an_answer_is_cut_off(paper, trader, place):
    paper.fault("half_answer", route="order.place", count=1)

    with pytest.raises(httpx.RemoteProtocolError):
        place()

    assert accepted(paper, trader) == 1


@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
def test_a_delay_happens_on_the_right_side_of_acceptance(paper, trader, place, when, count):
    # So long that no slow machine reaches the other side of it while this looks.
    paper.fault(f"delay_{when}_acceptance", route="order.place", ms=6000)

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{paper.url}/orders/regular",
            data=ORDER,
            headers=trader.headers,
            timeout=httpx.Timeout(PATIENT, read=0.3),
            trust_env=False,
        )

    until(lambda: accepted(paper, trader) >= count)
    assert accepted(paper, trader) == count


def test_a_delayed_order_is_answered_in_the_end(paper, trader, place):
    paper.fault("delay_before_acceptance", route="order.place", ms=300)
    started = time.monotonic()

    answer = place()

    assert time.monotonic() - started >= 0.3
    assert answer.status_code == 200
    assert accepted(paper, trader) == 1


@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    ("body", "start"), [("json", b'{"status":"error"'), ("html", b"<html"), ("empty", b"")]
)
def test_a_bad_status_comes_with_any_body(paper, trader, place, when, count, body, start):
    paper.fault(f"status_502_{when}_acceptance", route="order.place", body=body)

    answer = place()

    assert answer.status_code == 502
    assert answer.content.startswith(start)
    assert bool(answer.content) == (body != "empty")
    assert accepted(paper, trader) == count


def test_an_answer_can_drip(paper, trader):
    paper.fault("drip", route="profile", ms=2)
    started = time.monotonic()

    answer = paper.web.get("/user/profile", headers=trader.headers)

    assert answer.json()["status"] == "success"
    assert time.monotonic() - started > 0.5


def test_a_redirect_sends_the_order_elsewhere_before_it_is_accepted(paper, trader, place):
    paper.fault("redirect_307", route="order.place", count=1)

    answer = place()

    assert answer.status_code == 307
    assert answer.headers["location"] == "/orders/regular"
    assert accepted(paper, trader) == 0


def test_a_client_that_follows_a_late_redirect_orders_twice(paper, trader):
    paper.fault("redirect_307", route="order.place", count=1, after=True)

    trader.kite().place_order("regular", **{**ORDER, "quantity": 1})

    assert accepted(paper, trader) == 2


@pytest.mark.parametrize("hint", ["7", None])
def test_a_rate_limit_comes_with_or_without_a_hint(paper, trader, place, hint):
    paper.fault("rate_limit", route="order.place", count=1, retry_after=hint)

    answer = place()

    assert answer.status_code == 429
    assert answer.json()["error_type"] == "NetworkException"
    assert answer.headers.get("retry-after") == hint
    assert accepted(paper, trader) == 0


def test_a_fault_holds_for_one_route_one_user_and_so_many_times(paper, trader):
    other = paper.trader()
    paper.fault("status_503_before_acceptance", route="positions", user_id=trader.user_id, count=2)

    def status(who: Any, path: str) -> int:
        return int(paper.web.get(path, headers=who.headers).status_code)

    assert status(other, "/portfolio/positions") == 200
    assert status(trader, "/portfolio/holdings") == 200
    assert [status(trader, "/portfolio/positions") for _ in range(3)] == [503, 503, 200]


def test_a_fault_without_route_or_user_holds_for_all(paper, trader):
    paper.fault("status_500_before_acceptance")

    assert paper.web.get("/orders", headers=trader.headers).status_code == 500
    assert paper.web.get("/trades", headers=paper.trader().headers).status_code == 500


def test_probability_is_a_share_of_the_requests(paper, trader):
    paper.fault("status_500_before_acceptance", route="trades", probability=0.5)

    seen = [paper.web.get("/trades", headers=trader.headers).status_code for _ in range(60)]

    assert 10 < seen.count(500) < 50


def test_faults_are_listed_with_their_hits_and_can_be_cleared(paper, trader):
    paper.fault("status_500_before_acceptance", route="trades", count=3)
    paper.web.get("/trades", headers=trader.headers)

    (rule,) = paper.control("GET", "faults")["rules"]
    assert (rule["effect"], rule["hits"], rule["count"]) == ("status_500_before_acceptance", 1, 2)

    paper.clear()
    assert paper.control("GET", "faults") == {"rules": []}
    assert paper.web.get("/trades", headers=trader.headers).status_code == 200


@pytest.mark.parametrize(
    "rule",
    [
        {"effect": "explode"},
        {"effect": "status_999_before_acceptance"},
        {"effect": "drip", "route": "no.such"},
        {"effect": "drip", "count": "many"},
        {"effect": "drip", "probability": 7},
        {"effect": "drip", "ms": -1},
        {"effect": "redirect_307", "location": "a\r\nb"},
        "drip",
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_and_says_why(paper, rule):
    answer = paper.web.post(
        "/paper/faults",
        json={"rules": [rule]},
        headers={"X-Paper-Token": paper.running.token},
    )

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("A fault rule is wrong")
    assert paper.control("GET", "faults") == {"rules": []}


def test_tokens_can_expire_at_once(paper, trader):
    other = paper.trader()

    paper.fault("expire_tokens", user_id=trader.user_id)

    assert paper.web.get("/orders", headers=trader.headers).status_code == 403
    assert paper.web.get("/orders", headers=other.headers).status_code == 200


def test_tokens_can_die_raggedly(paper, trader):
    paper.fault("ragged_expiry", user_id=trader.user_id, ms=400)

    def works(path: str) -> bool:
        return bool(paper.web.get(path, headers=trader.headers).is_success)

    assert not works("/quote/ltp?i=NSE:INFY")
    assert works("/user/profile")
    time.sleep(1.4)
    assert not works("/user/profile")
