"""People in a real browser: logging in, the second factor, passkeys, and being logged out."""

import re
import time

import pyotp
import pytest
from playwright.sync_api import expect

PASSWORD = "a long and quiet password"
NEW = "another long and quiet password"
MAKE = """
from accounts.models import User
user = User.objects.create_user({email!r}, {password!r}, name="Asha Rao")
"""


@pytest.fixture
def make_person(desk):
    """Make a person of this desk, as a command would."""

    def made(email):
        code = MAKE.format(email=email, password=PASSWORD)
        ran = desk.manage("shell", "--no-imports", "-c", code)
        assert ran.returncode == 0, ran.stderr
        return email

    return made


def log_in(page, email, password=PASSWORD):
    page.goto("/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


def log_out(page):
    page.goto("/logout/")
    page.get_by_role("button", name="Log out").last.click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def set_up_app(page):
    """Set an app up and give its seed and the recovery codes."""
    page.goto("/me/second-factor/")
    page.get_by_role("link", name="Set up an app").click()
    code = page.locator(".qr img")
    assert code.evaluate("image => image.complete && image.naturalWidth > 0")
    seed = page.locator("[data-totp-key]").inner_text().replace(" ", "")
    page.get_by_label("Code from the app").fill(pyotp.TOTP(seed).now())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    return seed, page.locator("[data-recovery-codes] li").all_inner_texts()


def next_code(seed):
    """Wait for the app's next code: the one that was used is used."""
    app = pyotp.TOTP(seed)
    used = app.now()
    while app.now() == used:
        time.sleep(0.2)
    return app.now()


def test_a_person_logs_in_sets_up_an_app_and_logs_in_with_it(page, make_person):
    email = make_person("app@example.com")
    log_in(page, email)
    expect(page.get_by_role("heading", name="Dashboard")).to_be_attached()
    seed, codes = set_up_app(page)
    assert len(codes) == 10
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as a file").click()
    assert all(code in download.value.path().read_text() for code in codes)

    log_out(page)
    log_in(page, email)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert").first).to_contain_text("not right")
    page.get_by_label("Code").fill(next_code(seed))
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_attached()

    log_out(page)
    log_in(page, email)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_attached()
    page.goto("/me/second-factor/")
    expect(page.get_by_text("9 left")).to_be_visible()


def test_it_all_works_without_javascript(new_page, make_person):
    page = new_page(java_script_enabled=False)
    email = make_person("plain@example.com")
    log_in(page, email)
    seed, _ = set_up_app(page)
    page.goto("/logout/")
    page.get_by_role("main").get_by_role("button", name="Log out").click()
    log_in(page, email)
    page.get_by_label("Code").fill(next_code(seed))
    page.get_by_role("button", name="Go on").click()

    expect(page).to_have_title("Dashboard · Tradedesk")


def test_the_sixth_wrong_try_waits_and_says_how_long(page, make_person):
    email = make_person("wrong@example.com")
    for _ in range(5):
        log_in(page, email, "wrong")
        expect(page.get_by_role("alert").first).to_contain_text("e-mail or the password")
    log_in(page, email)

    expect(page.get_by_role("heading", name="Too many tries")).to_be_visible()
    expect(page.get_by_text("Try again in")).to_contain_text("minute")


def authenticator(page):
    """Give the browser a passkey store of its own, as a phone or laptop has one."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def test_a_passkey_logs_in_alone_and_as_the_second_step(page, make_person):
    email = make_person("passkey@example.com")
    store = authenticator(page)
    log_in(page, email)
    page.goto("/me/second-factor/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name of the passkey").fill("My laptop")
    page.get_by_role("button", name="Add this device").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("My laptop")).to_be_visible()

    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_attached()

    log_out(page)
    log_in(page, email)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_attached()

    page.goto("/me/second-factor/")
    page.get_by_role("link", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Old laptop")).to_be_visible()
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_text("Old laptop stops")).to_have_count(0)
    store.detach()


def test_changing_the_password_logs_the_other_browser_out(new_page, make_person):
    email = make_person("change@example.com")
    here, there = new_page(), new_page()
    for page in (here, there):
        log_in(page, email)
        expect(page.get_by_role("heading", name="Dashboard")).to_be_attached()

    here.goto("/me/password/")
    here.get_by_label("Current password").fill(PASSWORD)
    here.get_by_label("New password", exact=True).fill(NEW)
    here.get_by_label("New password again").fill(NEW)
    here.get_by_role("button", name="Change the password").click()
    expect(here.get_by_role("heading", name="You", exact=True)).to_be_visible()

    # Its socket closes, and the page leaves for the log-in by itself.
    expect(there.get_by_role("heading", name="Log in")).to_be_visible(timeout=20_000)


def test_a_page_that_asks_meanwhile_does_not_lose_the_new_session(page, make_person):
    """A new password gives the browser a new key; the page still asks with the old one."""
    email = make_person("meanwhile@example.com")
    log_in(page, email)
    expect(page.get_by_role("heading", name="Dashboard")).to_be_attached()
    page.goto("/me/password/")
    held, asked = [], []

    def refuse(route):
        asked.append(route)
        route.fulfill(status=204, headers={"HX-Redirect": "/login/"})

    page.route("**/me/password/", lambda route: held.append(route))
    for name in ("Current password", "New password", "New password again"):
        words = PASSWORD if name.startswith("Current") else NEW
        page.get_by_label(name, exact=True).fill(words)
    # As a passkey's form is sent: by the page, when the device answered. A press is held safe by
    # the browser itself.
    form = page.locator("form", has=page.get_by_label("Current password"))
    form.evaluate("form => void setTimeout(() => form.submit(), 0)")
    page.wait_for_timeout(500)
    page.route("**/_panel/stops/**", refuse)
    while not asked:
        page.wait_for_timeout(200)  # the page asks every five seconds
    page.wait_for_timeout(500)
    page.unroute("**/_panel/stops/**")
    assert len(held) == 1
    held[0].continue_()

    expect(page).to_have_url(re.compile("/me/$"))


def test_passkeys_are_not_offered_at_a_bare_address(new_page, desk, make_person):
    email = make_person("bare@example.com")
    page = new_page()
    bare = desk.url.replace("localhost", "127.0.0.1")
    page.goto(f"{bare}/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.goto(f"{bare}/me/second-factor/")

    expect(page.get_by_text("never at a bare IP")).to_be_visible()
    expect(page.get_by_role("link", name=f"{desk.url}/")).to_be_visible()


def test_an_invited_person_comes_in(new_page, desk):
    link = desk.manage("invite", "ravi@example.com", "--url", desk.url).stdout.strip()
    page = new_page()
    page.goto(link)
    page.get_by_label("Name").fill("Ravi")
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_label("New password again").fill(NEW)
    page.get_by_role("button", name="Come in").click()
    log_in(page, "ravi@example.com", NEW)

    expect(page.get_by_role("heading", name="Dashboard")).to_be_attached()
