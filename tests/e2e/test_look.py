"""The look in a real browser: no complaints, no sideways scroll, everything by keyboard, AA by axe."""

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

AXE = Path(__file__).parent / "vendor/axe-4.14.1.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = {"home": "/", "style": "/style/", "errors": "/errors/", "missing": "/nothing-here/"}
LOG_IN = """
import json
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from accounts.models import User
from accounts.sessions import SessionStore
user, _ = User.objects.get_or_create(email="look@example.com", defaults={"name": "Anita Rao", "is_staff": True})
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(json.dumps({"name": settings.SESSION_COOKIE_NAME, "value": session.session_key}))
"""


@pytest.fixture(scope="module")
def cookie(desk):
    """Be logged in without the log-in page, which has tests of its own."""
    ran = desk.manage("shell", "--no-imports", "-c", LOG_IN)
    assert ran.returncode == 0, ran.stderr
    return {**json.loads(ran.stdout.splitlines()[-1]), "url": desk.url}


@pytest.fixture
def open_page(new_page, cookie):
    """Open a page of the desk as Anita, who is staff."""

    def opened(path="/", *, width=1440, height=900, script=True, **options):
        page = new_page(
            viewport={"width": width, "height": height}, java_script_enabled=script, **options
        )
        page.context.add_cookies([cookie])
        page.goto(path)
        return page

    return opened


