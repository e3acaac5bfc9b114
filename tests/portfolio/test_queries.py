"""How much a look at a panel asks of the database: pinned, so that one question more is noticed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import linking
from portfolio import sync
from tests.portfolio.test_sync import buy, wait_for_fill

pytestmark = pytest.mark.django_db
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}
# The session, the person, whether they have a second factor, the accounts that they see, and how
# old the parts of those are.
UNCHANGED = 5
# And of a panel that is drawn: its rows, and what their instruments are called; of orders the tasks, too.
COLD = {"positions": 2, "holdings": 1, "orders": 5, "funds": 1, "gtt": 1, "today": 2}
# All panels, the rail with its figures, how old the lists of instruments are, and what is stopped.
DASHBOARD = UNCHANGED + 20


@pytest.fixture
def link(exchange, asha):
    def linked():
        account = linking.link_paper(owner=asha)
        wait_for_fill(account, buy(account))
        assert sync.sync_account(account.pk).success

    return linked


@pytest.fixture
def client(link, asha, enter):
    link()
    return enter(asha)


def ask(client, path, **headers):
    with CaptureQueriesContext(connection) as found:
        answer = client.get(path, headers=headers)
    return answer, [query["sql"] for query in found]


@pytest.mark.parametrize("name", COLD)
def test_a_panel_asks_for_its_rows_once_and_unchanged_for_none(client, link, name):
    for number in (1, 2):  # of accounts: more of them ask no more
        first, drawn = ask(client, f"/{name}/", **PARTIAL)
        second, unchanged = ask(client, f"/{name}/", **PARTIAL, **{"If-None-Match": first["ETag"]})

        assert (first.status_code, second.status_code) == (200, 304)
        assert len(unchanged) == UNCHANGED, unchanged
        assert len(drawn) == UNCHANGED + COLD[name], drawn
        if number == 1:
            link()


def test_the_dashboard_asks_the_same_for_one_account_and_for_two(client, link):
    _, one = ask(client, "/")
    link()
    _, two = ask(client, "/")

    assert len(one) == DASHBOARD, "\n".join(one)
    assert len(two) == DASHBOARD, "\n".join(two)
