"""Whatever a ticket says, it is answered; and whoever follows an answer is through that rule."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from accounts.brokers.kite import offers
from accounts.brokers.words import Exchange, OrderType, Product, Side, Validity, Variety
from orders.tickets import (
    Band,
    Caps,
    Facts,
    LastPrice,
    Listing,
    Only,
    Restriction,
    Severity,
    Ticket,
    check,
    slices,
)
from tests.orders.asking import NOW

TICKS = st.sampled_from([Decimal(one) for one in ("0", "0.0025", "0.01", "0.05", "0.1", "0.5", "1", "5")])  # fmt: skip
PRICES = st.decimals(min_value="0.0001", max_value="200000", places=4)
ODD = st.sampled_from([Decimal(one) for one in ("0", "-1", "-5", "NaN", "sNaN", "Infinity", "1e308", "1e-308", "0." + "1" * 60)])  # fmt: skip
AMOUNTS = st.integers(-5, 300) | st.integers(1, 10**6)
ANY_AMOUNTS = AMOUNTS | st.integers(-(10**14), 10**14)
CAPABILITIES = st.sampled_from(
    [
        offers.LIVE,
        offers.SANDBOX,
        replace(offers.LIVE, has_autoslice=False, automatic_protection=None, most_slices=None),
        replace(
            offers.LIVE,
            products=frozenset({Product.CNC}),
            varieties=frozenset({Variety.REGULAR}),
            validities=frozenset({Validity.DAY}),
            needs_market_protection=False,
        ),
    ]
)


def asked(amounts, prices):
    return st.builds(
        Ticket,
        exchange=st.sampled_from([*Exchange, "GLOBAL"]),
        symbol=st.just("X"),
        side=st.sampled_from(Side),
        quantity=amounts,
        order_type=st.sampled_from(OrderType),
        price=st.none() | prices,
        trigger_price=st.none() | prices,
        product=st.sampled_from(Product),
        validity=st.sampled_from(Validity),
        validity_minutes=st.none() | amounts,
        variety=st.sampled_from(Variety),
        protection=st.none() | st.decimals(-2, 101, places=1),
        disclosed_quantity=st.none() | amounts,
        iceberg_legs=st.none() | amounts,
        iceberg_quantity=st.none() | amounts,
        autoslice=st.booleans(),
        auction_number=st.sampled_from([None, "42"]),
    )


likely = asked(AMOUNTS, PRICES)
any_at_all = asked(ANY_AMOUNTS, PRICES | ODD)
listings = st.builds(
    Listing,
    exchange=st.just("NSE"),
    symbol=st.just("X"),
    kind=st.sampled_from(["EQ", "INDEX", "FUT", "CE"]),
    lot_size=st.sampled_from([0, 1, 20, 65, 75, 5000]),
    tick_size=TICKS,
    freeze_quantity=st.none() | st.integers(0, 2000),
    expiry=st.none() | st.just(date(2026, 11, 19)) | st.just(date(2026, 11, 20)),
    is_active=st.booleans(),
    multiplier=st.sampled_from([None, Decimal(1), Decimal(1000)]),
)
moments = st.integers(-60, 600).map(lambda seconds: NOW - timedelta(seconds=seconds))
cap_sets = st.builds(
    Caps,
    quantity=st.none() | st.integers(0, 1000),
    value=st.none() | st.decimals(0, 10**6, places=2),
    distance=st.none() | st.decimals(0, 20, places=1),
)
restrictions = st.builds(Restriction, only=st.sampled_from(Only), why=st.text(max_size=9))
names = st.sampled_from([None, frozenset({"NSE", "NFO"})])
products = st.sampled_from([None, frozenset({"CNC", "NRML"})])
facts = st.builds(
    Facts,
    at=st.just(NOW),
    capabilities=CAPABILITIES,
    listing=st.none() | listings,
    caps=st.none() | cap_sets,
    restrictions=st.none() | st.lists(restrictions, max_size=2).map(tuple),
    account_exchanges=names,
    account_products=products,
    last=st.none() | st.builds(LastPrice, price=PRICES, at=moments),
    band=st.none() | st.builds(Band, lower=PRICES, upper=PRICES, at=moments),
    is_exit=st.booleans(),
)


def found(ticket, known):
    return {(one.rule, one.field) for one in check(ticket, known) if one.severity != Severity.NOTE}


@given(likely, facts)
def test_a_fix_is_through_the_rule_that_offered_it(ticket, known):
    for problem in check(ticket, known):
        assert problem.text == problem.text.strip()
        for fix in problem.fixes:
            assert fix.text
            assert fix.values.keys() == fix.changes.keys()
            assert (problem.rule, problem.field) not in found(fix.of(ticket), known)


@given(any_at_all, facts)
def test_the_same_is_asked_for_however_it_is_written(ticket, known):
    again = Ticket.read(ticket.canonical())

    assert again.canonical() == ticket.canonical()
    assert found(again, known) == found(ticket, known)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
@example(1800, 1800)
def test_slices_lose_nothing(quantity, most):
    cut = slices(quantity, max(most, quantity // 50))

    assert sum(cut) == quantity
    assert all(0 < one <= max(most, quantity // 50) for one in cut)
