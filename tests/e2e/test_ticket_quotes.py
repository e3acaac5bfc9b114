"""The ticket's quote in a real browser: it goes on while the ticket is open, fills in, and judges."""

import re
import time
from itertools import pairwise
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.e2e.test_linking import control
from tests.e2e.test_look import violations
from tests.e2e.test_orders import field, instruments, paper_account, picture  # noqa: F401

PRICE = re.compile(r"[\d,]+\.\d\d")


@pytest.fixture(scope="module")
def account(instruments, desk, browser):  # noqa: F811
    return paper_account(desk, browser, "quotes@example.com", INFY="1500")


@pytest.fixture
def opened(new_page, account, desk):
    """Open a browser at an address below the account."""
    control(desk, "POST", "prices", {"NSE:INFY": "1500"})

    def open_at(path, **options):
        page = new_page(**options)
        page.context.add_cookies(account.cookies)
        page.goto(f"/a/{account.code}/{path}")
        return page

    yield open_at
    control(desk, "DELETE", "faults")


@pytest.fixture
def ticket(opened):
    def open_ticket(*, options=None, **terms):
        asked = urlencode({"instrument": "NSE:INFY"} | terms)
        return opened(f"orders/new/?{asked}", **(options or {}))

    return open_ticket


def limits_of(page):
    """Today's circuit limits, as the page shows them."""
    return PRICE.findall(page.locator(".quote-more dd").last.inner_text())


def test_a_chosen_instrument_shows_its_market_and_a_press_takes_the_price(opened, desk):
    page = opened("orders/")
    page.get_by_role("link", name="New order").click()
    sheet = page.locator("#sheet")
    field(sheet, "Instrument").press_sequentially("infy", delay=30)
    sheet.get_by_role("button", name=re.compile("INFY NSE")).click()
    quote = sheet.locator("#quote")

    expect(quote).to_contain_text(re.compile(r"1,500\.00.*\d s ago.*Bid.*Offer.*Today", re.DOTALL))
    control(desk, "POST", "prices", {"NSE:INFY": "1512.5"})
    expect(quote).to_contain_text("1,512.50")
    quote.get_by_role("button", name="Use the last price").click()

    expect(field(sheet, "Price")).to_have_value("1512.5")
    expect(page.locator("#chips .chip")).to_have_count(0)


def test_it_is_asked_for_every_two_seconds_once_and_not_after_the_sheet_is_closed(opened):
    page = opened("orders/")
    asked = []
    alone = []

    def listen(request):
        if "/quote/" in request.url:
            asked.append(time.monotonic())
            alone.append(request.headers.get("x-background"))

    page.on("request", listen)
    page.get_by_role("link", name="New order").click()
    sheet = page.locator("#sheet")
    field(sheet, "Instrument").press_sequentially("infy", delay=30)
    sheet.get_by_role("button", name=re.compile("INFY NSE")).click()

    expect(field(sheet, "Quantity")).to_be_focused()
    expect(sheet.locator("#margin")).to_be_attached()
    page.evaluate("document.activeElement.blur()")
    for _ in range(4):
        page.wait_for_event("response", lambda one: "/quote/" in one.url)
    assert page.evaluate("document.activeElement === document.body")  # it moves no focus
    sheet.get_by_role("link", name="Close").click()
    expect(sheet).to_be_hidden()
    closed = len(asked)
    page.wait_for_timeout(4500)  # two turns in which nobody must ask

    assert all(later - sooner > 1.5 for sooner, later in pairwise(asked))
    assert len(asked) == closed
    assert set(alone) == {"1"}  # nobody at the keyboard: it keeps no session alive


def test_a_price_outside_the_band_is_refused_while_it_is_typed(ticket, picture):  # noqa: F811
    page = ticket(quantity=5)
    low, high = limits_of(page)

    field(page, "Price").press_sequentially("99999")

    about = page.locator("#about-price")
    expect(about).to_contain_text(f"Price must be between {low} and {high} today.")
    picture(page, "band")
    about.get_by_role("button", name=f"Use {high}").click()
    expect(about).to_be_empty()
    expect(field(page, "Price")).to_have_value(
        high.replace(",", "").removesuffix("0").removesuffix(".0")
    )


