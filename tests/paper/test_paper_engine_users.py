"""Accounts, sessions and mutual funds."""

from hashlib import sha256

import pytest

from accounts.brokers.paper.engine import Command, Refusal
from accounts.brokers.paper.units import moment
from tests.paper.engine_cast import make_exchange, make_trader, open_trader


def log_in(trader):
    app = trader.exchange.query("app", api_key=trader.api_key)
    token = trader.do("session.request_token", user_id=trader.user_id, api_key=trader.api_key)
    checksum = sha256((trader.api_key + token["request_token"] + app["api_secret"]).encode())
    return trader.do(
        "session.create", api_key=trader.api_key, request_token=token["request_token"],
        checksum=checksum.hexdigest(),
    )  # fmt: skip


def whose(trader, token, **more):
    return trader.exchange.query("session", access_token=token, **more)


def test_a_login_gives_a_session_that_ends_at_six_in_the_morning():
    trader = make_trader()
    session = log_in(trader)

    assert session["login_time"] == "2026-11-20 10:00:00"
    assert len(session["access_token"]) == 32
    assert whose(trader, session["access_token"])["user_id"] == trader.user_id
    trader.until("2026-11-21 05:59:59")
    assert whose(trader, session["access_token"])
    trader.until("2026-11-21 06:00:00")
    assert whose(trader, session["access_token"]) is None
    ended = [event for event in trader.news() if event.kind == "tokens_expired"]
    assert [event.data["access_tokens"] for event in ended] == [[session["access_token"]]]


def test_a_request_token_works_once_and_soon():
    trader = make_trader()
    app = trader.exchange.query("app", api_key=trader.api_key)
    token = trader.do("session.request_token", user_id=trader.user_id, api_key=trader.api_key)[
        "request_token"
    ]
    good = sha256((trader.api_key + token + app["api_secret"]).encode()).hexdigest()
    args = {"api_key": trader.api_key, "request_token": token}

    with pytest.raises(Exception, match="Invalid `checksum`"):
        trader.do("session.create", checksum="0" * 64, **args)
    trader.do("session.create", checksum=good, **args)
    with pytest.raises(Refusal, match="Token is invalid or has expired") as told:
        trader.do("session.create", checksum=good, **args)

    assert (told.value.status, told.value.error_type) == (403, "TokenException")


def test_a_request_token_dies_after_minutes():
    trader = make_trader()
    app = trader.exchange.query("app", api_key=trader.api_key)
    token = trader.do("session.request_token", api_key=trader.api_key)["request_token"]
    good = sha256((trader.api_key + token + app["api_secret"]).encode()).hexdigest()

    trader.wait(301_000)

    with pytest.raises(Exception, match="Token is invalid or has expired"):
        trader.do("session.create", api_key=trader.api_key, request_token=token, checksum=good)


def test_a_second_login_of_the_day_gives_the_same_token():
    trader = make_trader()

    assert log_in(trader)["access_token"] == log_in(trader)["access_token"]


def test_granting_gives_the_session_in_force_or_a_new_one():
    trader = make_trader()
    token = log_in(trader)["access_token"]

    same = trader.do("session.grant", user_id=trader.user_id, api_key=trader.api_key)
    trader.until("2026-11-21 06:00:01")
    new = trader.do("session.grant", user_id=trader.user_id, api_key=trader.api_key)

    assert same["access_token"] == token != new["access_token"]
    assert whose(trader, new["access_token"])


def test_logging_out_ends_the_session():
    trader = make_trader()
    token = log_in(trader)["access_token"]

    assert trader.do("session.invalidate", api_key=trader.api_key, access_token=token) is True
    assert whose(trader, token) is None


def test_ragged_expiry_kills_one_kind_of_call_after_the_other():
    trader = make_trader()
    token = log_in(trader)["access_token"]
    trader.do("tokens.expire", ragged=True)

    alive = []
    for minutes in (1, 11, 21, 46):
        at = moment("2026-11-20 10:00:00") + minutes * 60_000
        trader.exchange.advance(at)
        alive.append([
            scope
            for scope in ("quote", "historical", "order", "socket")
            if whose(trader, token, scope=scope)
        ])  # fmt: skip

    assert alive == [["historical", "order", "socket"], ["order", "socket"], ["socket"], []]


