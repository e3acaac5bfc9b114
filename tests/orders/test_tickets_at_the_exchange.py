"""What we have nothing against is taken at the exchange: its own reading of an order agrees with ours."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accounts.brokers.kite import offers
from accounts.brokers.kite.orders import terms_of
from accounts.brokers.paper.engine import Exchange, Refusal
from accounts.brokers.paper.tickets import read_ticket
from accounts.brokers.paper.units import RUPEE
from accounts.brokers.words import OrderType, Product, Side, Validity, Variety
from orders.tickets import Band, Caps, Facts, LastPrice, Listing, Severity, Ticket, check, refusals
from tests.paper.engine_cast import FRIDAY_TEN
from tradedesk.times import IST

TEN = datetime(2026, 11, 20, 10, 0, tzinfo=IST)
FLOOR = Exchange(seed=11, start=FRIDAY_TEN).floor
KEYS = sorted(
    key
    for key, row in FLOOR.market.by_key.items()
    if key in {"NSE:INFY", "BSE:INFY", "NSE:SBIN"}
    or (row.kind == "FUT" and row.name in {"NIFTY", "INFY", "GOLD", "USDINR"})
)
OPTIONS = sorted(key for key, row in FLOOR.market.by_key.items() if row.name == "NIFTY" and row.is_option)[::97]  # fmt: skip
MANY = 12  # fixes that are followed before a ticket is given up


def known_of(key):
    row = FLOOR.market.by_key[key]
    lower, upper = (Decimal(side) / RUPEE for side in FLOOR.market.band(row, FLOOR.now))
    last = Decimal(FLOOR.market.price(row, FLOOR.now)) / RUPEE
    listing = Listing(
        exchange=row.exchange, symbol=row.symbol, kind=row.kind, lot_size=row.lot,
        tick_size=Decimal(row.tick) / RUPEE, freeze_quantity=row.freeze or None,
        expiry=date.fromordinal(row.expiry) if row.expiry else None,
        multiplier=Decimal(row.multiplier),
    )  # fmt: skip
    return Facts(
        at=TEN, capabilities=offers.PAPER, listing=listing, caps=Caps(), restrictions=(),
        last=LastPrice(price=last, at=TEN - timedelta(seconds=1)),
        band=Band(lower=lower, upper=upper, at=TEN - timedelta(seconds=1)),
    )  # fmt: skip


FACTS = {key: known_of(key) for key in [*KEYS, *OPTIONS]}


@st.composite
def tickets(draw):
    """Something that a trader might ask for, right or wrong by a little."""
    known = FACTS[draw(st.sampled_from(sorted(FACTS)))]
    listing, last = known.listing, known.last.price
    near = st.integers(-200, 200).map(lambda away: last + away * listing.tick_size)
    prices = st.none() | near | near.map(lambda price: price + Decimal("0.003"))
    lots = st.integers(1, 20) | st.integers(1, 300)
    return known, Ticket(
        exchange=listing.exchange,
        symbol=listing.symbol,
        side=draw(st.sampled_from(Side)),
        quantity=draw(lots) * listing.lot_size + draw(st.sampled_from([0, 0, 0, 1])),
        order_type=draw(st.sampled_from(OrderType)),
        price=draw(prices),
        trigger_price=draw(prices),
        product=draw(st.sampled_from([*Product])),
        validity=draw(st.sampled_from(Validity)),
        validity_minutes=draw(st.sampled_from([None, None, 5])),
        variety=draw(st.sampled_from([one for one in Variety if one != Variety.AUCTION])),
        protection=draw(st.sampled_from([None, None, Decimal(0), Decimal(2)])),
        disclosed_quantity=draw(st.sampled_from([None, None, listing.lot_size])),
        iceberg_legs=draw(st.sampled_from([None, 2, 5, 60])),
        autoslice=draw(st.booleans()),
    )


def mended(ticket, known):
    """Do as the ticket's problems say, one after the other, until nothing is refused."""
    for _ in range(MANY):
        problems = refusals(check(ticket, known))
        if not problems:
            return ticket
        fixes = [fix for problem in problems for fix in problem.fixes]
        if not fixes:
            return None
        ticket = fixes[0].of(ticket)
    return None


@settings(max_examples=400, deadline=None)
@given(tickets())
def test_a_ticket_that_passes_is_taken_by_the_exchange(made):
    known, asked = made
    ticket = mended(asked, known)
    assume(ticket is not None)

    terms = {name: str(value) for name, value in terms_of(ticket.request()).items() if value is not None}  # fmt: skip
    read = read_ticket(FLOOR, terms | ({"autoslice": "true"} if ticket.autoslice else {}))

    assert (read.quantity, read.wrong_side) == (ticket.quantity, "")


@pytest.mark.parametrize("key", sorted(FACTS))
def test_a_plain_order_for_anything_passes_and_is_taken(key):
    known = FACTS[key]
    listing = known.listing
    product = Product.CNC if listing.exchange in {"NSE", "BSE"} else Product.NRML
    ticket = Ticket(
        exchange=listing.exchange, symbol=listing.symbol, side=Side.BUY, quantity=listing.lot_size,
        order_type=OrderType.MARKET, product=product,
    )  # fmt: skip

    assert [one for one in check(ticket, known) if one.severity == Severity.REFUSES] == []
    terms = terms_of(ticket.request())
    read_ticket(FLOOR, {name: str(value) for name, value in terms.items() if value is not None})


def test_the_exchange_refuses_what_we_refuse_here_so_the_agreement_is_no_accident():
    known = FACTS["NSE:INFY"]
    wrong = Ticket(
        exchange="NSE", symbol="INFY", side=Side.BUY, quantity=1, order_type=OrderType.LIMIT,
        price=known.last.price + Decimal("0.003"), product=Product.CNC,
    )  # fmt: skip

    assert refusals(check(wrong, known))
    with pytest.raises(Refusal, match="Tick size"):
        read_ticket(FLOOR, {name: str(value) for name, value in terms_of(wrong.request()).items() if value is not None})  # fmt: skip
