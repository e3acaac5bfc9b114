"""Quotes: asked for once a second by all together, kept with their moment, and what they do to a ticket."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import linking, logins
from accounts.breaker import Breaker
from accounts.brokerage import Membership, Role
from accounts.brokers.types import Quote
from orders import front, quotes
from orders.datasets import Part
from orders.engine.models import OrderTask
from orders.instruments import import_master
from orders.risk.models import RiskLimits
from orders.tickets import check, refusals
from portfolio import sync
from tests.accounts.conftest import (  # noqa: F401
    asha,
    enter,
    hashed_password,
    make_person,
    stranger,
)
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.orders.asking import ticket
from tests.orders.listing import FRIDAY, market
from tests.orders.test_ticket_page import PARTIAL, TERMS, key_in
from tradedesk.money import rupees

pytestmark = pytest.mark.django_db
NOW = timedelta(0)


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    exchange.control("POST", "prices", {"NSE:INFY": "1500"})
    import_master("kite-paper", market(), at=FRIDAY)
    return linking.link_paper(owner=asha)


@pytest.fixture
def client(account, asha, enter):  # noqa: F811
    return enter(asha)


def look(account, user, symbol="INFY", **more):
    found = quotes.look(account, "NSE", symbol, user=user, **more)
    assert found
    return found


def next_second(account):
    """Let the second be over in which nobody may ask again."""
    for name in quotes.kept().scan_iter("quotes:asked:*"):
        quotes.kept().delete(name)
    quotes.kept().delete(f"quotes:line:{account.pk}")


def seen(account, *, price="1500", age=0.0, lower="1350", upper="1650"):
    """Let this quote have come so many seconds ago; the line was just used, so none is asked for."""
    at = timezone.now() - timedelta(seconds=age)
    told = Quote(
        instrument_token=1, last_price=Decimal(price), quoted_at=at,
        lower_circuit=Decimal(lower), upper_circuit=Decimal(upper),
    )  # fmt: skip
    name = quotes.place_of("kite-paper", "NSE:INFY")
    quotes.kept().set(name, quotes.written(told, at))
    quotes.kept().set(f"quotes:line:{account.pk}", 1, px=60_000)


def said(answer):
    return " ".join(strip_tags(answer.content.decode()).split())


def test_a_quote_has_the_price_the_band_and_the_book_of_the_exchange(account, asha):  # noqa: F811
    found = look(account, asha)

    assert found.quote.last_price == 1500
    assert found.quote.lower_circuit < 1500 < found.quote.upper_circuit
    assert found.quote.bids[0].price <= found.quote.offers[0].price
    assert found.quote.bids[0].quantity > 0
    assert timezone.now() - found.at < timedelta(seconds=5)
    assert quotes.newest(account, "NSE", "INFY") == found


def test_within_a_second_nobody_asks_again(account, asha, exchange):  # noqa: F811
    first = look(account, asha)
    exchange.control("POST", "prices", {"NSE:INFY": "1510"})

    asked_at_once = look(account, asha, older_than=NOW)
    next_second(account)
    asked_later = look(account, asha, older_than=NOW)

    assert asked_at_once == first
    assert asked_later.quote.last_price == 1510
    assert look(account, asha) == asked_later  # fresh enough: nobody was asked


def test_one_call_brings_what_others_watch(account, asha):  # noqa: F811
    look(account, asha)
    assert quotes.look(account, "NSE", "TCS", user=asha) is None  # the line was just used
    next_second(account)

    look(account, asha, older_than=NOW)

    assert look(account, asha, "TCS").quote.last_price > 0


def test_any_line_that_the_person_may_see_will_do_and_no_other(account, asha, stranger):  # noqa: F811
    second = linking.link_paper(owner=asha)
    other = linking.link_paper(owner=stranger)
    logins.end(account, "over", generation=account.session.generation)

    assert [one.pk for one in quotes.lines(account, asha)] == [second.pk]
    assert [one.pk for one in quotes.lines(account, stranger)] == [other.pk]
    assert (
        quotes.lines(account, None) == []
    )  # a command has its own account, and that is logged out
    assert look(account, asha).quote.last_price == 1500


def test_a_line_that_fails_is_no_quote_and_stops_no_order(account, asha, exchange):  # noqa: F811
    rule = {"effect": "drop_before_acceptance", "route": "quote"}
    exchange.control("POST", "faults", {"rules": [rule]})
    try:
        assert quotes.look(account, "NSE", "INFY", user=asha) is None
    finally:
        exchange.control("DELETE", "faults")
    assert not Breaker.objects.filter(failures__gt=0).exists()
    assert not quotes.is_first(f"quotes:line:{account.pk}")  # it is left alone for a while


# On the ticket ---------------------------------------------------------------------------------


def shown(client, account, instrument="NSE:INFY"):
    path = f"/a/{account.code}/quote/"
    return client.get(path, {"instrument": instrument}, headers=PARTIAL)


def test_the_ticket_shows_the_market_of_its_instrument(client, account):
    page = said(client.get(f"/a/{account.code}/orders/new/?instrument=NSE:INFY"))

    assert "1,500.00" in page
    assert re.search(
        r"\d s ago Bid 1,\d{3}\.\d\d [\d,]+ Offer 1,\d{3}\.\d\d [\d,]+ Today 1,\d{3}\.\d\d to 1,",
        page,
    )


def test_a_press_on_the_price_puts_it_into_the_ticket(client, account):
    seen(account)
    html = shown(client, account).content.decode()
    assert 'value="price=1500"' in html
    path = f"/a/{account.code}/orders/new/"

    form = TERMS | {"key": key_in(client.get(path)), "price": "", "order_type": "MARKET"}
    page = client.post(path, form | {"fill": "price=1500"}).content.decode()

    assert re.search(r'name="price"\s+value="1500"', page)
    assert re.search(r'value="LIMIT"\s+checked', page)
    assert not OrderTask.objects.exists()


@pytest.mark.parametrize(("age", "words"), [(2, "2 s ago"), (150, "2 min ago")])
def test_a_price_says_how_old_it_is(client, account, age, words):
    seen(account, age=age)

    answer = shown(client, account)

    assert words in said(answer)
    assert ("is-old" in answer.content.decode()) == (age > 5)


def test_where_nobody_is_logged_in_the_ticket_says_so(client, account):
    logins.end(account, "over", generation=account.session.generation)

    assert "log the account in" in said(shown(client, account))


def test_what_is_no_instrument_has_no_quote(client, account):
    assert said(shown(client, account, "NSE:NOSUCH")) == ""
    assert said(shown(client, account, "infy")) == ""


def test_only_traders_see_the_quote_of_a_ticket(account, make_person, enter, stranger):  # noqa: F811
    viewer = make_person("viewer@example.com")
    Membership.objects.create(account=account, user=viewer, role=Role.VIEWER)

    assert shown(enter(viewer), account).status_code == 403
    assert shown(enter(stranger), account).status_code == 404


@pytest.mark.parametrize(
    ("price", "words", "fill"),
    [
        ("1,349.95", "Price must be between 1,350.00 and 1,650.00 today. Use 1,350.00 or more.", "1350"),
        ("1,650.05", "Price must be between 1,350.00 and 1,650.00 today. Use 1,650.00 or less.", "1650"),
    ],
)  # fmt: skip
def test_a_price_outside_the_band_is_refused_with_the_way_out(client, account, price, words, fill):
    seen(account, age=50)  # old for a price, not for a band
    path = f"/a/{account.code}/orders/new/"

    answer = client.post(path, TERMS | {"key": key_in(client.get(path)), "price": price})

    assert answer.status_code == 422
    assert words in said(answer)
    assert f'value="price={fill}"' in answer.content.decode()
    assert not OrderTask.objects.exists()


def test_a_stop_that_the_market_has_passed_is_refused(client, account):
    seen(account)
    path = f"/a/{account.code}/orders/new/"
    stop = {"order_type": "SL", "trigger_price": "1500", "price": "1501"}

    answer = client.post(path, TERMS | {"key": key_in(client.get(path))} | stop)

    assert "The trigger must be above the last price of 1,500.00. Use 1,500.05" in said(answer)


def test_the_distance_of_the_person_counts_and_an_old_price_refuses_nothing(
    account, asha  # noqa: F811
):  # fmt: skip
    RiskLimits.objects.create(user=asha, distance=Decimal(2))
    far = ticket(price="1450")
    at = timezone.now()

    def rules(user):
        facts = front.facts_of(far, account, at, user=user)
        return [one.rule for one in refusals(check(far, facts))]

    seen(account)
    assert rules(asha) == ["distance"]
    assert rules(None) == []
    seen(account, age=6)
    assert rules(asha) == []


def test_a_refusal_is_said_although_a_newer_quote_would_let_it_pass(client, account):
    path = f"/a/{account.code}/orders/new/"
    key = key_in(client.get(path))
    seen(account, age=6, lower="1300", upper="1400")
    quotes.kept().delete(f"quotes:line:{account.pk}")

    answer = client.post(path, TERMS | {"key": key, "price": "1450"})

    assert answer.status_code == 422
    assert "1,400" in said(answer)
    assert not OrderTask.objects.exists()


def test_a_dry_run_says_the_words_of_the_ticket(client, account):
    seen(account)
    path = f"/a/{account.code}/orders/new/"
    page = said(client.post(path, TERMS | {"key": key_in(client.get(path)), "price": "1349.95"}))
    words = "Price must be between 1,350.00 and 1,650.00 today. Use 1,350.00 or more."

    with pytest.raises(CommandError, match=re.escape(words)):
        call_command(
            "place_order", account=account.code, instrument="NSE:INFY", side="BUY", quantity="5",
            order_type="LIMIT", product="CNC", price="1349.95", dry_run=True,
        )  # fmt: skip

    assert words in page


# What it would block ---------------------------------------------------------------------------


def margin(client, account, **terms):
    return client.post(f"/a/{account.code}/orders/margin/", TERMS | terms, headers=PARTIAL)


def test_a_ticket_says_what_it_would_block_of_what_is_there(client, account):
    assert said(margin(client, account)) == "Needs ₹7,250.00"

    sync.refresh_part(account.pk, Part.FUNDS)

    told = account.fundsrows.get(segment="equity")
    assert said(margin(client, account)) == f"Needs ₹7,250.00 of {rupees(told.net)} available"
    assert "nudge" not in margin(client, account).content.decode()
    assert "nudge" in margin(client, account, quantity="10000").content.decode()
    assert not OrderTask.objects.exists()


@pytest.mark.parametrize("terms", [{"price": ""}, {"price": "1450.03"}, {"instrument": "infy"}])
def test_what_cannot_be_sent_blocks_nothing(client, account, terms):
    assert said(margin(client, account, **terms)) == ""


def test_a_margin_that_cannot_be_had_says_so_and_stops_no_order(client, account, exchange):  # noqa: F811
    rule = {"effect": "status_502_before_acceptance", "route": "order.margins"}
    exchange.control("POST", "faults", {"rules": [rule]})
    try:
        assert said(margin(client, account)) == "Margin: not available now."
    finally:
        exchange.control("DELETE", "faults")
    assert not Breaker.objects.filter(failures__gt=0).exists()
