"""The pages of people as they look: nothing for axe to find, nothing to scroll sideways."""

import os
from pathlib import Path

import pytest

from tests.e2e.test_look import violations

PAGES = {
    "login": "/login/",
    "reset": "/login/reset/",
    "me": "/me/",
    "password": "/me/password/",
    "again": "/me/again/",
    "factors": "/me/second-factor/",
    "app": "/me/second-factor/app/",
    "passkey": "/me/passkeys/add/",
    "sessions": "/me/sessions/",
    "people": "/me/people/",
    "setup": "/setup/",
}
STRANGER = {"login", "reset"}


@pytest.fixture
def screenshot(tmp_path):
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=folder / f"{name}.png", full_page=True)


@pytest.fixture(scope="module")
def state(desk, browser):
    """Log in once as the owner, through the page."""
    context = browser.new_context(base_url=desk.url)
    page = context.new_page()
    email, password = desk.first_login()
    page.goto("/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/")
    kept = context.storage_state()
    context.close()
    return kept


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    new_page, state, screenshot, name, width, scheme
):
    options = {} if name in STRANGER else {"storage_state": state}
    page = new_page(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
        **options,
    )
    page.goto(PAGES[name])
    page.wait_for_load_state("networkidle")
    screenshot(page, f"people-{name}-{width}")

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