def test_a_price_that_does_not_come_any_more_grows_old(ticket, desk, account):
    page = ticket()
    age = page.locator(".quote-age")
    expect(age).not_to_have_class(re.compile("is-old"))
    user_id = account.user_id
    rule = {"effect": "status_502_before_acceptance", "route": "quote", "user_id": user_id}

    control(desk, "POST", "faults", {"rules": [rule]})
    expect(age).to_have_class(re.compile("is-old"), timeout=15_000)
    expect(page.locator("#quote")).to_contain_text("1,500.00")
    control(desk, "DELETE", "faults")

    expect(age).not_to_have_class(re.compile("is-old"), timeout=20_000)


def test_what_the_order_blocks_is_told_while_it_is_typed(ticket):
    page = ticket(price=1450)
    margin = page.locator("#margin")

    expect(margin).to_be_empty()
    field(page, "Quantity").fill("5")
    expect(margin).to_contain_text("Needs ₹7,250.00")
    field(page, "Quantity").fill("10")
    expect(margin).to_contain_text("Needs ₹14,500.00")
    field(page, "Price").fill("")
    expect(margin).to_be_empty()


def test_what_comes_by_itself_moves_no_focus(ticket):
    page = ticket(quantity=5, price=1450)

    expect(page.locator("#margin")).to_contain_text("Needs ₹7,250.00")

    assert page.evaluate("document.activeElement === document.body")


@pytest.mark.parametrize(("width", "symbol"), [(1280, "SBIN"), (390, "TCS")])
def test_what_comes_by_itself_moves_no_button(ticket, desk, account, width, symbol):
    held = []
    user_id = account.user_id
    rule = {"effect": "status_502_before_acceptance", "route": "quote", "user_id": user_id}
    control(desk, "POST", "faults", {"rules": [rule]})
    page = ticket(options={"viewport": {"width": width, "height": 800}})
    page.route("**/orders/margin/", lambda route: held.append(route))
    page.goto(f"{page.url.split('?')[0]}?instrument=NSE:{symbol}&quantity=5&order_type=MARKET")
    send = page.locator("[data-send]")
    expect(page.locator("#quote")).to_contain_text("The broker tells no price now")
    before = send.bounding_box()

    control(desk, "DELETE", "faults")
    expect(page.locator("#quote")).to_contain_text("Today", timeout=20_000)
    assert send.bounding_box() == before
    held[-1].continue_()
    expect(page.locator("#margin")).to_contain_text("Needs")

    assert send.bounding_box() == before


@pytest.mark.parametrize("width", [1280, 390])
def test_what_the_search_finds_lies_over_the_ticket_and_goes_with_the_focus(
    ticket, width, picture  # noqa: F811
):  # fmt: skip
    page = ticket(options={"viewport": {"width": width, "height": 800}})
    page.goto(page.url.split("?")[0])
    send, instrument = page.locator("[data-send]"), field(page, "Instrument")
    found = page.get_by_role("button", name=re.compile("INFY NSE"))
    before = send.bounding_box()

    instrument.press_sequentially("infy", delay=30)
    expect(found).to_be_visible()
    assert send.bounding_box() == before
    picture(page, f"found-{width}")
    field(page, "Quantity").focus()
    expect(found).to_be_hidden()
    assert send.bounding_box() == before

    instrument.focus()
    found.click()
    expect(instrument).to_have_value("NSE:INFY")


def test_without_scripts_the_quote_stands_in_the_page(ticket):
    page = ticket(options={"java_script_enabled": False}, quantity=5)

    expect(page.locator("#quote")).to_contain_text("1,500.00")
    page.get_by_role("button", name="Use the last price").click()

    expect(field(page, "Price")).to_have_value("1500")
    expect(page.locator("#quote")).to_contain_text("1,500.00")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_looks_right_on_a_phone_and_in_both_themes(ticket, picture, width, scheme):  # noqa: F811
    options = {
        "viewport": {"width": width, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce",
    }  # fmt: skip
    page = ticket(options=options, quantity=5, price=1450)
    expect(page.locator(".quote-age")).to_be_visible()

    picture(page, f"quote-{width}-{scheme}")

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
