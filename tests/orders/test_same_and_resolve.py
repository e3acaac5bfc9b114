"""One instrument at two brokers, one share at two exchanges, and a contract by its terms."""

from datetime import date
from decimal import Decimal

import pytest

from orders.instruments import (
    Kind,
    Unresolved,
    all_at,
    expiries_of,
    resolve,
    same_at,
    strikes_of,
    twin_of,
    twins_of,
)
from orders.instruments.models import Instrument
from tests.orders.listing import FRIDAY, MASTER, MONDAY, brought_in, contract, kept, listed, market

pytestmark = pytest.mark.django_db
OTHER = "angelone-live"
TODAY = FRIDAY.date()


def index(symbol, **facts):
    return listed(symbol, segment="INDICES", **facts)


def other_row(symbol, *, exchange="NSE"):
    return kept(symbol, exchange=exchange, master=OTHER)


# Brokers -------------------------------------------------------------------------------------


def two_brokers():
    brought_in([
        listed("SBIN", exchange_token="3045", name="STATE BANK OF INDIA"),
        listed("RELIANCE", exchange_token="2885"),
        index("NIFTY 50", exchange_token="2885"),  # an index with the number of a share
        contract("NIFTY26NOV24500CE", "CE", "2026-11-24", 24500, exchange_token="40001"),
        contract("NIFTY26DEC24500CE", "CE", "2026-12-29", 24500, exchange_token="40002"),
        listed("ODD", exchange_token=""),
        listed("LONELY", exchange_token="77"),
    ])  # fmt: skip
    brought_in(
        [
            listed("SBIN-EQ", exchange_token="3045", name="SBIN"),
            listed("RELIANCE-EQ", exchange_token="2885"),
            index("NIFTY 50", exchange_token="99926000"),
            contract("NIFTY24NOV2624500CE", "CE", "2026-11-24", 24500, exchange_token="40001"),
            contract("NIFTY08DEC2624500CE", "CE", "2026-12-08", 24500, exchange_token="40002"),
            listed("ODD", exchange_token="5"),
        ],
        master=OTHER,
    )


@pytest.mark.parametrize(
    ("symbol", "exchange", "there"),
    [
        ("SBIN", "NSE", "NSE:SBIN-EQ"),
        ("RELIANCE", "NSE", "NSE:RELIANCE-EQ"),
        ("NIFTY 50", "NSE", "NSE:NIFTY 50"),  # by its symbol: its numbers are the brokers' own
        ("NIFTY26NOV24500CE", "NFO", "NFO:NIFTY24NOV2624500CE"),
        ("NIFTY26DEC24500CE", "NFO", None),  # the number is used again for another contract
        ("ODD", "NSE", "NSE:ODD"),
        ("LONELY", "NSE", None),
    ],
)
def test_the_exchanges_own_number_leads_from_one_broker_to_another(symbol, exchange, there):
    two_brokers()

    found = same_at(kept(symbol, exchange=exchange), OTHER)
    assert (found and found.key) == there
    if found:
        assert same_at(found, MASTER) == kept(symbol, exchange=exchange)


def test_many_are_found_with_two_questions(django_assert_num_queries):
    two_brokers()
    rows = list(Instrument.objects.of(MASTER))

    with django_assert_num_queries(2):
        assert len(all_at(rows, OTHER)) == 5


def test_what_the_other_broker_no_longer_lists_is_not_the_same():
    two_brokers()
    brought_in(
        [listed("SBIN-EQ", exchange_token="1")], master=OTHER, at=MONDAY, accept_shrinkage=True
    )

    assert same_at(kept("RELIANCE"), OTHER) is None
    assert other_row("RELIANCE-EQ").last_seen == TODAY


# Twins ---------------------------------------------------------------------------------------


def test_a_share_has_a_twin_at_the_other_exchange():
    brought_in()
    brought_in([listed("INFY", exchange="BSE", name="INFOSYS")], master=OTHER)

    assert twin_of(kept("INFY")) == kept("INFY", exchange="BSE")
    assert twin_of(kept("INFY", exchange="BSE")) == kept("INFY")
    assert twin_of(kept("LT")) is None
    assert twin_of(kept("NIFTY 50")) is None
    assert twin_of(kept("INFY26NOVFUT", exchange="NFO")) is None


def test_a_series_of_nse_is_the_same_share_and_a_namesake_is_not():
    brought_in([
        listed("ABC-BE", name="ABC METALS"),
        listed("ABC", exchange="BSE", name="ABC METALS LTD"),
        listed("XYZ", name="XYZ FOODS LTD"),
        listed("XYZ", exchange="BSE", name="QUARTZ TRADING LTD"),
        listed("BAJAJ-AUTO", name="BAJAJ AUTO"),
        listed("BAJAJ-AUTO", exchange="BSE", name="BAJAJ AUTO"),
    ])  # fmt: skip

    assert twin_of(kept("ABC-BE")) == kept("ABC", exchange="BSE")
    assert twin_of(kept("ABC", exchange="BSE")) == kept("ABC-BE")
    assert twin_of(kept("XYZ")) is None
    assert twin_of(kept("BAJAJ-AUTO")) == kept("BAJAJ-AUTO", exchange="BSE")
    assert len(twins_of(Instrument.objects.all())) == 4


