"""Who may do what with an account: a line for each of its addresses, a column for each person."""

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from accounts import linking, sharing
from accounts.brokerage import Membership, Role
from accounts.models import Session
from orders import book
from tests.accounts.addresses import LOG_IN, matches, outcome
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tests.engine.desk import give
from tests.orders.test_book import told
from tests.orders.test_gtt_page import trigger

pytestmark = pytest.mark.django_db

# What a GET and a POST give to: nobody, a stranger, a viewer, a trader, the owner, and staff who
# are no member: running the desk opens no account.
WHO = ["nobody", "stranger", "viewer", "trader", "owner", "staff"]
ACT = (LOG_IN, 405, 405, 405, 405, 405)
TRADERS = (LOG_IN, 404, 403, 302, 302, 404)
OWNERS = (LOG_IN, 404, 403, 403, 302, 404)
SEEN = (LOG_IN, 404, 200, 200, 200, 404)
BACK = (LOG_IN, 404, 302, 302, 302, 404)  # to the page on which the act stands
READ = (LOG_IN, *[405] * 5)  # what a POST to a page that only shows something gets
TRADES = (LOG_IN, 404, 403, 200, 200, 404)
WRONG = (LOG_IN, 404, 403, 422, 422, 404)  # the form of this test is none of these
PAGES = {
    "a/CODE/": (SEEN, READ),
    "a/CODE/today/": (SEEN, READ),
    "a/CODE/funds/": (SEEN, READ),
    "a/CODE/holdings/": (SEEN, READ),
    "a/CODE/positions/": (SEEN, READ),
    "a/CODE/gtt/": (SEEN, READ),
    "a/CODE/gtt/new/": (TRADES, WRONG),
    "a/CODE/gtt/check/": (ACT, (LOG_IN, 404, 403, 200, 200, 404)),
    "a/CODE/gtt/GTT/modify/": (TRADES, WRONG),
    "a/CODE/gtt/GTT/delete/": (ACT, (LOG_IN, 404, 403, 303, 303, 404)),
    "a/CODE/orders/": (SEEN, READ),
    "a/CODE/orders/ORDER/": (SEEN, READ),
    "a/CODE/orders/ORDER/modify/": (TRADES, WRONG),
    "a/CODE/orders/ORDER/cancel/": (ACT, (LOG_IN, 404, 403, 303, 303, 404)),
    "a/CODE/orders/cancel-all/": (TRADES, WRONG),
    "a/CODE/positions/exit/": (TRADES, WRONG),
    "a/CODE/positions/exit-all/": (TRADES, WRONG),
    "a/CODE/positions/convert/": (TRADES, WRONG),
    "a/CODE/orders/new/": (TRADES, WRONG),
    "a/CODE/orders/check/": (ACT, (LOG_IN, 404, 403, 200, 200, 404)),
    "a/CODE/orders/margin/": (ACT, (LOG_IN, 404, 403, 200, 200, 404)),
    "a/CODE/quote/": ((LOG_IN, 404, 403, 302, 302, 404), READ),
    "a/CODE/instruments/": ((LOG_IN, 404, 403, 302, 302, 404), READ),
    "a/CODE/requests/REQUEST/": (SEEN, READ),
    "a/CODE/tasks/": (SEEN, READ),
    "a/CODE/tasks/KEY/": (SEEN, READ),
    "a/CODE/tasks/KEY/decide/": (ACT, WRONG),
    "a/CODE/tasks/KEY/withdraw/": (ACT, TRADERS),
    "accounts/CODE/": (SEEN, OWNERS),
    "accounts/CODE/credentials/": ((LOG_IN, 404, 403, 403, 200, 404), OWNERS),
    "accounts/CODE/automatic/": (
        (LOG_IN, 404, 403, 403, 200, 404),
        (LOG_IN, 404, 403, 403, 422, 404),
    ),
    "accounts/CODE/login/": ((LOG_IN, 404, 403, 200, 200, 404), TRADERS),
    "accounts/CODE/login/away/": ((LOG_IN, 404, 403, 302, 302, 404), (LOG_IN, *[405] * 5)),
    "accounts/CODE/login/token/": (ACT, (LOG_IN, 404, 403, 422, 422, 404)),
    "accounts/CODE/login/alone/": (ACT, (LOG_IN, 404, 403, 422, 422, 404)),
    "accounts/CODE/login/code/": ((LOG_IN, 404, 403, 302, 302, 404), TRADERS),
    "accounts/CODE/logout/": (ACT, TRADERS),
    "accounts/CODE/pause/": (ACT, TRADERS),
    "accounts/CODE/resume/": (ACT, TRADERS),
    "accounts/CODE/unlink/": (ACT, OWNERS),
    "accounts/CODE/activity/": (SEEN, ACT),
    "accounts/CODE/activity.csv": (SEEN, ACT),
    "accounts/CODE/holder/": ((LOG_IN, 404, 403, 403, 200, 404), OWNERS),
    "accounts/CODE/people/": (SEEN, (LOG_IN, 404, 403, 403, 200, 404)),
    "accounts/CODE/people/KEY/role/": (BACK, OWNERS),
    "accounts/CODE/people/KEY/remove/": (BACK, OWNERS),
    "accounts/CODE/people/invitations/KEY/withdraw/": (BACK, OWNERS),
}
FORM = {
    "name": "Practice",
    "tag": "PR",
    "colour": 3,
    "email": "new@example.com",
    "role": "trader",
}