@pytest.fixture
def screenshot(tmp_path):
    """Keep a picture: in SCREENSHOTS when that is set, else with the test's other leavings."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name, **how: page.screenshot(path=folder / f"{name}.png", **how)


def settle(page):
    """Wait until what the page fetches by itself has come."""
    page.wait_for_load_state("networkidle")


def violations(page):
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
    )
    return [
        f"{problem['id']}: {node['target']} {node['failureSummary']}"
        for problem in found["violations"]
        for node in problem["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(open_page, screenshot, name, scheme):
    page = open_page(PAGES[name], color_scheme=scheme, reduced_motion="reduce")
    settle(page)

    screenshot(page, f"{name}-{scheme}")

    assert violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_on_a_phone(open_page, screenshot, name):
    page = open_page(PAGES[name], width=390, height=844, has_touch=True, reduced_motion="reduce")
    settle(page)

    screenshot(page, f"{name}-phone")

    assert violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(open_page, name):
    page = open_page(PAGES[name])
    settle(page)
    wide = {}

    for width in (320, 360, 390, 720, 860, 1100, 1240, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        wide[width] = page.evaluate("document.documentElement.scrollWidth")

    assert {width: found for width, found in wide.items() if found > width} == {}


FOCUS = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const style = getComputedStyle(one);
  one.dataset.reached = "yes";
  return {
    what: one.outerHTML.slice(0, 90),
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    box: one.getBoundingClientRect().toJSON(),
  };
}"""
MISSED = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.tabIndex >= 0)
  .filter(one => !one.dataset.reached && one.type !== "radio")
  .map(one => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(("name", "width"), [("home", 1440), ("style", 1440), ("errors", 1440), ("home", 390)])  # fmt: skip
def test_the_keyboard_reaches_everything_and_shows_where_it_is(open_page, name, width):
    page = open_page(PAGES[name], width=width)
    settle(page)

    for _ in range(400):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus is None:
            break
        assert focus["ring"], focus["what"]

    assert page.evaluate(MISSED) == []


def test_the_first_tab_skips_to_the_page(open_page):
    page = open_page("/")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_in_viewport()
    page.keyboard.press("Enter")

    expect(page.locator("#main")).to_be_focused()


def test_the_dashboard_of_an_empty_desk_is_honest_and_alive(open_page, screenshot):
    page = open_page("/")

    expect(page.locator("[data-lamp]")).to_have_text("Live")
    expect(page.get_by_text("Placing orders comes next")).to_be_visible()
    expect(page.locator("#parts").get_by_text("Ready")).to_be_visible()
    assert page.locator("a[href='#'], a:not([href])").count() == 0
    screenshot(page, "dashboard")


def test_every_link_of_the_frame_leads_somewhere(open_page):
    page = open_page("/")
    links = page.eval_on_selector_all(
        ".top a, .menu a, .bottom a", "links => [...new Set(links.map(link => link.pathname))]"
    )

    answers = [page.request.get(link) for link in links]
    # Pages of one's own have tests of their own; the administration leads there first.
    ours = {answer.url: answer.status for answer in answers if "/me/" not in answer.url}

    assert set(ours.values()) == {200}


def test_the_theme_is_kept_on_the_server_and_needs_no_reload(open_page):
    page = open_page("/", color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)

    page.get_by_role("button", name="profile and appearance").click()
    with page.expect_response("**/me/appearance/") as answer:
        page.get_by_role("button", name="Dark").click()

    assert answer.value.status == 204
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(ground) != light
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(ground) != light


@pytest.mark.parametrize(("button", "theme"), [("Light", "light"), ("System", None)])
def test_the_theme_can_be_chosen_without_scripts(open_page, button, theme):
    page = open_page("/errors/", script=False)

    page.get_by_role("button", name="profile and appearance").click()
    page.get_by_role("button", name=button).click()

    expect(page).to_have_url(re.compile("/errors/$"))
    assert page.locator("html").get_attribute("data-theme") == theme


def test_density_changes_the_height_of_rows(open_page):
    page = open_page("/style/")
    row = page.locator("table.positions tbody tr[data-row]").first
    before = row.bounding_box()["height"]

    page.get_by_role("button", name="profile and appearance").click()
    page.locator("#profile-menu").get_by_role("button", name="Roomy").click()

    expect(page.locator("html")).to_have_attribute("data-density", "comfortable")
    assert row.bounding_box()["height"] > before
    page.locator("#profile-menu").get_by_role("button", name="Compact").click()
    expect(page.locator("html")).to_have_attribute("data-density", "compact")


def test_keys_open_the_list_and_go_to_pages_but_never_while_typing(open_page):
    page = open_page("/errors/")
    field = page.get_by_label("Number of the request")

    field.press("?")
    assert page.locator("#keys").is_hidden()
    field.fill("")
    field.press("g")
    field.press("d")
    assert field.input_value() == "gd"
    field.blur()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("d")

    expect(page).to_have_url(re.compile(r":\d+/$"))


def test_rows_are_walked_and_selected_by_keyboard(open_page):
    page = open_page("/style/")
    rows = page.locator("table[data-rows] tr[data-row]")
    selected = page.locator("table[data-rows] tr.is-selected")

    assert page.locator("table[data-rows] tr[data-row][tabindex='0']").count() == 1
    rows.nth(2).focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(3)).to_be_focused()
    page.keyboard.press("Space")
    expect(rows.nth(3).get_by_role("checkbox")).to_be_checked()
    expect(selected).to_have_count(3)
    page.keyboard.press("k")
    expect(rows.nth(2)).to_be_focused()
    page.keyboard.press("Escape")

    expect(selected).to_have_count(0)


