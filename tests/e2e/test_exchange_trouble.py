"""What a trader sees while the exchange is in trouble: old figures with their age, and no reload after."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_first_light import buy, linked
from tests.e2e.test_linking import control, listed
from tests.e2e.test_people_login import make_person  # noqa: F401

PATIENT = 70_000  # ms: a part is asked for up to 15 s, and two workers share the parts
ROUTES = {"orders": "orders", "positions": "positions", "funds": "margins"}
TITLES = {"orders": "Orders", "positions": "Positions", "funds": "Funds"}
# One trouble for each panel, so that each is seen to keep to itself.
GARBLED = {
    "orders": {"effect": "status_200_before_acceptance", "body": "empty"},
    "positions": {"effect": "half_answer"},
    "funds": {"effect": "status_200_before_acceptance", "body": "html"},
}
AWAY = {
    "orders": {"effect": "drop_before_acceptance"},
    "positions": {"effect": "delay_before_acceptance", "ms": 20_000},
    "funds": {"effect": "status_502_before_acceptance", "body": "html"},
}


@pytest.fixture
def trouble(desk):
    """Break the exchange for one account; it is whole again after the test."""

    def begin(user_id, faults):
        rules = [
            fault | {"route": ROUTES[part], "user_id": user_id} for part, fault in faults.items()
        ]
        control(desk, "POST", "faults", {"rules": rules})

    yield begin
    control(desk, "DELETE", "faults")


@pytest.mark.parametrize(("name", "faults"), [("garbled", GARBLED), ("away", AWAY)])
def test_each_panel_keeps_its_figures_says_why_they_are_old_and_comes_back(
    desk,
    make_person,  # noqa: F811
    page,
    trouble,
    name,
    faults,
):
    code = linked(desk, page, make_person(f"{name}@example.com"))
    buy(desk, code)
    page.goto(f"/a/{code}/")
    panels = {part: page.locator(f"#{part}") for part in faults}
    figures = {"orders": "INFY", "positions": "INFY", "funds": "Paper"}
    for part, panel in panels.items():
        expect(panel).to_contain_text(figures[part], timeout=20_000)
    page.evaluate("window.same = true")

    trouble(listed(desk, code)["broker_user_id"], faults)

    for part, panel in panels.items():
        words = f"{TITLES[part]} did not load for"
        expect(panel.get_by_role("alert")).to_contain_text(words, timeout=PATIENT)
        expect(panel.get_by_role("alert")).to_contain_text(
            re.compile(r"Figures are of \d\d:\d\d:\d\d")
        )
        expect(panel.get_by_role("alert").get_by_role("link", name="Retry")).to_be_visible()
        expect(panel).to_contain_text(figures[part])
    for panel in panels.values():
        expect(panel).to_have_class(re.compile("is-stale"), timeout=PATIENT)
        expect(panel.get_by_role("img", name="Old figures")).to_be_visible()

    control(desk, "DELETE", "faults")

    for part, panel in panels.items():
        expect(panel.get_by_role("alert")).to_have_count(0, timeout=PATIENT)
        expect(panel).not_to_have_class(re.compile("is-stale"), timeout=PATIENT)
        expect(panel).to_contain_text(figures[part])
    assert page.evaluate("window.same"), "the page was loaded anew"