@pytest.fixture
def account(exchange, asha):  # noqa: F811
    return linking.link_paper(owner=asha)


@pytest.fixture
def people(account, asha, make_person, enter, stranger):
    def member(role):
        user = make_person(f"{role}@example.com")
        Membership.objects.create(account=account, user=user, role=role)
        return enter(user)

    boss = make_person("staff@example.com", factor=True, is_staff=True, is_superuser=True)
    return {
        "nobody": Client(),
        "stranger": enter(stranger),
        "viewer": member(Role.VIEWER),
        "trader": member(Role.TRADER),
        "owner": enter(asha),
        "staff": enter(boss),
    }


@pytest.fixture
def path_of(account, asha, make_person):
    """Fill an address in: with a member whom the others may act on, and an open invitation."""

    def path(address):
        key = 0
        if "/invitations/" in address:
            sharing.invite(account, email="ravi@example.com", role=Role.VIEWER, by=asha)
            key = account.invitations.get().pk
        elif "/tasks/" in address:
            key = give(account).pk
        elif "KEY" in address:
            user = make_person("member@example.com")
            key = Membership.objects.create(account=account, user=user, role=Role.VIEWER).pk
        if "GTT" in address:
            book.record_gtts(account, [trigger(gtt_id="GTT")], at=timezone.now())
        if "REQUEST" in address:
            address = address.replace("REQUEST", str(give(account).request))
        if "ORDER" in address:
            book.absorb(account, [told(order_id="ORDER")], heard_from="test", at=timezone.now())
        return "/" + address.replace("CODE", account.code).replace("KEY", str(key))

    return path


def everything():
    return {
        model._meta.label: list(model.objects.values().order_by("pk"))
        for model in apps.get_models()
        if model is not Session and hasattr(model, "objects")
    }


@pytest.mark.parametrize("address", PAGES)
def test_everybody_reads_what_the_table_says_and_changes_nothing(account, people, path_of, address):
    path = path_of(address)
    before = everything()

    found = [outcome(people[who].get(path)) for who in WHO]

    assert all(map(matches, found, PAGES[address][0])), dict(zip(WHO, found, strict=True))
    assert everything() == before


@pytest.mark.parametrize("address", PAGES)
def test_everybody_changes_what_the_table_says(account, people, path_of, address):
    path = path_of(address)
    for who, expected in zip(WHO, PAGES[address][1], strict=True):
        before = everything()

        found = outcome(people[who].post(path, FORM))

        assert matches(found, expected), who
        if expected not in {200, 302}:  # an invitation is answered with its link
            assert everything() == before, who


@pytest.mark.parametrize("address", PAGES)
def test_a_forged_post_is_refused(account, asha, enter, path_of, address):
    client, path = enter(asha, enforce_csrf_checks=True), path_of(address)
    before = everything()

    for headers in ({}, {"Origin": "https://evil.example"}):
        assert client.post(path, FORM, headers=headers).status_code == 403

    assert everything() == before


@pytest.mark.parametrize("address", PAGES)
def test_an_account_that_is_unlinked_is_gone_for_everybody(account, people, asha, path_of, address):
    path = path_of(address)
    linking.unlink(account, actor=asha)

    for who in WHO[1:]:
        assert people[who].get(path).status_code in {404, 405}
        assert people[who].post(path, FORM).status_code in {404, 405}
