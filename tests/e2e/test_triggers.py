"""Triggers, conversions and the exit of everything, in a real browser against the exchange."""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.e2e.test_linking import control
from tests.e2e.test_orders import (  # noqa: F401
    field,
    fits,
    instruments,
    paper_account,
    picture,
    placed,
    ticket,
    trader,
)


@pytest.fixture(scope="module")
def account(instruments, desk, browser):  # noqa: F811
    return paper_account(desk, browser, "triggers@example.com", INFY="1500", TCS="3500")


@pytest.fixture
def page(trader):  # noqa: F811
    return trader()


def triggers(desk, account):
    """All triggers that the exchange ever kept for the account, by their quantity."""
    told = control(desk, "GET", f"ledger/{account.user_id}")["gtts"]
    return {one["orders"][0]["quantity"]: one for one in told}


def gtt_row(page, words):
    return page.locator("#gtt tbody tr").filter(has_text=words)


def said_by_chip(page, words):
    expect(page.locator("#chips")).to_contain_text(words)


def test_a_trigger_is_set_changed_and_deleted_from_its_panel(desk, account, page, picture):  # noqa: F811
    page.goto(f"/a/{account.code}/gtt/")
    page.get_by_role("link", name="New GTT").click()
    sheet = page.locator("#sheet")
    field(sheet, "Instrument").press_sequentially("infy", delay=30)
    sheet.get_by_role("button", name=re.compile("INFY NSE")).click()
    expect(sheet).to_contain_text("Last price 1,500.00")
    field(sheet, "Quantity").fill("11")
    field(sheet, "Trigger").fill("1499")
    expect(sheet).to_contain_text("0.25% or more below the last price")
    expect(field(sheet, "Trigger")).to_have_attribute("aria-invalid", "true")
    picture(page, "gtt-wrong")
    field(sheet, "Trigger").fill("1400")
    expect(sheet).not_to_contain_text("0.25% or more")
    field(sheet, "Price").fill("1395")
    sheet.get_by_role("button", name="GTT: Sell 11 INFY").click()

    said_by_chip(page, "GTT placed successfully")
    expect(sheet).to_be_hidden()
    row = gtt_row(page, "1,400.00")
    expect(row).to_contain_text("ACTIVE")
    picture(page, "gtt-panel")
    assert triggers(desk, account)[11]["status"] == "active"

    row.get_by_role("link", name="Change the GTT of INFY").click()
    field(sheet, "Trigger").fill("1380")
    picture(page, "gtt-modify")
    sheet.get_by_role("button", name="Change the GTT").click()
    changed = gtt_row(page, "1,380.00")
    expect(changed).to_contain_text("ACTIVE")

    changed.get_by_role("button", name="Delete the GTT of INFY").click()
    page.locator("#confirm").get_by_role("button", name="Go on").click()
    expect(changed).to_contain_text("DELETED")
    kept = triggers(desk, account)[11]
    assert (kept["status"], kept["condition"]["trigger_values"]) == ("deleted", [1380])


def test_a_stop_and_a_target_are_set_without_scripts(desk, account, trader, picture):  # noqa: F811
    terms = {"instrument": "NSE:INFY", "kind": "two-leg", "quantity": 12}
    page = trader(java_script_enabled=False)
    page.goto(f"/a/{account.code}/gtt/new/?{urlencode(terms)}")
    place = page.locator("#ticket")
    expect(field(place, "Trigger")).to_be_hidden()
    field(place, "Lower trigger").fill("1400")
    field(place, "Lower price").fill("1395")
    field(place, "Upper trigger").fill("1501")
    field(place, "Upper price").fill("1600")
    place.locator("[data-send]").click()
    expect(place).to_contain_text("0.25% or more above the last price")
    picture(page, "gtt-two-wrong")
    assert 12 not in triggers(desk, account)

    field(place, "Upper trigger").fill("1600")
    place.locator("[data-send]").click()

    expect(page.locator("#task")).to_contain_text("GTT placed successfully")
    picture(page, "gtt-task")
    kept = triggers(desk, account)[12]
    assert kept["condition"]["trigger_values"] == [1400, 1600]
    page.goto(f"/a/{account.code}/gtt/")
    for _ in range(10):
        if gtt_row(page, "1,600.00").is_visible():
            break
        page.wait_for_timeout(1000)  # without scripts one reloads
        page.reload()
    gtt_row(page, "1,600.00").get_by_role("button", name="Delete the GTT of INFY").click()
    expect(page.locator("#task")).to_contain_text("GTT deleted")
    assert triggers(desk, account)[12]["status"] == "deleted"


