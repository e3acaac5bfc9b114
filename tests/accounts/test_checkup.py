"""What operators ask of an account by command: does it work, is it logged in, what would this block."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import linking, logins
from accounts.brokerage import BrokerAccount, State
from accounts.checkup import CHECKS, legs_near_the_money
from accounts.lines import line_to
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401

pytestmark = pytest.mark.django_db
UP = {State.LIVE, State.EXPIRING}
FIGURES = ["total", "span", "exposure", "premium", "final_total", "benefit"]


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


def said(*words):
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def failing(*words):
    """Run a command that must fail: what it printed, and why it failed."""
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(*words, stdout=out)
    return out.getvalue(), str(caught.value)


def fault(running, **rule):
    running.control("POST", "faults", {"rules": [rule]})


# check_account -------------------------------------------------------------------------------


def test_a_sound_account_passes_every_check_and_gets_no_order(account, exchange):  # noqa: F811
    rows = said("check_account", account.code).splitlines()
    facts = json.loads(said("check_account", account.code, "--json"))

    assert [row.split("  ")[0] for row in rows] == list(CHECKS)
    assert all(" ok " in row and " ms " in row for row in rows)
    assert facts["ok"] is True
    assert [check["check"] for check in facts["checks"]] == list(CHECKS)
    assert "0 orders today" in said("check_account", account.code)
    assert b"order.place" not in (exchange.home / "journal").read_bytes()


def test_the_margin_is_asked_for_a_future_with_a_call_and_a_put_near_the_money(account):
    today = timezone.localdate()
    with line_to(account) as broker:
        future, call, put = legs_near_the_money(broker, today=today)
        price = broker.ltp([f"NFO:{future.symbol}"])[f"NFO:{future.symbol}"]

    assert [leg.kind for leg in (future, call, put)] == ["FUT", "CE", "PE"]
    assert {leg.name for leg in (future, call, put)} == {"NIFTY"}
    assert call.strike == put.strike
    assert call.expiry == put.expiry
    assert call.strike
    assert abs(call.strike - price) <= 100
    assert min(leg.expiry for leg in (future, call, put) if leg.expiry) > today


def test_one_failure_stops_no_other_check_and_ends_with_1(account, exchange):  # noqa: F811
    fault(exchange, effect="status_502_before_acceptance", route="holdings")

    printed, why = failing("check_account", account.code)
    as_json, _ = failing("check_account", account.code, "--json")

    failed = {row["check"]: row["result"] for row in json.loads(as_json)["checks"] if not row["ok"]}
    assert list(failed) == ["holdings"]
    assert "the broker did not answer" in failed["holdings"]
    assert "Traceback" not in printed
    assert printed.count("FAILED") == 1
    assert why == f"{account.code}: 1 of {len(CHECKS)} failed"


def test_an_account_that_is_not_logged_in_fails_in_words(account):
    logins.end(account, "logged out", generation=account.session.generation)

    printed, _ = failing("check_account", account.code)

    assert printed.count("log in again") == len(CHECKS)


def test_an_unknown_code_is_answered_with_those_there_are(account):
    _, why = failing("check_account", "nobody")

    assert why == f"no account has the code 'nobody'. There are: {account.code}"


# verify_sessions -----------------------------------------------------------------------------


def test_every_session_is_verified_and_a_dead_one_ended(account, exchange, asha):  # noqa: F811
    other, out = linking.link_paper(owner=asha), linking.link_paper(owner=asha)
    logins.end(out, "logged out", generation=out.session.generation)
    fault(exchange, effect="expire_tokens", user_id=other.broker_user_id)

    rows = {row["code"]: row for row in json.loads(said("verify_sessions", "--json"))}

    assert {code: row["verified"] for code, row in rows.items()} == {
        account.code: True,
        other.code: False,
        out.code: None,
    }
    assert rows[other.code]["state"] == "NEEDS_LOGIN"
    assert "no longer accepts" in rows[other.code]["why"]
    assert logins.state_of(BrokerAccount.objects.get(pk=account.pk)) in UP


def test_a_broken_line_proves_nothing(account, exchange):  # noqa: F811
    fault(exchange, effect="status_502_before_acceptance", route="profile")

    text = said("verify_sessions", account.code)

    assert "not confirmed" in text
    assert logins.state_of(BrokerAccount.objects.get(pk=account.pk)) in UP


def test_a_desk_without_accounts_says_so(db):
    assert said("verify_sessions") == "No account is linked yet.\n"


# margin --------------------------------------------------------------------------------------


@pytest.fixture
def legs(account):
    with line_to(account) as broker:
        return legs_near_the_money(broker, today=timezone.localdate())


def test_the_margin_of_a_hedged_basket_is_told_with_its_benefit(account, legs):
    future, _, put = legs
    basket = [
        f"NFO:{future.symbol}:BUY:{future.lot_size}:NRML:MARKET",
        f"nfo:{put.symbol}:buy:{put.lot_size}:nrml:limit:105.50",
    ]

    facts = json.loads(said("margin", "--account", account.code, *basket, "--json"))
    text = said("margin", "--account", account.code, *basket)

    assert list(facts) == FIGURES
    amounts = {name: Decimal(value) for name, value in facts.items()}
    assert amounts["benefit"] == amounts["total"] - amounts["final_total"]
    assert amounts["premium"] == Decimal("105.50") * put.lot_size
    assert amounts["span"] > 0
    assert [line.split("  ")[0].replace(" ", "_") for line in text.splitlines()] == FIGURES


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("NIFTY26NOVFUT:BUY:75:NRML:MARKET", "it has 5 parts"),
        ("XXX:INFY:BUY:1:CNC:MARKET", "the exchange 'XXX' is none of NSE, BSE"),
        ("NSE::BUY:1:CNC:MARKET", "the symbol is missing"),
        ("NSE:INFY:LONG:1:CNC:MARKET", "the side 'LONG' is none of BUY, SELL"),
        ("NSE:INFY:BUY:1.5:CNC:MARKET", "the quantity '1.5'"),
        ("NSE:INFY:BUY:0:CNC:MARKET", "the quantity '0'"),
        ("NSE:INFY:BUY:1:CASH:MARKET", "the product 'CASH' is none of CNC"),
        ("NSE:INFY:BUY:1:CNC:STOP", "the type 'STOP' is none of MARKET"),
        ("NSE:INFY:BUY:1:CNC:LIMIT", "the price is missing"),
        ("NSE:INFY:BUY:1:CNC:LIMIT:cheap", "the price 'cheap'"),
        ("NSE:INFY:BUY:1:CNC:LIMIT:NaN", "the price 'NaN'"),
        ("NSE:INFY:BUY:1:CNC:MARKET:10", "MARKET takes no price"),
    ],
)
def test_what_cannot_be_read_is_named_with_an_example(db, order, words):
    _, why = failing("margin", "--account", "any", order)

    assert words in why
    assert order in why
    assert "such as NFO:NIFTY26NOVFUT:BUY:75:NRML:MARKET" in why


def test_a_refusal_is_told_in_the_brokers_words(account):
    _, why = failing("margin", "--account", account.code, "NSE:NOSUCH:BUY:1:CNC:MARKET")

    assert why.startswith("calculate the basket margin: ")
    assert "expired or does not exist" in why
