"""The lists "intraday only" and "delivery only": what brokers' refusals and the operator put there."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import linking
from accounts.brokers.types import Quote
from accounts.brokers.words import Product
from accounts.models import AuditEvent
from orders.product_rules import ProductRule, Source, learn, restrictions_of, told_by
from orders.tickets import Caps, Only, Restriction, check, refusals
from orders.tickets.gathering import facts_for, seen_in
from tests.accounts.conftest import (  # noqa: F401
    asha,
    enter,
    hashed_password,
    make_person,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.accounts.test_sharing import words
from tests.orders.asking import NOW, on_future, ticket
from tests.orders.listing import FRIDAY, MASTER, brought_in, kept
from tradedesk.times import IST

pytestmark = pytest.mark.django_db
NO_MIS = "Trading in NSE is not allowed using MIS product type."
TODAY = NOW.date()
ADMIN = f"/{settings.ADMIN_PATH}orders/productrule/"


@pytest.fixture
def there():
    assert brought_in().is_done


def standing(*, on=TODAY, master=MASTER, place="NSE"):
    return restrictions_of(master, place, "INFY", on=on)


def learnt(refusal, instrument, *, at=NOW):
    return learn(refusal, instrument, at=at)


def seen(quote):
    return seen_in(quote, at=NOW)


def known_of(asked, account):
    return facts_for(asked, account, at=NOW, caps=Caps())


@pytest.mark.parametrize(
    ("refusal", "exchange_named", "only"),
    [
        (NO_MIS, "NSE", Only.DELIVERY),
        ("kite place: Trading in BSE is not allowed using MIS product type", "BSE", Only.DELIVERY),
        ("Trading in NFO is not allowed using MIS product type. Try placing an order in NRML.", "NFO", Only.DELIVERY),
        ("Trading in NSE is not allowed using CNC product type.", "NSE", Only.INTRADAY),
        ("Trading in NFO is not allowed using NRML product type.", "NFO", Only.INTRADAY),
        ("MIS (Intraday) is blocked for this FINNIFTY contract.", "NFO", Only.DELIVERY),
        # True of the whole segment, so nothing is learnt about the instrument:
        ("Trading in NSE is not allowed using NRML product type.", "NSE", None),
        ("Trading in NFO is not allowed using CNC product type.", "NFO", None),
        ("Trading in NSE is not allowed using MTF product type.", "NSE", None),
        # About another exchange, the hour, or something else altogether:
        (NO_MIS, "BSE", None),
        ("MIS (intraday) are blocked as the markets are not open for trading today. Try placing an AMO order.", "NSE", None),
        ("MIS (intraday) orders are blocked after the square-off time.", "NSE", None),
        ("16387 : Security is not allowed to trade in this market", "NSE", None),
        ("Insufficient funds. Required margin is 95417.84 but available margin is 74251.80.", "NSE", None),
        ("", "NSE", None),
    ],
)  # fmt: skip
def test_a_refusal_tells_of_a_list_or_of_none(refusal, exchange_named, only):
    assert told_by(refusal, exchange_named) == only


def test_what_a_refusal_tells_stands_for_that_day_at_that_broker(there):
    rule = learnt(f"{NO_MIS}\x00\n", kept("INFY"), at=NOW)

    assert (rule.source, rule.until, rule.made_at) == (Source.BROKER, TODAY, NOW)
    why = f"the broker said: {NO_MIS}"
    assert standing() == (Restriction(only=Only.DELIVERY, why=why),)
    assert standing(on=TODAY + timedelta(days=1)) == ()
    assert standing(master="kite-paper") == ()
    assert standing(place="BSE") == ()
    assert learnt("no", kept("INFY"), at=NOW) is None


def test_a_day_is_one_in_india(there):
    just_after_midnight = datetime(2026, 11, 21, 0, 10, tzinfo=IST)

    assert learnt(NO_MIS, kept("INFY"), at=just_after_midnight).until == date(2026, 11, 21)


def test_the_same_refusal_again_is_the_same_entry(there):
    learnt(NO_MIS, kept("INFY"), at=NOW)
    learnt(NO_MIS, kept("INFY"), at=NOW + timedelta(days=1))

    assert ProductRule.objects.get().until == TODAY + timedelta(days=1)


def test_the_operators_word_stands_beside_the_brokers_and_at_every_broker(there):
    ProductRule.objects.create(
        exchange="NSE", symbol="INFY", kind="delivery", why="House rule", made_at=NOW
    )
    learnt(NO_MIS, kept("INFY"), at=NOW)

    assert [one.why for one in standing()] == ["House rule", f"the broker said: {NO_MIS}"]
    assert [one.why for one in standing(master="kite-paper")] == ["House rule"]
    assert [one.why for one in standing(on=date(2030, 1, 1))] == ["House rule"]


@pytest.mark.parametrize("wrong", [{"kind": "both"}, {"source": "rumour"}])
def test_the_database_keeps_to_the_words(wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        ProductRule.objects.create(
            **({"exchange": "NSE", "symbol": "INFY", "kind": "delivery", "made_at": NOW} | wrong)
        )


# In a ticket ---------------------------------------------------------------------------------


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


def test_a_ticket_is_judged_by_what_the_desk_knows(account):
    brought_in(master="kite-paper")
    account.profile = {"exchanges": ["NSE", "NFO"], "products": ["CNC", "MIS", "NRML"]}
    learnt(NO_MIS, kept("INFY", master="kite-paper"), at=NOW)

    known = known_of(ticket(), account)
    assert (known.listing.tick_size, known.listing.lot_size) == (Decimal("0.05"), 1)
    assert known.account_exchanges == {"NSE", "NFO"}
    assert refusals(check(ticket(), known)) == []
    (refused,) = refusals(check(ticket(product=Product.MIS), known))
    assert refused.text.startswith("INFY can be traded for delivery only: the broker said")
    (refused,) = refusals(check(ticket(product=Product.MTF), known))
    assert refused.text == "MTF is not enabled for this account. Use CNC."

    future = on_future(quantity=1)
    known = known_of(future, account)
    assert (known.listing.freeze_quantity, known.listing.multiplier) == (1800, 1)
    assert refusals(check(future, known)) == []
    gold = on_future(exchange="MCX", symbol="GOLD26DECFUT")
    assert known_of(gold, account).listing.multiplier == 100


def test_what_no_list_has_is_no_ticket(account):
    known = known_of(ticket(symbol="GHOST"), account)

    assert known.listing is None
    assert [one.rule for one in refusals(check(ticket(symbol="GHOST"), known))] == ["tradable"]


def test_a_quote_tells_the_market_and_nought_is_no_limit():
    quote = Quote(instrument_token=1, last_price=Decimal(100), quoted_at=FRIDAY)

    last, band = seen(quote)
    assert (last.price, last.at, band) == (100, FRIDAY, None)
    full = Quote(
        instrument_token=1, last_price=Decimal(0), lower_circuit=Decimal(90), upper_circuit=Decimal(110)
    )  # fmt: skip
    last, band = seen(full)
    assert (last, band.lower, band.upper, band.at) == (None, 90, 110, NOW)


# In the administration -----------------------------------------------------------------------


@pytest.fixture
def office(make_person, enter):  # noqa: F811
    staff = make_person("staff@example.com", factor=True, is_staff=True, is_superuser=True)
    return enter(staff)


def entered(**terms):
    known = {"master": "", "exchange": "nse", "symbol": "infy", "kind": "delivery", "why": "T2T", "until": ""}  # fmt: skip
    return known | terms


def test_the_operator_adds_an_instrument_to_a_list(there, office):
    office.post(f"{ADMIN}add/", entered())

    rule = ProductRule.objects.get()
    assert (rule.exchange, rule.symbol, rule.source, rule.until) == (
        "NSE",
        "INFY",
        "operator",
        None,
    )
    assert timezone.now() - rule.made_at < timedelta(minutes=1)
    event = AuditEvent.objects.get(what="product_rule.changed", object="NSE:INFY")
    assert event.after
    assert event.after["why"] == "T2T"


def test_what_is_nowhere_listed_or_listed_twice_is_refused(there, office):
    assert "No list of instruments has NSE:GHOST there." in words(office.post(f"{ADMIN}add/", entered(symbol="ghost")))  # fmt: skip
    assert "No list" in words(office.post(f"{ADMIN}add/", entered(master="kite-paper")))
    office.post(f"{ADMIN}add/", entered())
    assert "It is on the list already" in words(office.post(f"{ADMIN}add/", entered()))
    assert ProductRule.objects.count() == 1


def test_what_the_broker_said_is_not_rewritten_but_can_be_ended(there, office):
    rule = learnt(NO_MIS, kept("INFY"), at=timezone.now())

    assert office.post(f"{ADMIN}{rule.pk}/change/", entered()).status_code == 403
    assert office.post(f"{ADMIN}{rule.pk}/delete/", {"post": "yes"}).status_code == 403
    office.post(ADMIN, {"action": "end", "_selected_action": [rule.pk]})
    assert standing(on=timezone.localdate()) == ()
    assert AuditEvent.objects.filter(what="product_rule.changed").count() == 1
    assert "INFY" in words(office.get(ADMIN))


def test_nobody_else_sees_the_lists(there, asha, enter):  # noqa: F811
    assert enter(asha).get(ADMIN, follow=True).status_code == 404
