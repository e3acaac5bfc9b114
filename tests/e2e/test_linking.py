"""Accounts in a real browser: from nothing to live, dead at the exchange, and live again."""

import json
import logging
import time

import httpx
import pyotp
from playwright.sync_api import expect

from tests.e2e.test_people_login import PASSWORD, log_in, make_person  # noqa: F401

logger = logging.getLogger(__name__)


def control(desk, method, path, body=None):
    """Use the control API of the desk's own exchange."""
    token = (desk.home / "paper" / "control.token").read_text().strip()
    answer = httpx.request(
        method,
        f"{desk.paper_url}/paper/{path}",
        json=body,
        headers={"X-Paper-Token": token},
        trust_env=False,
    )
    answer.raise_for_status()
    return answer.json()


def listed(desk, code):
    """Give the account's row of `accounts --json`."""
    rows = json.loads(desk.manage("accounts", "--json").stdout)
    return next(row for row in rows if row["code"] == code)


def test_a_new_person_has_live_paper_money_within_seconds_and_gets_it_back(
    desk,
    make_person,  # noqa: F811
    page,
    new_page,
):
    log_in(page, make_person("linker@example.com"), PASSWORD)
    began = time.monotonic()
    page.get_by_role("link", name="Link", exact=True).click()
    page.get_by_role("button", name="Link paper money").click()
    expect(page.locator("#session")).to_contain_text("Live")
    assert time.monotonic() - began < 30
    code = page.url.rstrip("/").rsplit("/", 1)[1]
    assert listed(desk, code)["state"] in {"LIVE", "EXPIRING"}
    second = new_page()
    log_in(second, "linker@example.com", PASSWORD)
    rail = second.locator("#rail")
    expect(rail).to_contain_text("PAPER")

    user_id = listed(desk, code)["broker_user_id"]
    rule = {"effect": "expire_tokens", "user_id": user_id}
    control(desk, "POST", "faults", {"rules": [rule]})
    died = time.monotonic()
    # The row first, then every open page, and nobody reloads.
    while listed(desk, code)["state"] != "NEEDS_LOGIN":
        assert time.monotonic() - died < 30
    told = time.monotonic()
    expect(rail).to_contain_text("Login needed")
    expect(page.locator("#session")).to_contain_text("Login needed")
    dead, shown = told - died, time.monotonic() - told
    logger.warning("dead after %.1f s, on the pages %.2f s later", dead, shown)

    page.locator("#session").get_by_role("button", name="Log in").click()

    expect(page.locator("#session")).to_contain_text("Live")
    expect(rail).not_to_contain_text("Login needed")
    assert listed(desk, code)["state"] in {"LIVE", "EXPIRING"}


def test_a_double_click_opens_one_paper_account(desk, make_person, page):  # noqa: F811
    log_in(page, make_person("twice@example.com"), PASSWORD)
    page.goto("/accounts/link/")
    # As a hand does it: so far apart that the first request has left.
    twice = "button => { button.click(); setTimeout(() => button.click(), 100) }"
    page.get_by_role("button", name="Link paper money").evaluate(twice)
    expect(page.locator("#session")).to_contain_text("Live")

    expect(page.locator('#rail a[href^="/a/paper"]')).to_have_count(1)
    page.goto("/accounts/link/")
    page.get_by_role("button", name="Link paper money").click()
    expect(page.locator('#rail a[href^="/a/paper"]')).to_have_count(2)


def test_a_kite_account_is_linked_through_the_real_log_in_page_and_comes_back_live(
    desk,
    make_person,  # noqa: F811
    new_page,
):
    """The desk is at localhost and the exchange at 127.0.0.1: two sites, as with the real broker."""
    home = f"{desk.url}/accounts/back/kite/"
    opened = control(desk, "POST", "accounts", {"name": "Anita Rao", "redirect_url": home})
    page = new_page()
    log_in(page, make_person("anita@example.com"), PASSWORD)
    page.goto("/accounts/link/")
    page.get_by_role("link", name="Link Zerodha Kite").click()
    expect(page.locator("[data-redirect-url]")).to_have_text(home)
    page.get_by_label("Where").select_option("paper")
    page.get_by_label("Client ID").fill(opened["user_id"])
    page.get_by_label("API key").fill("your_api_key")
    page.get_by_label("API secret").fill(opened["api_secret"])
    page.get_by_label("Authenticator seed").fill(opened["totp_secret"])
    page.get_by_label("Name").fill("Anita Rao")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#id_api_key_error")).to_be_visible()
    expect(page.get_by_label("Client ID")).to_have_value(opened["user_id"])
    expect(page.get_by_label("API secret")).to_have_value("")
    page.get_by_label("API key").fill(opened["api_key"])
    page.get_by_label("API secret").fill(opened["api_secret"])
    page.get_by_label("Authenticator seed").fill(opened["totp_secret"])
    page.get_by_role("button", name="Go on").click()

    log_in_at_the_exchange(page, opened)

    page.wait_for_url(f"{desk.url}/accounts/anita-rao/")
    expect(page.locator("#session")).to_contain_text("Live")
    expect(page.locator("#session")).to_contain_text("Anita Rao")
    assert listed(desk, "anita-rao")["state"] in {"LIVE", "EXPIRING"}

    rule = {"effect": "expire_tokens", "user_id": opened["user_id"]}
    control(desk, "POST", "faults", {"rules": [rule]})
    expect(page.locator("#session")).to_contain_text("Login needed", timeout=30_000)
    page.locator("#rail").get_by_role("link", name="Log in Anita Rao").click()
    # The exchange remembers the person, so that one click is enough.
    page.wait_for_url(f"{desk.url}/accounts/anita-rao/")
    expect(page.locator("#session")).to_contain_text("Live")


def log_in_at_the_exchange(page, opened):
    """Do what a person does: from our link to the exchange's page, with the code, and back."""
    page.locator("main").get_by_role("link", name="Log in").click()
    page.get_by_label("Password").fill(opened["password"])
    if page.locator("input[name=user_id]").is_editable():
        page.locator("input[name=user_id]").fill(opened["user_id"])
    page.get_by_role("button").first.click()
    page.locator("input[name=twofa_value]").fill(pyotp.TOTP(opened["totp_secret"]).now())
    page.get_by_role("button").first.click()
