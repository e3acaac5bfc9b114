"""Accounts in a real browser: from nothing to live, dead at the exchange, and live again."""

import json
import time

import httpx
from playwright.sync_api import expect

from tests.e2e.test_people_login import PASSWORD, log_in, make_person  # noqa: F401


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
    expect(rail).to_contain_text("Login needed", timeout=10_000)
    expect(page.locator("#session")).to_contain_text("Login needed", timeout=10_000)
    print(f"dead after {told - died:.1f} s, on the pages {time.monotonic() - told:.2f} s later")

    page.locator("#session").get_by_role("button", name="Log in").click()

    expect(page.locator("#session")).to_contain_text("Live")
    expect(rail).not_to_contain_text("Login needed", timeout=10_000)
    assert listed(desk, code)["state"] in {"LIVE", "EXPIRING"}
