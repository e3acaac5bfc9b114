"""A trigger kept at the broker is one that it takes, that waits, and that releases an order it takes."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.brokers.kite import offers
from accounts.brokers.types import GttLeg, GttRequest
from accounts.brokers.words import Exchange, GttKind, Product, Side
from orders.tickets import Caps, Severity, check_gtt
from tests.orders.asking import LOT, facts, future, seen
from tests.orders.test_ticket_properties import facts as any_facts


def leg(price="990", *, side=Side.SELL, quantity=10, product=Product.CNC, **terms):
    return GttLeg(side=side, quantity=quantity, product=product, price=Decimal(price), **terms)


def single(trigger="1000", *legs, **terms):
    known: dict[str, Any] = {"kind": GttKind.SINGLE, "exchange": "NSE", "symbol": "INFY", "last_price": Decimal("1012.50")}  # fmt: skip
    triggers = tuple(map(Decimal, trigger.split()))
    return GttRequest(**(known | terms), triggers=triggers, legs=legs or (leg(),))


def oco(triggers="1000 1030", stop="990", target="1030", **terms):
    return single(triggers, leg(stop), leg(target), kind=GttKind.OCO, **terms)


def told(request, known=None):
    return [(one.field, one.text) for one in check_gtt(request, known or facts())]


def test_a_right_trigger_passes():
    assert told(single()) == []
    assert told(oco()) == []
    assert told(single("1030", leg("1035", side=Side.BUY))) == []
    assert told(single("1000", leg(product=Product.MTF))) == []


@pytest.mark.parametrize(
    ("request_made", "problem"),
    [
        (single("1000.02"), ("trigger", "Trigger must step by 0.05. Use 1,000.00 or 1,000.05.")),
        (single("1010.50"), ("trigger", "Trigger must be 0.25% or more below the last price of 1,012.50. Use 1,009.95 or less.")),
        (single("1012.50"), ("trigger", "Trigger must be 0.25% or more below the last price of 1,012.50. Use 1,009.95 or less.")),
        (single("1014", leg("1020", side=Side.BUY)),
         ("trigger", "Trigger must be 0.25% or more above the last price of 1,012.50. Use 1,015.05 or more.")),
        (single("0"), ("trigger", "Trigger price must be above zero. Enter the price.")),
        (oco("1030 1000"), ("stop_trigger", "The lower trigger must be below the upper one. Change one of the two.")),
        (oco("1020 1030"), ("stop_trigger", "Trigger must be 0.25% or more below the last price of 1,012.50. Use 1,009.95 or less.")),
        (oco("900 1000", "890"), ("target_trigger", "Trigger must be 0.25% or more above the last price of 1,012.50. Use 1,015.05 or more.")),
        (oco(target="1030.01"), ("target_price", "Price must step by 0.05. Use 1,030.00 or 1,030.05.")),
        (single("1000 1030"), ("kind", "A trigger has one price and one order, or a stop and a target with two. Fill in both, or choose a single trigger.")),
        (single("1000", leg(product=Product.MIS)), ("product", "A trigger may fire on any later day, and MIS is for today only. Use CNC or MTF.")),
        (single("1000", leg(product=Product.NRML)), ("product", "NSE takes CNC, MIS and MTF, not NRML. Use CNC or MTF.")),
        (single("1000", leg(order_type="MARKET")), ("order_type", "A trigger releases limit orders only. Enter a price.")),
        (single("1000", leg(quantity=0)), ("quantity", "Quantity must be 1 or more. Use 1.")),
        (single(exchange="NCO"), ("exchange", "No triggers are kept for NCO.")),
    ],
)  # fmt: skip
def test_a_wrong_trigger_is_told_beside_its_field(request_made, problem):
    assert problem in told(request_made)


def test_a_leg_is_never_sliced():
    small = facts(future(), last=seen("50"))
    large = single(
        "40", leg("39", quantity=28 * LOT, product=Product.NRML), exchange="NFO", symbol="NIFTY26NOVFUT"
    )  # fmt: skip

    assert told(large, small) == [
        ("quantity", "The exchange takes at most 1,755 of NIFTY26NOVFUT in one order. Use 1,755.")
    ]


def test_caps_hold_for_a_leg_and_what_the_market_does_today_does_not():
    assert told(single(), facts(caps=Caps(quantity=5)))[0][0] == "quantity"
    assert told(single("600", leg("590")), facts()) == []  # far below today's lower circuit limit


def test_without_a_fresh_price_triggers_are_kept_with_a_note():
    (note,) = check_gtt(single("1012.50"), facts(last=None))
    assert note.severity == Severity.NOTE
    (note,) = check_gtt(single("1012.50"), facts(last=seen(age=60)))
    assert (
        note.text == "The last price of INFY is 60 seconds old: triggers were not compared with it."
    )


def test_a_limit_beyond_its_trigger_is_worth_a_look():
    (warning,) = check_gtt(single("1000", leg("1001")), facts())

    assert (warning.severity, warning.field) == (Severity.WARNS, "price")


def test_a_broker_without_triggers_says_so():
    assert told(single(), facts(capabilities=offers.SANDBOX)) == [
        (
            "kind",
            "This broker keeps no such triggers. Place a stop order instead: it stands for the day.",
        )
    ]


PRICES = st.decimals("0.0001", "20000", places=4) | st.sampled_from(
    [Decimal(one) for one in ("0", "-1", "NaN", "1e308")]
)
legs = st.builds(
    GttLeg, side=st.sampled_from(Side), quantity=st.integers(-5, 10**6),
    product=st.sampled_from(Product), price=PRICES,
)  # fmt: skip
requests = st.builds(
    GttRequest,
    kind=st.sampled_from(GttKind),
    exchange=st.sampled_from(Exchange),
    symbol=st.just("X"),
    triggers=st.lists(PRICES, max_size=2).map(tuple),
    last_price=PRICES,
    legs=st.lists(legs, max_size=2).map(tuple),
)


@given(requests, any_facts)
def test_whatever_is_asked_is_answered_and_a_fix_of_a_trigger_is_through(request_made, known):
    for problem in check_gtt(request_made, known):
        assert problem.text
        for fix in problem.fixes:
            if problem.field == "product":
                legs = tuple(
                    replace(one, product=fix.changes["product"]) for one in request_made.legs
                )
                again = check_gtt(replace(request_made, legs=legs), known)
                assert "product" not in {one.rule for one in again}
            if problem.field == "trigger":
                mended = replace(request_made, triggers=(fix.changes["trigger"],))
                again = check_gtt(mended, known)
                assert (problem.rule, "trigger") not in {
                    (one.rule, one.field) for one in again if one.severity != Severity.NOTE
                }
