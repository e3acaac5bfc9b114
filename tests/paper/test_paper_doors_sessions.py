"""Tokens: whose they are, how long they live, how they end."""

from datetime import date, timedelta

import pytest
from kiteconnect.exceptions import TokenException


def test_the_token_in_force_is_given_again(paper, trader):
    wanted = {"user_id": trader.user_id, "api_key": trader.api_key}

    again = paper.control("POST", "sessions", wanted)

    assert again == {"access_token": trader.access_token}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "token",
        "token :",
        "token a:b",
        "enctoken abc",
        "Basic YTpi",
        "token " + "x" * 3000,
    ],
)
def test_a_header_that_is_no_token_is_refused(paper, header):
    headers = {} if header is None else {"Authorization": header}

    answer = paper.web.get("/orders", headers=headers)

    assert answer.status_code == 403
    assert answer.json()["error_type"] == "TokenException"
    assert answer.json()["message"] == "Incorrect `api_key` or `access_token`."


def test_a_token_works_only_with_the_key_of_its_app(paper, trader):
    other = paper.trader()
    mixed = f"token {other.api_key}:{trader.access_token}"

    assert paper.web.get("/orders", headers={"Authorization": mixed}).status_code == 403


def test_logging_out_ends_the_token_and_a_new_session_begins(paper, trader):
    kite = trader.kite()

    assert kite.invalidate_access_token() is True
    with pytest.raises(TokenException):
        kite.profile()
    account = {"user_id": trader.user_id, "api_key": trader.api_key}
    fresh = paper.control("POST", "sessions", account)["access_token"]
    assert fresh != trader.access_token


def test_the_session_hook_of_the_official_client_is_called(paper, trader):
    kite = trader.kite()
    called: list[bool] = []
    kite.set_session_expiry_hook(lambda: called.append(True))
    paper.fault("expire_tokens", user_id=trader.user_id)

    with pytest.raises(TokenException):
        kite.orders()

    assert called == [True]


def test_tokens_end_at_six_in_the_morning(start_paper):
    paper = start_paper("--clock", "manual", "--rule", "rate_limits=off")
    day = paper.control("GET", "state")["now"][:10]
    paper.control("POST", "clock", {"now": next_day(day) + "T05:59:00"})
    trader = paper.trader()

    def status() -> int:
        return int(paper.web.get("/user/profile", headers=trader.headers).status_code)

    assert status() == 200
    paper.control("POST", "clock", {"now": next_day(day) + "T06:00:01"})
    assert status() == 403


def test_the_daily_end_can_be_ragged(start_paper):
    rules = ("--rule", "ragged_expiry=on", "--rule", "rate_limits=off")
    paper = start_paper("--clock", "manual", *rules)
    day = next_day(paper.control("GET", "state")["now"][:10])
    paper.control("POST", "clock", {"now": f"{day}T05:00:00"})
    trader = paper.trader()

    def works(path: str) -> bool:
        return bool(paper.web.get(path, headers=trader.headers).is_success)

    assert works("/quote/ltp?i=NSE:INFY")
    paper.control("POST", "clock", {"now": f"{day}T05:25:00"})
    assert not works("/quote/ltp?i=NSE:INFY")
    assert works("/user/profile")
    paper.control("POST", "clock", {"now": f"{day}T06:00:01"})
    assert not works("/user/profile")


def next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
