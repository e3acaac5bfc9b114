"""The pages of accounts."""

import pytest

from accounts import linking, logins
from accounts.brokerage import BrokerAccount, State
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


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
