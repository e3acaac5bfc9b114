"""What happens in the order engine is on every open page at once, and without the socket soon after."""

import json
import os
import re
import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.desk.sight import parts_of
from tests.e2e.test_first_light import linked
from tests.e2e.test_linking import control, listed
from tests.e2e.test_look import FakeSocket, violations
from tests.e2e.test_orders import LIST, in_book
from tests.e2e.test_people_login import MAKE, PASSWORD, log_in
from tests.e2e.test_sharing import link_paper, live

# The second account is led by a machine that never comes: what is asked of it waits.
SET_UP = """
from datetime import timedelta
from django.utils import timezone
from accounts.brokerage import BrokerAccount, Membership
from accounts.models import User
from orders.engine.models import Lane
free, held = (BrokerAccount.objects.get(code=code) for code in {codes!r})
far = timezone.now() + timedelta(hours=1)
Lane.objects.update_or_create(account=held, defaults={{"runner": "elsewhere", "runner_until": far}})
for account in (free, held):
    Membership.objects.create(account=account, user=User.objects.get(email="viewer-live@example.com"), role="viewer")
"""
# What becomes of tasks that wait, as the engine writes it.
END = """
from orders.engine import core, store
from orders.engine.models import OrderTask
for task in OrderTask.objects.filter(account__code={code!r}, state="PENDING").order_by("sequence")[:{number}]:
    store.move(task, core.end_before_sending(task, core.Reason.LIMIT, "It was cancelled."))
"""
GIVE_UP = """
from orders.engine import core, store
from orders.engine.models import OrderTask
for task in OrderTask.objects.filter(account__code={code!r}, state="PENDING"):
    step = core.Step("absent", core.end(core.State.DEAD_LETTER, core.Reason.ABSENT, "The book has it not."))
    store.move(task, step)
"""


@dataclass(frozen=True)
class Cast:
    """Two accounts of one trader, one of them held, and the cookies of everybody."""

    free: str
    held: str
    user_id: str
    cookies: dict = field(default_factory=dict)


def run(desk, script, **facts):
    ran = desk.manage("shell", "--no-imports", "-c", script.format(**facts))
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module")
def cast(desk, browser):
    control(desk, "POST", "prices", {"NSE:INFY": "1500"})
    people = ["trader-live@example.com", "viewer-live@example.com", "stranger-live@example.com"]
    makes = "\n".join(MAKE.format(email=email, password=PASSWORD) for email in people)
    run(desk, LIST.format(url=desk.paper_url) + makes.replace("{", "{{").replace("}", "}}"))
    cookies = {}
    for email in people:
        context = browser.new_context(base_url=desk.url)
        page = context.new_page()
        if email == people[0]:
            free = linked(desk, page, email)
            held = link_paper(page)
        else:
            log_in(page, email, PASSWORD)
        cookies[email.split("-")[0]] = context.cookies()
        context.close()
    run(desk, SET_UP, codes=[free, held])
    return Cast(free=free, held=held, user_id=listed(desk, free)["broker_user_id"], cookies=cookies)


@pytest.fixture
def enter(new_page, cast):
    """Open a page as somebody; without a socket if so wished."""

    def entered(who, path="/", *, socket=True, **options):
        page = new_page(**options)
        page.context.add_cookies(cast.cookies[who])
        if not socket:
            page.route_web_socket("**/ws/", lambda line: line.close(code=1011))
        page.goto(path)
        if socket:
            live(page)
        return page

    return entered


@pytest.fixture
def picture(tmp_path):
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=folder / f"{name}.png", caret="initial")


@pytest.fixture
def queue(desk, cast):
    """End so many of what waits in the held account; after the test, all of it."""

    def end(number):
        run(desk, END, code=cast.held, number=number)

    yield end
    end(99)


def more(page, quantity, price="1450"):
    """Send an order from the sheet; the page stays open."""
    page.get_by_role("link", name="New order").click()
    sheet = page.locator("#sheet")
    sheet.get_by_label("Instrument", exact=True).fill("NSE:INFY")
    sheet.get_by_label("Quantity", exact=True).fill(str(quantity))
    sheet.get_by_label("Price", exact=True).fill(price)
    sheet.locator("[data-send]").click()
    expect(sheet).to_be_hidden()


def chip(page, quantity):
    return page.locator("[data-chip]").filter(has_text=re.compile(rf"Buy {quantity} INFY"))


# Outcomes without the socket -----------------------------------------------------------------


