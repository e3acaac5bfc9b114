"""Who may do what on the pages of an account."""

import pytest

from accounts import linking, logins
from accounts.brokerage import BrokerAccount, Membership, Role, State
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401

pytestmark = pytest.mark.django_db
ACTS = {"login/": 302, "logout/": 302, "pause/": 302, "resume/": 302, "unlink/": 302}
TABLE = {
    None: dict.fromkeys(ACTS, 404) | {"": 404},
    Role.VIEWER: dict.fromkeys(ACTS, 403) | {"": 403},
    Role.TRADER: ACTS | {"unlink/": 403, "": 403},
    Role.OWNER: {"": 302} | ACTS,
}


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


@pytest.mark.parametrize("role", TABLE)
def test_each_role_may_do_what_the_table_says(account, make_person, enter, role):
    user = make_person("member@example.com")
    if role:
        Membership.objects.create(account=account, user=user, role=role)
    client = enter(user)

    page = client.get(f"/accounts/{account.code}/")
    look = {"name": "Practice", "tag": "PR", "colour": 3}
    found = {
        act: client.post(f"/accounts/{account.code}/{act}", look).status_code for act in TABLE[role]
    }

    assert page.status_code == (200 if role else 404)
    assert found == TABLE[role]


def test_one_click_links_paper_money_and_the_rail_says_paper(exchange, asha, enter):  # noqa: F811
    client = enter(asha)

    page = client.post("/accounts/link/", follow=True)

    assert page.redirect_chain == [("/accounts/paper/", 302)]
    assert logins.state_of(BrokerAccount.objects.get()) in {State.LIVE, State.EXPIRING}
    assert b"PAPER" in client.get("/_panel/rail/").content


def test_a_strangers_rail_shows_nothing_of_it(account, stranger, enter):
    assert account.broker_user_id.encode() not in enter(stranger).get("/_panel/rail/").content


def test_without_an_exchange_the_page_says_so(asha, enter, settings):
    settings.PAPER_URL = ""

    answer = enter(asha).post("/accounts/link/")

    assert answer.status_code == 422
    assert b"no paper exchange runs here" in answer.content


def test_a_mistake_in_the_name_is_shown(account, asha, enter):
    answer = enter(asha).post(f"/accounts/{account.code}/", {"name": "", "tag": "P", "colour": 9})

    assert answer.status_code == 422
