"""The dashboard of an account with an ordinary day, as it is looked at: both themes, desk and phone."""

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.test_look import LOG_IN, open_page, screenshot, settle, violations  # noqa: F401
from tradedesk.bench import day

OWNERS = """
from accounts.brokerage import BrokerAccount, Membership
from accounts.models import User
Membership.objects.get_or_create(
    account=BrokerAccount.objects.get(code={code!r}),
    user=User.objects.get(email="day@example.com"),
    defaults={{"role": "owner"}},
)
"""


CUT = """() => [...document.querySelectorAll("tr[data-row] :is(th, td, .reason, .status, .kind)")]
  .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && one.clientWidth)
  .filter(one => getComputedStyle(one).display !== "inline")
  .map(one => one.className + ": " + one.innerText)"""


def set_triggers(exchange):
    """Set a stop with a target, and one alone, of a contract with a long name."""
    rows = exchange.get("/portfolio/positions")["net"]
    row = max(rows, key=lambda one: len(one["tradingsymbol"]) if one["last_price"] > 5 else 0)
    last = row["last_price"]
    for kind, values in (("two-leg", [last * 0.8, last * 1.3]), ("single", [last * 0.7])):
        prices = [round(value * 20) / 20 for value in values]
        leg = {
            "exchange": row["exchange"],
            "tradingsymbol": row["tradingsymbol"],
            "transaction_type": "SELL" if row["quantity"] > 0 else "BUY",
            "quantity": abs(row["quantity"]),
            "order_type": "LIMIT",
            "product": row["product"],
        }
        condition = {name: leg[name] for name in ("exchange", "tradingsymbol")}
        condition |= {"trigger_values": prices, "last_price": last}
        form = {
            "type": kind,
            "condition": json.dumps(condition),
            "orders": json.dumps([leg | {"price": price} for price in prices]),
        }
        told = exchange.web.post("/gtt/triggers", data=form, headers=exchange.session)
        assert told.status_code == 200, told.text


@pytest.fixture(scope="module")
def cookie(desk):
    """Somebody who sees the desk's first account, on an ordinary day; Anita's desk stays empty."""
    day.fill(desk)
    with day.Exchange(desk) as exchange:
        set_triggers(exchange)
    assert desk.manage("sync", day.CODE, "--only", "gtts").returncode == 0
    given = desk.manage("shell", "--no-imports", "-c", LOG_IN.replace("look@", "day@"))
    shared = desk.manage("shell", "--no-imports", "-c", OWNERS.format(code=day.CODE))
    assert shared.returncode == 0, shared.stderr
    return {**json.loads(given.stdout.splitlines()[-1]), "url": desk.url}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width", "height"), [("desk", 1280, 800), ("phone", 360, 780)])
def test_a_full_dashboard_is_well_in_both_themes(
    open_page,  # noqa: F811
    screenshot,  # noqa: F811
    scheme,
    device,
    width,
    height,
):
    page = open_page(
        f"/a/{day.CODE}/", width=width, height=height, color_scheme=scheme, reduced_motion="reduce"
    )
    settle(page)
    for panel in ("positions", "holdings", "orders"):
        expect(page.locator(f"#{panel} tr[data-row]").first).to_be_attached()

    screenshot(page, f"dashboard-{device}-{scheme}")
    screenshot(page, f"dashboard-{device}-{scheme}-whole", full_page=True)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


@pytest.mark.parametrize("name", ["positions", "holdings", "orders", "gtt"])
def test_nothing_of_a_row_is_cut_on_a_phone(open_page, screenshot, name):  # noqa: F811
    page = open_page(f"/a/{day.CODE}/{name}/", width=360, height=780, reduced_motion="reduce")
    settle(page)
    expect(page.locator("tr[data-row]").first).to_be_visible()
    if name == "orders":
        expect(page.locator(".reason").first).to_be_visible()

    screenshot(page, f"{name}-phone-360")

    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