def test_without_the_socket_the_chip_says_that_it_was_placed_and_the_book_shows_it(enter, cast):
    page = enter("trader", f"/a/{cast.free}/orders/", socket=False)

    more(page, 11)

    expect(chip(page, 11)).to_contain_text("Order placed successfully")
    expect(in_book(page, 11)).to_contain_text("PENDING")


def test_without_the_socket_the_chip_says_why_it_failed(desk, enter, cast):
    rule = {"route": "order.place", "user_id": cast.user_id, "count": 1}
    refusal = {"effect": "status_400_before_acceptance", "error_type": "InputException"}
    control(desk, "POST", "faults", {"rules": [rule | refusal]})
    page = enter("trader", f"/a/{cast.free}/orders/", socket=False)

    more(page, 12)

    expect(chip(page, 12)).to_contain_text(re.compile(r"Order failed: \w+"))
    expect(chip(page, 12)).to_have_class(re.compile("is-error"))


def test_without_the_socket_what_the_engine_gave_up_has_failed_with_its_reason(desk, enter, cast):
    page = enter("trader", f"/a/{cast.held}/orders/", socket=False)
    more(page, 13)
    expect(chip(page, 13)).to_contain_text("1st in the queue")

    run(desk, GIVE_UP, code=cast.held)

    expect(chip(page, 13)).to_contain_text("Order failed: The book has it not")


COUNT_TELLS = """
window.tells = 0;
addEventListener("task-changed", (event) => { if (event.target.matches("[data-chip]")) tells += 1; }, true);
"""


def test_after_twenty_looks_without_an_answer_the_chip_says_that_nobody_knows(
    enter, cast, picture, queue
):
    page = enter("trader", "/", socket=False)
    page.clock.install()
    page.goto(f"/a/{cast.held}/orders/")
    looks = []
    page.on("request", lambda asked: looks.append(asked) if "look=chip" in asked.url else None)
    page.evaluate(COUNT_TELLS)
    more(page, 14)
    expect(chip(page, 14)).to_contain_text("Waits to be sent")
    # From here on the page's seconds pass when they are told to, however slow this machine is.
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=2))

    unknown = chip(page, 14).get_by_text("Order status unknown, check order book")
    for _ in range(21):
        if unknown.is_visible():
            break
        page.clock.run_for(1000)
        expect(chip(page, 14)).not_to_have_class(re.compile("htmx-request"))

    expect(unknown).to_be_visible()
    expect(chip(page, 14)).to_have_class(re.compile("is-warning"))
    expect(chip(page, 14)).not_to_contain_text("in the queue", use_inner_text=True)
    asked = len(looks)
    page.clock.run_for(10_000)
    expect(unknown).to_be_visible()
    assert page.evaluate("tells") == 20
    # Some of them fall together on a slow machine.
    assert 0 < len(looks) == asked <= 20
    picture(page, "chip-unknown")


# The queue -----------------------------------------------------------------------------------


def test_what_waits_moves_up_on_every_chip_and_in_the_list(enter, cast, picture, queue):
    page = enter("trader", f"/a/{cast.held}/orders/")
    for quantity in (21, 22, 23):
        more(page, quantity)
    tasks = page.locator("#tasks")
    for quantity, place in ((21, "1st"), (22, "2nd"), (23, "3rd")):
        expect(chip(page, quantity)).to_contain_text(f"{place} in the queue")
    expect(tasks).to_contain_text("3rd in the queue")
    picture(page, "queue")

    queue(1)

    expect(chip(page, 21)).to_contain_text("Order failed: It was cancelled")
    expect(chip(page, 22)).to_contain_text("1st in the queue")
    expect(chip(page, 23)).to_contain_text("2nd in the queue")
    expect(tasks).not_to_contain_text("3rd in the queue")


# News of orders ------------------------------------------------------------------------------


def test_news_of_an_order_make_its_panel_ask_once(enter, cast):
    page = enter("trader", f"/a/{cast.free}/orders/")
    page.clock.install()
    socket = FakeSocket(page)
    page.reload()
    live(page)
    page.clock.run_for(1000)
    page.wait_for_load_state("networkidle")
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    update = {"account_id": cast.free, "order_id": "1", "status": "OPEN", "filled_quantity": 0}
    sent = [
        {"type": "order_update", **update, "average_price": 0, "status_message": ""},
        {"type": "panel", "panel": f"orders:{cast.free}", "version": 2},
        {"type": "order_update", **update, "account_id": "another", "average_price": 0},
    ]

    for message in sent:
        socket.opened[-1].send(json.dumps(message))
    page.clock.run_for(400)
    page.wait_for_load_state("networkidle")

    assert [one for one in asked if "/orders/" in one] == [asked[0]]


