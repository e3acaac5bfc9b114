"""Sharing in a real browser: invited, in, and out again, while the pages stay open."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.test_look import violations
from tests.e2e.test_people_login import PASSWORD, log_in, make_person  # noqa: F401


def link_paper(page):
    """Link an account with paper money and give its code."""
    page.goto("/accounts/link/")
    page.get_by_role("button", name="Link paper money").click()
    page.wait_for_url(re.compile(r"/accounts/paper"))
    return page.url.rstrip("/").rsplit("/", 1)[1]


def invite(page, code, email, role="trader"):
    """Invite somebody on the page and give the link."""
    page.goto(f"/accounts/{code}/people/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Role", exact=True).select_option(role)
    page.get_by_role("button", name="Make a link").click()
    return page.locator("[data-invitation]").inner_text()


def live(page):
    expect(page.locator("[data-lamp]")).to_have_attribute("data-state", "live")


def test_invited_in_and_out_again_while_the_pages_stay_open(desk, make_person, new_page):  # noqa: F811
    owner, member = new_page(), new_page()
    log_in(owner, make_person("sharer@example.com"), PASSWORD)
    code = link_paper(owner)
    link = invite(owner, code, "newcomer@example.com")

    # Somebody new: a log-in first, then the account.
    member.goto(link)
    member.get_by_role("button", name="Make a log-in").click()
    member.get_by_label("Name").fill("Ravi Nair")
    member.get_by_label("New password", exact=True).fill(PASSWORD)
    member.get_by_label("New password again").fill(PASSWORD)
    member.get_by_role("button", name="Come in").click()
    member.get_by_label("E-mail").fill("newcomer@example.com")
    member.get_by_label("Password").fill(PASSWORD)
    member.get_by_role("button", name="Log in", exact=True).click()
    elsewhere = member.context.new_page()
    elsewhere.goto("/")
    live(elsewhere)
    tab = f'a[href="/a/{code}/"]'
    expect(elsewhere.locator("#rail").locator(tab)).to_have_count(0)
    member.get_by_role("button", name="Join").click()

    # In: on the page, in the rail of another page that was open already, and in the owner's list.
    expect(member.locator("#session")).to_contain_text("Live")
    expect(elsewhere.locator("#rail").locator(tab)).to_contain_text("PAPER")
    expect(owner.locator("#members")).to_contain_text("Ravi Nair")
    live(member)

    # A new role is heard as well.
    owner.get_by_label("Role of Ravi Nair", exact=True).select_option("viewer")
    owner.get_by_role("button", name="Change the role of Ravi Nair").click()
    expect(owner.get_by_text("Ravi Nair is viewer of")).to_be_visible()
    expect(member.locator("#session")).not_to_contain_text("Log out")

    owner.get_by_role("button", name="Remove Ravi Nair").click()
    owner.get_by_role("button", name="Go on").click()

    # Out: the account's page is left, the other page's rail is drawn without it; nobody reloaded.
    expect(elsewhere.locator("#rail").locator(tab)).to_have_count(0)
    expect(member).to_have_url(re.compile(r"/accounts/$"))
    expect(member.locator("#accounts")).to_contain_text("No account is linked yet.")
    live(elsewhere)
    answer = member.goto(f"/accounts/{code}/")
    assert answer.status == 404


def test_without_scripts_one_is_invited_joins_and_leaves(desk, make_person, new_page):  # noqa: F811
    owner, member = new_page(java_script_enabled=False), new_page(java_script_enabled=False)
    log_in(owner, make_person("plain-owner@example.com"), PASSWORD)
    code = link_paper(owner)
    email = make_person("plain-member@example.com")
    link = invite(owner, code, email)

    member.goto(link)
    member.get_by_label("E-mail").fill(email)
    member.get_by_label("Password").fill(PASSWORD)
    member.get_by_role("button", name="Log in", exact=True).click()
    member.get_by_role("button", name="Join").click()
    member.get_by_role("link", name="People").click()
    member.get_by_role("button", name="Leave").click()

    expect(member).to_have_url(re.compile(r"/accounts/$"))


SHARE = """
from accounts import linking, sharing
from accounts.brokerage import BrokerAccount, Membership, Role
from accounts.models import User
owner = User.objects.get(email="keeper@example.com")
account = BrokerAccount.objects.get(code={code!r})
ravi = User.objects.create_user("a.very.long.address.of.ravi@family.example.com", None, name="Ravi Nair")
Membership.objects.create(account=account, user=ravi, role=Role.TRADER)
linking.set_paused(account, paused=True, why="Travelling until Monday", actor=owner)
print("LINK", sharing.invite(account, email="mother@example.com", role=Role.VIEWER, by=owner))
"""


@pytest.fixture(scope="module")
def shared(desk, browser):
    """An account with two members, an open invitation and a pause; logged in as its owner."""
    make = f"from accounts.models import User\nUser.objects.create_user('keeper@example.com', {PASSWORD!r}, name='Asha Rao')"
    assert desk.manage("shell", "--no-imports", "-c", make).returncode == 0
    context = browser.new_context(base_url=desk.url)
    page = context.new_page()
    log_in(page, "keeper@example.com", PASSWORD)
    page.wait_for_url("**/")
    code = link_paper(page)
    kept = context.storage_state()
    context.close()
    ran = desk.manage("shell", "--no-imports", "-c", SHARE.format(code=code))
    assert ran.returncode == 0, ran.stderr
    return code, ran.stdout.split("LINK ")[1].strip().split("/", 3)[3], kept


PAGES = {
    "account": "accounts/CODE/",
    "holder": "accounts/CODE/holder/",
    "members": "accounts/CODE/people/",
    "activity": "accounts/CODE/activity/",
    "join": "LINK",
    "not-yours": "LINK",
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    new_page, shared, tmp_path, name, width, scheme
):
    code, link, state = shared
    page = new_page(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
        has_touch=width < 500,
        **({} if name == "join" else {"storage_state": state}),
    )
    page.goto("/" + PAGES[name].replace("CODE", code).replace("LINK", link))
    page.wait_for_load_state("networkidle")
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"sharing-{name}-{width}-{scheme}.png", full_page=True)

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width < 500:
        small = page.locator("main :is(button, select, input:not([type=hidden]))").evaluate_all(
            "all => all.filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 44)"
            ".map(one => one.outerHTML.slice(0, 80))"
        )
        assert small == []
