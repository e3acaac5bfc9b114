"""A real browser in front of a whole desk."""

import os
import shutil
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tradedesk.desk.throwaway import throwaway_desk

expect.set_options(timeout=15_000)  # no test is about speed, and machines differ
BROWSERS = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
)  # fmt: skip


def find_browser():
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_collection_modifyitems(config, items):
    browser = find_browser()
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.browser)
            if not browser and not os.environ.get("CI"):
                item.add_marker(
                    pytest.mark.skip(reason="NO BROWSER: install chromium to run these")
                )


@pytest.fixture(scope="session")
def desk():
    """Start one desk for all browser tests of this run."""
    with throwaway_desk() as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    """A real Chromium. One a module: its event loop must not outlive these tests."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_browser(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@dataclass
class Complaints:
    """What the browser complained about: errors, refused resources, broken rules."""

    lines: list[str] = field(default_factory=list)

    def listen(self, page: Page):
        page.on("console", lambda message: self.add(message.type, message.text))
        page.on("pageerror", lambda error: self.lines.append(f"pageerror: {error}"))

    def add(self, kind, text):
        # Where a test lets the page's clock leap, whatever was asked just before has timed out.
        if "htmx:error: timeout" in text:
            return
        # A page that answers 4xx or 5xx on purpose is not a mistake of its scripts.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.lines.append(f"{kind}: {text}")


@pytest.fixture
def new_page(browser, desk):
    """Open fresh browsers, each with cookies of its own; any complaint fails the test."""
    complaints = Complaints()
    contexts = []

    def open_page(**options):
        context = browser.new_context(base_url=desk.url, locale="en-IN", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        complaints.listen(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints.lines == []


@pytest.fixture
def page(new_page):
    return new_page()