def test_a_fill_is_in_the_positions_without_reload(desk, enter, cast):
    book = enter("trader", f"/a/{cast.free}/orders/")
    positions = enter("trader", f"/a/{cast.free}/positions/")
    more(book, 5, price="1495")
    expect(in_book(book, 5)).to_contain_text("PENDING")

    control(desk, "POST", "prices", {"NSE:INFY": "1490"})

    expect(in_book(book, 5)).to_contain_text("COMPLETE")
    row = positions.locator(f"#position-{cast.free}-NSE-INFY-CNC")
    expect(row).to_contain_text("+5")
    control(desk, "POST", "prices", {"NSE:INFY": "1500"})


# The kill switch -----------------------------------------------------------------------------


def test_the_kill_switch_is_on_every_open_page_at_once_and_goes_again(enter, cast, picture):
    viewer = enter("viewer", "/me/")
    lonely = enter("viewer", f"/a/{cast.free}/orders/", socket=False)
    stranger = enter("stranger", "/me/")
    other = enter("trader", f"/a/{cast.held}/orders/")
    page = enter("trader", f"/a/{cast.free}/orders/")

    page.keyboard.press("Control+Shift+K")
    page.wait_for_url("**/stop/?at=*")
    expect(page.get_by_label("What to stop")).to_have_value(cast.free)
    page.get_by_label("Why").fill("Results are out")
    page.get_by_role("button", name="Stop trading").click()
    expect(page.locator("#confirm")).to_contain_text("Only a person lets it go on again.")
    picture(page, "stop-asks")
    page.locator("#confirm").get_by_role("button", name="Stop trading").click()

    for seen in (page, viewer, lonely):
        expect(seen.locator("#stops")).to_contain_text("are stopped. By trader-live@example.com")
        expect(seen.locator("#stops")).to_contain_text("Results are out")
    expect(viewer.get_by_role("link", name="Let it go on")).to_have_count(0)
    picture(viewer, "stopped")

    page.locator("#stops").get_by_role("link", name="Let it go on").click()
    page.get_by_label("Why it may go on").fill("Read them")
    page.get_by_role("button", name="Let it go on").click()

    for seen in (page, viewer, lonely, stranger, other):
        expect(seen.locator("#stops > *")).to_have_count(0)


def test_a_stop_is_on_open_pages_also_when_redis_hung_as_it_was_pressed(enter, desk):
    page = enter("viewer", "/me/")
    redis = parts_of(desk)["redis"].pid
    os.kill(redis, signal.SIGSTOP)
    try:
        desk.manage("kill_switch", "on", "--level", "L2", "--reason", "Redis hangs")
    finally:
        os.kill(redis, signal.SIGCONT)

    expect(page.locator("#stops")).to_contain_text("Redis hangs", timeout=15_000)

    desk.manage("kill_switch", "off", "--level", "L2", "--reason", "Redis is back")
    expect(page.locator("#stops > *")).to_have_count(0, timeout=15_000)


def test_what_is_stopped_until_then_is_said_no_more_after_it(enter, cast):
    page = enter("trader", "/me/")
    page.goto("/stop/")
    page.get_by_label("What to stop").select_option(cast.held)
    page.get_by_label("Why").fill("A pause")
    page.evaluate(
        """() => {
          const soon = new Date(Date.now() + 65_000 + 5.5 * 3_600_000);
          document.querySelector("[name=until]").value = soon.toISOString().slice(0, 16);
        }"""
    )
    page.locator("#stop-form").evaluate("form => HTMLFormElement.prototype.submit.call(form)")
    expect(page.locator("#stops")).to_contain_text("IST: A pause")
    asked = []
    page.on("request", lambda one: asked.append(one.url))

    page.clock.install()
    page.goto("/me/")
    live(page)
    page.clock.fast_forward("02:30")

    with page.expect_response("**/_panel/stops/**"):
        page.clock.run_for(6000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_looks_hold_on_a_phone_and_in_both_themes(enter, picture, width, scheme):
    viewport = {"width": width, "height": 800}
    page = enter(
        "trader", "/stop/", viewport=viewport, color_scheme=scheme, reduced_motion="reduce"
    )

    picture(page, f"stop-{width}-{scheme}")

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