def test_an_app_is_tied_to_its_user():
    trader = make_trader()
    stranger = open_trader(trader.exchange)

    with pytest.raises(Exception, match="The user is not enabled for the app"):
        stranger.do("session.request_token", user_id=stranger.user_id, api_key=trader.api_key)


def test_credentials_depend_on_the_seed_alone():
    opening = Command("account.open", {"name": "Asha", "cash": 5}, 0)

    one, two, other = (make_exchange(seed=seed).execute(opening) for seed in (1, 1, 2))

    assert one == two
    assert one["password"] != other["password"]
    assert len(one["totp_secret"]) == 32


def test_a_reset_forgets_everybody():
    trader = make_trader()
    trader.fill()

    trader.do("reset")

    assert trader.exchange.query("users") == []
    assert open_trader(trader.exchange).user_id == "PA0001"


def test_the_clock_is_moved_and_slowed():
    trader = make_trader(clock="manual")

    answer = trader.do("clock.set", now="2026-11-20 11:30:00", speed="0.5")

    assert trader.exchange.now == moment("2026-11-20 11:30:00")
    assert (answer["speed"], trader.exchange.speed) == (0.5, 500)
    with pytest.raises(Exception, match="does not go backwards"):
        trader.do("clock.set", now="2026-11-20 11:00:00")


FUND = "INF879O01027"


def test_units_are_bought_at_the_next_roll_and_sold_again():
    trader = make_trader()
    order_id = trader.do(
        "mf.order.place", tradingsymbol=FUND, transaction_type="BUY", amount="5000", tag="save"
    )["order_id"]
    before = trader.ask("mf.order", order_id=order_id)

    trader.until("2026-11-21 06:00:01")
    after = trader.ask("mf.order", order_id=order_id)
    holding = trader.ask("mf.holdings")[0]
    trader.do(
        "mf.order.place", tradingsymbol=FUND, transaction_type="SELL",
        quantity=str(holding["quantity"]),
    )  # fmt: skip
    trader.until("2026-11-22 06:00:01")

    assert (before["status"], before["exchange_timestamp"], before["purchase_type"]) == (
        "OPEN",
        None,
        "FRESH",
    )
    assert after["status"] == "COMPLETE"
    assert holding["quantity"] == after["quantity"]
    assert holding["quantity"] * holding["average_price"] == pytest.approx(5000, abs=0.5)
    assert len(trader.ask("mf.allotments")) == 2
    assert trader.ask("mf.holdings") == []
    assert trader.net() == 1_000_000


def test_an_order_for_units_can_be_cancelled_while_it_waits():
    trader = make_trader()
    order_id = trader.do(
        "mf.order.place", tradingsymbol=FUND, transaction_type="BUY", amount="5000"
    )["order_id"]

    trader.do("mf.order.cancel", order_id=order_id)
    trader.until("2026-11-21 06:00:01")

    assert trader.ask("mf.order", order_id=order_id)["status"] == "CANCELLED"
    assert trader.ask("mf.holdings") == []


def test_a_sip_buys_when_it_is_due_and_can_be_paused():
    trader = make_trader()
    sip_id = trader.do(
        "mf.sip.place", tradingsymbol=FUND, amount="1000", instalments="6", frequency="weekly",
        instalment_day="0", tag="sip",
    )["sip_id"]  # fmt: skip

    trader.until("2026-11-27 06:00:01")
    first = trader.ask("mf.sip", sip_id=sip_id)
    trader.do("mf.sip.modify", sip_id=sip_id, status="PAUSED", amount="2000")
    trader.until("2026-12-20 06:00:01")
    paused = trader.ask("mf.sip", sip_id=sip_id)
    trader.do("mf.sip.cancel", sip_id=sip_id)

    assert (first["completed_instalments"], first["pending_instalments"]) == (1, 5)
    assert (paused["status"], paused["completed_instalments"], paused["instalment_amount"]) == (
        "PAUSED",
        1,
        2000.0,
    )
    assert trader.ask("mf.sip", sip_id=sip_id)["status"] == "CANCELLED"
    assert [row["variety"] for row in trader.ask("mf.orders")] == ["sip"]
