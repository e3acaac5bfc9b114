"""Orders in a real browser, against the exchange, sent by the desk's own engine."""

import logging
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.e2e.test_first_light import linked
from tests.e2e.test_linking import control, listed
from tests.e2e.test_look import violations
from tests.e2e.test_people_login import MAKE, PASSWORD

logger = logging.getLogger(__name__)
LIST = """
from django.conf import settings
from django.utils import timezone
from orders.instruments.syncing import sync_all
settings.PAPER_URL = {url!r}
assert all(one.is_done for one in sync_all(at=timezone.now()))
"""


@pytest.fixture(scope="module")
def instruments(desk):
    """The desk has the exchange's list of the day."""
    ran = desk.manage("shell", "--no-imports", "-c", LIST.format(url=desk.paper_url))
    assert ran.returncode == 0, ran.stderr
    return desk


@dataclass(frozen=True)
class Account:
    """The one account of these tests; each test's orders have a quantity of their own."""

    code: str
    user_id: str
    cookies: list


def paper_account(desk, browser, email, **prices):
    """Link paper money once, as a person does; these shares have these prices."""
    control(desk, "POST", "prices", {f"NSE:{symbol}": price for symbol, price in prices.items()})
    make = MAKE.format(email=email, password=PASSWORD)
    assert desk.manage("shell", "--no-imports", "-c", make).returncode == 0
    context = browser.new_context(base_url=desk.url)
    code = linked(desk, context.new_page(), email)
    cookies = context.cookies()
    context.close()
    return Account(code=code, user_id=listed(desk, code)["broker_user_id"], cookies=cookies)


@pytest.fixture(scope="module")
def account(instruments, desk, browser):
    return paper_account(desk, browser, "orders@example.com", INFY="1500")


@pytest.fixture
def trader(new_page, account):
    """Open browsers in which the trader is logged in."""

    def opened(path="/", **options):
        page = new_page(**options)
        page.context.add_cookies(account.cookies)
        page.goto(path)
        return page

    return opened


@pytest.fixture
def page(trader):
    return trader()