def test_a_position_is_converted_and_then_everything_is_left(desk, account, trader, page, picture):  # noqa: F811
    ticket(page, account, quantity=13, order_type="MARKET", product="MIS")
    placed(page)
    ticket(
        page,
        account,
        instrument="NSE:TCS",
        quantity=2,
        side="SELL",
        order_type="MARKET",
        product="MIS",
    )
    placed(page)
    page.goto(f"/a/{account.code}/positions/")
    row = page.locator(f"#position-{account.code}-NSE-INFY-MIS")
    expect(row).to_contain_text("+13", timeout=15_000)
    short = page.locator(f"#position-{account.code}-NSE-TCS-MIS")
    expect(short).to_contain_text("−2", timeout=15_000)
    picture(page, "positions-acts")

    row.get_by_role("link", name="Convert INFY").click()
    sheet = page.locator("#sheet")
    field(sheet, "Quantity").fill("14")
    sheet.get_by_role("button", name="Convert", exact=True).click()
    expect(sheet).to_contain_text("13 of today can be converted.")
    picture(page, "convert-wrong")
    sheet.get_by_role("button", name="Use 13").click()
    expect(field(sheet, "Quantity")).to_have_value("13")
    field(sheet, "Quantity").fill("4")
    sheet.get_by_role("button", name="Convert", exact=True).click()
    said_by_chip(page, "Position converted")
    delivered = page.locator(f"#position-{account.code}-NSE-INFY-CNC")
    expect(delivered).to_contain_text("+4", timeout=15_000)
    expect(row).to_contain_text("+9", timeout=15_000)

    delivered.get_by_role("link", name="GTT for INFY").click()
    expect(sheet.get_by_role("button", name="GTT: Sell 4 INFY")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Exit all").click()
    expect(page.get_by_role("listitem").filter(has_text="2 TCS")).to_contain_text("Buy")
    picture(page, "exit-all")
    page.get_by_role("button", name="Exit 3 positions").click()

    expect(page).to_have_url(re.compile("/requests/"))
    expect(page.locator("#request li").filter(has_text="COMPLETE")).to_have_count(3, timeout=30_000)
    expect(page.locator("#request")).to_contain_text("3 of 3 sent")
    picture(page, "exit-all-done")
    told = control(desk, "GET", f"ledger/{account.user_id}")["orders"]
    exits = [(one["tradingsymbol"], one["transaction_type"], one["quantity"]) for one in told[-3:]]
    assert exits[0] == ("TCS", "BUY", 2)
    assert sorted(exits[1:]) == [("INFY", "SELL", 4), ("INFY", "SELL", 9)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_looks_hold_on_a_phone_and_in_both_themes(account, trader, picture, width, scheme):  # noqa: F811
    viewport = {"width": width, "height": 800}
    page = trader(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    quantity = 20 + len(scheme) + (width > 400) * 3
    ticket(page, account, quantity=quantity, order_type="MARKET", product="CNC")
    placed(page)
    terms = {"instrument": "NSE:INFY", "kind": "two-leg", "quantity": quantity}
    terms |= {"stop_price": 1395, "target_trigger": 1600, "target_price": 1600}
    page.goto(f"/a/{account.code}/gtt/new/?{urlencode(terms)}")
    place = page.locator("#ticket")
    field(place, "Lower trigger").fill("1400.03")
    place.locator("[data-send]").click()
    expect(place).to_contain_text("Nothing was sent")
    picture(page, f"gtt-form-{width}-{scheme}")
    fits(page, width)
    field(place, "Lower trigger").fill("1400")
    place.locator("[data-send]").click()
    said_by_chip(page, "GTT placed successfully")
    page.goto(f"/a/{account.code}/positions/")
    row = page.locator(f"#position-{account.code}-NSE-INFY-CNC")
    expect(row.get_by_role("link", name="GTT for INFY")).to_be_visible()
    page.goto(f"/a/{account.code}/gtt/")
    row = page.locator("#gtt tbody tr").filter(has_text=re.compile(rf"Sell\s+{quantity}\b"))
    expect(row).to_contain_text("ACTIVE")
    for name in ("gtt", "positions", "positions/exit-all"):
        page.goto(f"/a/{account.code}/{name}/")
        picture(page, f"{name.replace('/', '-')}-{width}-{scheme}")
        fits(page, width)