# By terms ------------------------------------------------------------------------------------


@pytest.fixture
def there():
    more = [index("SENSEX", exchange="BSE"), listed("SBIN"), contract("SBIN26NOVFUT", "FUT", "2026-11-24", name="SBIN")]  # fmt: skip
    assert brought_in([*market(), *more]).is_done


def resolved(underlying, kind, **terms):
    return resolve(MASTER, underlying, kind, on=TODAY, **terms).key


@pytest.mark.parametrize(
    ("underlying", "kind", "terms", "key"),
    [
        ("NIFTY", Kind.INDEX, {}, "NSE:NIFTY 50"),
        ("NIFTY 50", Kind.INDEX, {}, "NSE:NIFTY 50"),
        ("BANKNIFTY", Kind.INDEX, {}, "NSE:NIFTY BANK"),
        ("SENSEX", Kind.INDEX, {}, "BSE:SENSEX"),
        ("INFY", Kind.EQ, {}, "NSE:INFY"),
        ("INFY", Kind.EQ, {"exchange": "BSE"}, "BSE:INFY"),
        ("M&M", Kind.EQ, {}, "NSE:M&M"),
        ("NIFTY", Kind.FUT, {}, "NFO:NIFTY26NOVFUT"),
        ("NIFTY", Kind.FUT, {"expiry": date(2026, 12, 29)}, "NFO:NIFTY26DECFUT"),
        ("NIFTY 50", Kind.FUT, {}, "NFO:NIFTY26NOVFUT"),
        ("SBIN", Kind.FUT, {}, "NFO:SBIN26NOVFUT"),
        ("M&M", Kind.FUT, {}, "NFO:M&M26NOVFUT"),
        ("GOLD", Kind.FUT, {}, "MCX:GOLD26DECFUT"),
        ("NIFTY", Kind.CE, {"strike": 24500}, "NFO:NIFTY26NOV24500CE"),
        ("nifty", "CE", {"strike": 24500, "expiry": date(2027, 1, 26)}, "NFO:NIFTY27JAN24500CE"),
        ("NIFTY", Kind.PE, {"strike": Decimal("24500.0")}, "NFO:NIFTY26NOV24500PE"),
        ("USDINR", Kind.CE, {"strike": Decimal("84.25")}, "CDS:USDINR26NOV84.25CE"),
    ],
)
def test_terms_name_one_instrument(there, underlying, kind, terms, key):
    assert resolved(underlying, kind, **terms) == key


@pytest.mark.parametrize(
    ("underlying", "kind", "terms", "why"),
    [
        ("GHOST", Kind.EQ, {}, "no share GHOST is listed"),
        ("INFY", Kind.INDEX, {}, "no index INFY is listed"),
        ("GHOST", Kind.FUT, {}, "GHOST has no future"),
        ("NIFTY", Kind.FUT, {"expiry": date(2026, 11, 25)}, "NIFTY has no future that expires on 25 Nov 2026"),
        ("NIFTY", Kind.CE, {"strike": 24025, "expiry": date(2026, 11, 24)},
         "NIFTY has no call at 24025 that expires on 24 Nov 2026; near it: 24000 and 24500"),
        ("NIFTY", Kind.PE, {}, "an option on NIFTY is known by its strike"),
    ],
)  # fmt: skip
def test_terms_that_name_nothing_say_which_of_them_fails(there, underlying, kind, terms, why):
    with pytest.raises(Unresolved) as refused:
        resolved(underlying, kind, **terms)

    assert str(refused.value) == why


def test_a_contract_that_has_expired_is_found_by_its_expiry_and_no_longer_as_the_nearest(there):
    later = [row for row in market() if row.expiry != date(2026, 11, 24)]
    after = date(2026, 11, 25)
    brought_in(later, at=MONDAY.replace(day=25), accept_shrinkage=True)

    assert resolve(MASTER, "NIFTY", Kind.FUT, on=after).symbol == "NIFTY26DECFUT"
    expired = resolve(MASTER, "NIFTY", Kind.CE, on=after, expiry=date(2026, 11, 24), strike=24500)
    assert (expired.symbol, expired.is_active) == ("NIFTY26NOV24500CE", False)
    assert expiries_of(MASTER, "NIFTY", Kind.FUT, on=after) == [date(2026, 12, 29), date(2027, 1, 26)]  # fmt: skip


def test_the_days_and_strikes_of_a_chain_are_told(there):
    days = expiries_of(MASTER, "NIFTY", Kind.CE, on=TODAY)

    assert days == [date(2026, 11, 24), date(2026, 12, 1), date(2027, 1, 26)]
    assert strikes_of(MASTER, "NIFTY", days[0]) == [24000, 24500]