def test_a_plain_form_can_ask_first(open_page):
    page = open_page("/style/")
    sent = []
    page.on("request", lambda request: sent.append(request.url))

    page.get_by_role("button", name="Ask first").click()
    dialog = page.locator("#confirm")
    expect(dialog).to_contain_text("Cancel all 4 open orders in 3 accounts?")
    expect(dialog.get_by_role("button", name="Keep as it is")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert not any(url.endswith("/style/?") for url in sent)
    page.get_by_role("button", name="Ask first").click()
    with page.expect_navigation():
        dialog.get_by_role("button", name="Go on").click()

    assert any(url.endswith("/style/?") for url in sent)


def test_a_failed_panel_keeps_what_it_had_and_says_so(open_page):
    page = open_page("/")
    expect(page.locator("#parts").get_by_text("Ready")).to_be_visible()

    page.route("**/_panel/parts/", lambda route: route.fulfill(status=500, body="<h1>Broken</h1>"))
    page.evaluate("document.querySelector('#parts').dispatchEvent(new Event('every'))")

    expect(page.locator("[data-toasts]")).to_contain_text("Something broke on our side")
    expect(page.locator("[data-alert]")).to_contain_text("Something broke on our side")
    expect(page.locator("#parts").get_by_text("Ready")).to_be_visible()
    assert page.get_by_text("Broken").count() == 0


def test_a_panel_of_an_ended_session_leads_to_the_log_in(open_page):
    page = open_page("/")
    expect(page.locator("#parts").get_by_text("Ready")).to_be_visible()
    page.context.clear_cookies()

    # Unless another part of the page asked just before, and was faster.
    page.evaluate("document.querySelector('#parts')?.dispatchEvent(new Event('every'))")

    expect(page).to_have_url(re.compile(r"/login/\?next=%2F$"))


def test_what_the_page_asks_by_itself_does_not_count_as_activity(open_page):
    page = open_page("/")
    expect(page.locator("#parts").get_by_text("Ready")).to_be_visible()

    with page.expect_request("**/_panel/parts/") as asked:
        page.evaluate("document.querySelector('#parts').dispatchEvent(new Event('every'))")

    assert asked.value.headers["x-background"] == "1"


def test_toasts_fold_beyond_three_and_errors_stay(open_page):
    page = open_page("/")
    page.clock.install()
    say = "([level, text]) => document.dispatchEvent(new CustomEvent('toast', {detail: {level, text}}))"

    page.evaluate(say, ["error", "Rejected. Short by 2,15,747.70."])
    for number in range(4):
        page.evaluate(say, ["success", f"Complete {number}"])
    toasts = page.locator("[data-toasts] [data-toast]:visible")

    expect(toasts).to_have_count(3)
    expect(page.locator("[data-more]")).to_have_text("2 more")
    page.clock.fast_forward(6_000)
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text("Rejected")
    toasts.get_by_role("button", name="Dismiss").click()
    expect(toasts).to_have_count(0)


def test_the_session_warns_before_it_ends_and_one_press_stays(open_page):
    page = open_page("/errors/")
    page.clock.install()
    page.reload()
    renewed = {"X-Session-Ends": "1800"}
    page.route("**/me/stay/", lambda route: route.fulfill(status=204, headers=renewed))
    warning = page.locator("#session-warning")

    # The server notes a visit once a minute, so the page may know up to a minute less than 30.
    page.clock.fast_forward("25:00")
    expect(warning).to_be_hidden()
    page.clock.fast_forward("03:30")
    expect(warning).to_be_visible()
    expect(warning.locator("[data-session-left]")).to_have_text(re.compile(r"[01]:\d\d"))
    with page.expect_request("**/me/stay/") as asked:
        page.keyboard.press("Enter")

    assert asked.value.method == "POST"
    assert asked.value.headers["x-csrftoken"]
    expect(warning).to_be_hidden()
    page.clock.fast_forward("27:00")
    expect(warning).to_be_hidden()


def test_a_session_that_ran_out_leads_to_the_log_in(open_page):
    page = open_page("/errors/")
    page.clock.install()
    page.reload()
    # Where it leads ends the story: of the server's session nothing is over, it would lead back.
    page.route("**/login/**", lambda route: route.fulfill(body="The log-in"))

    page.clock.fast_forward("30:05")

    page.wait_for_url("**/login/?next=%2Ferrors%2F")


class FakeSocket:
    """The server's end of the page's socket, in the hands of the test."""

    def __init__(self, page):
        self.opened = []
        self.heard = []
        page.route_web_socket("**/ws/", self.serve)

    def serve(self, socket):
        self.opened.append(socket)
        socket.on_message(self.answer)

    def answer(self, message):
        self.heard.append(json.loads(message))
        self.opened[-1].send('{"type": "pong"}')


def test_the_lamp_says_in_words_when_the_line_is_down_and_back(open_page, cookie):
    page = open_page("/errors/")
    socket = FakeSocket(page)
    page.reload()
    lamp = page.locator("[data-lamp]")
    expect(lamp).to_have_text("Live")

    socket.opened[-1].close(code=1011)
    expect(lamp).to_have_text("Reconnecting, try 1")

    expect(lamp).to_have_text("Live")
    assert socket.heard[0] == {"type": "ping"}
    assert len(socket.opened) == 2


def test_a_line_that_stays_down_says_since_when(open_page):
    page = open_page("/errors/")
    page.route_web_socket("**/ws/", lambda socket: socket.close(code=1011))
    page.reload()
    notice = page.locator("[data-disconnected]").first

    expect(notice).to_be_visible()
    expect(notice).to_contain_text(re.compile(r"Live updates stopped \d\d:\d\d:\d\d"))
    expect(notice).to_contain_text(re.compile(r"Reconnecting, try \d"))


def test_news_of_a_panel_makes_it_fetch_itself_once(open_page):
    page = open_page("/errors/")
    socket = FakeSocket(page)
    page.reload()
    expect(page.locator("[data-lamp]")).to_have_text("Live")
    asked = []
    page.on(
        "request", lambda request: asked.append(request.headers) if "parts" in request.url else 0
    )
    page.evaluate(
        """() => {
          const panel = document.createElement("section");
          panel.innerHTML = '<div data-panel="orders" data-parts="orders" hx-get="/_panel/parts/" hx-swap="none"'
            + ' hx-trigger="panel-changed delay:50ms"></div>';
          document.querySelector("#main").append(panel);
          htmx.process(panel);
        }"""
    )

    for part in ("holdings", "orders", "orders", "orders"):
        socket.opened[-1].send(json.dumps({"type": "panel", "panel": f"{part}:rao", "version": 5}))
    page.wait_for_timeout(600)

    assert len(asked) == 1
    assert asked[0]["x-background"] == "1"


def test_a_socket_that_ends_with_the_session_leads_to_the_log_in(open_page):
    page = open_page("/errors/")
    socket = FakeSocket(page)
    page.reload()
    expect(page.locator("[data-lamp]")).to_have_text("Live")

    with page.expect_request("**/login/?next=%2Ferrors%2F"):
        socket.opened[-1].close(code=4401)


def test_a_slow_clock_of_this_machine_is_told(open_page):
    page = open_page("/errors/")
    expect(page.locator("[data-drift]")).to_be_hidden()
    assert re.fullmatch(r"\d\d:\d\d:\d\d IST", page.locator("[data-clock]").inner_text())

    FakeSocket(page)  # the browser lets an answer that a test wrote reach no local server
    ahead = "2030-01-01T00:00:00+05:30"
    page.route("**/errors/", lambda route: altered(route, ahead))
    page.reload()

    expect(page.locator("[data-drift]")).to_contain_text(re.compile(r"your clock is \d+ s slow"))


def altered(route, moment):
    """Answer with the page as a server whose clock is elsewhere would."""
    answer = route.fetch()
    body = re.sub(r'(data-clock datetime=")[^"]+', rf"\g<1>{moment}", answer.text())
    route.fulfill(response=answer, body=body)


def test_the_summary_of_mistakes_takes_the_focus(open_page):
    page = open_page("/errors/")

    page.evaluate(
        """() => {
          const box = document.createElement("div");
          box.innerHTML = '<div class="error-summary" tabindex="-1" data-summary>Wrong</div>';
          document.querySelector("#main").append(box);
          document.dispatchEvent(new CustomEvent("htmx:after:swap"));
        }"""
    )

    expect(page.locator("[data-summary]")).to_be_focused()


def test_paper_shows_the_page_without_its_chrome(open_page):
    page = open_page("/style/")

    page.emulate_media(media="print")

    assert page.locator(".nav, .lamps").first.is_hidden()
    assert page.get_by_text("NIFTY").first.is_visible()


def test_forced_colours_leave_edges_and_words(open_page):
    page = open_page("/style/", forced_colors="active")

    status = page.locator(".status").first

    assert status.evaluate("one => getComputedStyle(one).borderTopWidth") == "1px"


def test_only_staff_sees_the_style_page(open_page, new_page):
    stranger = new_page()

    answer = stranger.goto("/style/")

    assert "/login/" in answer.url