@pytest.fixture
def picture(tmp_path):
    """Keep a picture; the caret stays, for hiding it writes styles that our policy refuses."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=folder / f"{name}.png", caret="initial")


def ledger(desk, account, quantity):
    """All of this quantity that the exchange registered, whatever became of it."""
    told = control(desk, "GET", f"ledger/{account.user_id}")
    return [one for one in told["orders"] + told["refused"] if one["quantity"] == quantity]


def in_book(page, quantity):
    """The row of the order book with this quantity."""
    return page.locator("#orders tbody tr").filter(has_text=re.compile(rf"/ {quantity}\b"))


def field(place, name):
    return place.get_by_label(name, exact=True)


def ticket(page, account, **terms):
    """Open a ticket that is filled in already."""
    page.goto(f"/a/{account.code}/orders/new/?{urlencode({'instrument': 'NSE:INFY'} | terms)}")
    return page.locator("#ticket")


def placed(page):
    """Send the ticket and wait for the sentence of its outcome."""
    page.locator("#ticket [data-send]").click()
    expect(page.locator("#chips")).to_contain_text("Order placed successfully")


def test_an_instrument_is_found_a_price_put_right_and_the_order_is_in_the_book(
    desk, account, page, picture
):
    page.goto(f"/a/{account.code}/orders/")
    page.get_by_role("link", name="New order").click()
    sheet = page.locator("#sheet")
    field(sheet, "Instrument").press_sequentially("infy", delay=30)
    sheet.get_by_role("button", name=re.compile("INFY NSE")).click()
    expect(field(sheet, "Instrument")).to_have_value("NSE:INFY")
    field(sheet, "Quantity").fill("5")
    field(sheet, "Price").fill("1450.03")
    expect(sheet).to_contain_text("Price must step by")
    expect(field(sheet, "Price")).to_have_attribute("aria-invalid", "true")
    picture(page, "sheet-wrong")
    sheet.get_by_role("button", name=re.compile("Use 1,450.0")).click()
    expect(field(sheet, "Price")).to_have_value("1450")

    began = time.monotonic()
    sheet.locator("[data-send]").click()
    expect(in_book(page, 5)).to_contain_text("PENDING")
    logger.warning("a limit order was in the book after %.1f s", time.monotonic() - began)

    expect(sheet).to_be_hidden()
    expect(page.locator("#chips")).to_contain_text("Order placed successfully")
    picture(page, "chip")
    [order] = ledger(desk, account, 5)
    assert order["order_type"] == "LIMIT"


@pytest.mark.parametrize(
    ("quantity", "terms", "word"),
    [
        (41, {"order_type": "MARKET"}, "COMPLETE"),
        (42, {"order_type": "SL", "trigger_price": "1550", "price": "1555"}, "TRIGGER PENDING"),
        (43, {"order_type": "SL-M", "trigger_price": "1550"}, "TRIGGER PENDING"),
    ],
)
def test_other_types_of_order_are_seen_in_the_book(
    desk, account, trader, page, picture, quantity, terms, word
):
    book = trader(f"/a/{account.code}/orders/")  # somebody watches it
    place = ticket(page, account, quantity=quantity, **terms)
    is_at_market = terms["order_type"] in {"MARKET", "SL-M"}
    expect(field(place, "Market protection, %")).to_be_visible(visible=is_at_market)
    picture(page, f"ticket-{terms['order_type']}")

    began = time.monotonic()
    place.locator("[data-send]").click()
    expect(in_book(book, quantity)).to_contain_text(word)
    logger.warning("%s in the book after %.1f s", terms["order_type"], time.monotonic() - began)

    expect(page.locator("#chips")).to_contain_text("Order placed successfully")
    assert len(ledger(desk, account, quantity)) == 1


def test_a_pending_order_is_changed_and_cancelled_from_its_row(desk, account, page, picture):
    ticket(page, account, quantity=3, price=1450)
    placed(page)
    page.goto(f"/a/{account.code}/orders/")
    row = in_book(page, 3)
    expect(row).to_contain_text("PENDING")

    row.get_by_role("link", name="Change buy INFY").click()
    sheet = page.locator("#sheet")
    field(sheet, "Price").fill("1440")
    picture(page, "modify")
    sheet.get_by_role("button", name="Change the order").click()
    expect(row).to_contain_text("1,440.00")
    row.get_by_role("button", name="Cancel buy INFY").click()
    page.locator("#confirm").get_by_role("button", name="Go on").click()
    expect(row).to_contain_text("CANCELLED")

    [order] = ledger(desk, account, 3)
    assert (order["status"], order["price"]) == ("CANCELLED", 1440)


RULES = [
    ({"quantity": 0, "price": 1450}, "Quantity must be 1 or more.", "Use 1"),
    ({"quantity": 71, "price": "1450.03"}, "Price must step by", "Use 1,450.00"),
    ({"quantity": 72, "price": 1450, "product": "NRML"}, "not NRML", "Use CNC"),
    (
        {"quantity": 73, "order_type": "MARKET", "protection": 0},
        "Market protection is never",
        "Use automatic (-1)",
    ),
    (
        {"quantity": 74, "order_type": "SL", "price": 1550, "trigger_price": 1560},
        "the trigger must not be above the limit price",
        "Use a trigger of 1,550.00",
    ),
]


@pytest.mark.parametrize(("terms", "words", "way"), RULES)
def test_a_broken_rule_is_refused_with_its_text_and_its_way_out(
    desk, account, page, terms, words, way
):
    place = ticket(page, account, **terms)

    place.locator("[data-send]").click()
    expect(place).to_contain_text("Nothing was sent")
    expect(place).to_contain_text(words)
    assert ledger(desk, account, terms["quantity"]) == []
    place.get_by_role("button", name=way, exact=True).click()
    expect(place).not_to_contain_text(words)
    placed(page)

    assert len(ledger(desk, account, terms["quantity"] or 1)) == 1


def test_a_double_click_is_one_order(desk, account, page):
    place = ticket(page, account, quantity=21, price=1450)

    place.locator("[data-send]").dblclick()
    expect(page.locator("#chips")).to_contain_text("Order placed successfully")

    assert len(ledger(desk, account, 21)) == 1


def test_without_scripts_the_task_page_tells_and_the_back_button_sends_nothing_twice(
    desk, account, trader, picture
):
    page = trader(java_script_enabled=False)
    ticket(page, account, quantity=22, price=1450)
    page.locator("#ticket [data-send]").click()
    expect(page).to_have_url(re.compile(r"/tasks/\d+/"))
    expect(page.locator("#task")).to_contain_text("Order placed successfully")
    picture(page, "task")

    page.go_back()
    while "/orders/new/" not in page.url:  # past the looks of the page that waited
        page.go_back()
    page.locator("#ticket [data-send]").click()
    expect(page.locator("#ticket, #task").first).to_contain_text(
        re.compile("The same order again|Order placed successfully")
    )

    picture(page, "back")
    assert len(ledger(desk, account, 22)) == 1


def test_two_tabs_with_the_same_ticket_are_one_order_and_a_question(
    desk, account, trader, page, picture
):
    tab = trader()
    first = ticket(page, account, quantity=23, price=1450)
    second = ticket(tab, account, quantity=23, price=1450)

    first.locator("[data-send]").click()
    expect(page.locator("#chips")).to_contain_text("Order placed successfully")
    second.locator("[data-send]").click()
    expect(second).to_contain_text("The same order again?")
    picture(tab, "duplicate")
    assert len(ledger(desk, account, 23)) == 1

    second.get_by_role("button", name="Send it again").click()
    expect(tab.locator("#chips")).to_contain_text("Order placed successfully")
    assert len(ledger(desk, account, 23)) == 2


def test_a_position_is_closed_from_its_row(desk, account, page, picture):
    ticket(page, account, quantity=66, order_type="MARKET", product="MIS")
    placed(page)
    page.goto(f"/a/{account.code}/positions/")
    row = page.locator(f"#position-{account.code}-NSE-INFY-MIS")
    expect(row).to_contain_text("+66")
    picture(page, "positions")

    row.get_by_role("link", name="Exit INFY").click()
    sheet = page.locator("#sheet")
    expect(sheet).to_contain_text("66 open")
    picture(page, "exit")
    sheet.get_by_role("button", name="Exit", exact=True).click()

    expect(page.locator("#chips")).to_contain_text("Order placed successfully")
    expect(row).to_have_class(re.compile("is-closed"))
    sides = [one["transaction_type"] for one in ledger(desk, account, 66)]
    assert sorted(sides) == ["BUY", "SELL"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_looks_hold_on_a_phone_and_in_both_themes(account, trader, picture, width, scheme):
    viewport = {"width": width, "height": 800}
    page = trader(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    quantity = 30 + len(scheme) + (width > 400) * 3
    ticket(page, account, quantity=quantity, price=1450)
    placed(page)
    place = ticket(page, account, quantity=5, order_type="SL", price="1450.03")
    place.locator("[data-send]").click()
    expect(place).to_contain_text("Nothing was sent")
    picture(page, f"wrong-{width}-{scheme}")
    fits(page, width)

    page.goto(f"/a/{account.code}/orders/")
    row = in_book(page, quantity)
    expect(row).to_contain_text("PENDING")
    picture(page, f"orders-{width}-{scheme}")
    fits(page, width)
    row.get_by_role("link", name="Change buy INFY").click()
    expect(page.locator("#sheet")).to_be_visible()
    picture(page, f"modify-{width}-{scheme}")
    fits(page, width)


def fits(page, width):
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_all_open_orders_are_cancelled_after_one_question(desk, account, page, picture):
    for price in (1440, 1450):
        ticket(page, account, quantity=8, price=price)
        placed(page)
    page.goto(f"/a/{account.code}/orders/")
    expect(in_book(page, 8)).to_have_count(2)

    page.get_by_role("link", name="Cancel all open").click()
    expect(page.get_by_text("still work")).to_be_visible()
    picture(page, "cancel-all")
    page.get_by_role("button", name=re.compile(r"Cancel \d+ orders")).click()

    expect(page.locator("#orders tbody tr", has_text="PENDING")).to_have_count(0, timeout=20_000)
    assert {one["status"] for one in ledger(desk, account, 8)} == {"CANCELLED"}
