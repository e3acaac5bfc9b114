"""A trader's screen in a real browser: figures move by themselves, and nothing flickers."""

import json
import logging
import time
from decimal import Decimal

from playwright.sync_api import expect

from tests.e2e.test_linking import control, listed
from tests.e2e.test_people_login import PASSWORD, log_in, make_person  # noqa: F401

logger = logging.getLogger(__name__)
ORDER = """
from decimal import Decimal
from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderRequest, OrderType, Product, Side
from accounts.lines import line_to
with line_to(BrokerAccount.objects.get(code={code!r})) as broker:
    broker.place(OrderRequest(exchange="NSE", symbol="INFY", side=Side.BUY, quantity=10,
        product=Product.CNC, order_type=OrderType.MARKET, market_protection=Decimal(-1)))
"""
LOG_IN = """
from accounts import ways_in
from accounts.brokerage import BrokerAccount
ways_in.by_counter(BrokerAccount.objects.get(code={code!r}))
"""


def buy(desk, code):
    """Buy ten shares, as the order engine will."""
    ran = desk.manage("shell", "--no-imports", "-c", ORDER.format(code=code))
    assert ran.returncode == 0, ran.stderr


def linked(desk, page, email):
    log_in(page, email, PASSWORD)
    page.goto("/accounts/link/")
    page.get_by_role("button", name="Link paper money").click()
    expect(page.locator("#session")).to_contain_text("Live")
    return page.url.rstrip("/").rsplit("/", 1)[1]


def test_a_price_that_moves_is_on_the_screen_and_focus_and_selection_stay(
    desk,
    make_person,  # noqa: F811
    page,
):
    code = linked(desk, page, make_person("light@example.com"))
    buy(desk, code)
    page.goto(f"/a/{code}/positions/")
    row = page.locator(f"#position-{code}-NSE-INFY-CNC")
    expect(row).to_be_visible()
    row.focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-selection]")).to_contain_text("1 selected")
    blanks = page.evaluate(
        """() => {
          window.blanks = 0;
          const panel = document.querySelector("#positions").parentElement;
          new MutationObserver(() => {
            if (!document.querySelector("#positions tbody tr[data-row]")) window.blanks += 1;
          }).observe(panel, { childList: true, subtree: true });
          return 0;
        }"""
    )
    last = Decimal(row.locator(".last").inner_text().replace("LTP", "").replace(",", ""))
    moved = (last * Decimal("1.02")).quantize(Decimal(1))

    control(desk, "POST", "prices", {"NSE:INFY": str(moved)})
    began = time.monotonic()
    whole = f"{moved:,}"[:2]
    expect(row.locator(".last")).to_contain_text(whole)
    expect(row.locator(".last")).not_to_have_text(f"{last:,}")
    logger.warning("a moved price was on the screen after %.1f s", time.monotonic() - began)

    assert page.evaluate("window.blanks") == blanks == 0
    expect(row).to_be_focused()
    expect(row.locator("input")).to_be_checked()
    expect(page.locator("[data-selection]")).to_contain_text("1 selected")


def test_what_the_exchange_does_not_answer_keeps_the_old_figures_and_comes_back_by_itself(
    desk,
    make_person,  # noqa: F811
    page,
):
    code = linked(desk, page, make_person("night@example.com"))
    page.goto(f"/a/{code}/funds/")
    panel = page.locator("#funds")
    expect(panel).to_contain_text("10,00,000.00")
    page.evaluate("window.same = true")
    user_id = listed(desk, code)["broker_user_id"]
    rule = {"route": "margins", "user_id": user_id, "effect": "status_503_before_acceptance"}
    control(desk, "POST", "faults", {"rules": [rule]})

    expect(panel).to_contain_text("Funds did not load", timeout=40_000)
    expect(panel).to_contain_text("10,00,000.00")
    control(desk, "DELETE", "faults")
    expect(panel).not_to_contain_text("Funds did not load", timeout=40_000)

    rule = {"effect": "expire_tokens", "user_id": user_id}
    control(desk, "POST", "faults", {"rules": [rule]})
    expect(panel).to_contain_text("is logged out", timeout=30_000)
    expect(panel).not_to_contain_text("10,00,000")
    rows = json.loads(desk.manage("funds", "--account", code, "--json").stdout)
    assert {row["account"] for row in rows} == {code}

    ran = desk.manage("shell", "--no-imports", "-c", LOG_IN.format(code=code))
    assert ran.returncode == 0, ran.stderr
    expect(panel).to_contain_text("10,00,000.00", timeout=20_000)
    expect(panel).not_to_contain_text("is logged out")
    assert page.evaluate("window.same"), "the page was loaded anew"
