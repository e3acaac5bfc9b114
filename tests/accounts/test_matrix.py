"""Who may go where: one line for every address there is. A new one without a line fails."""

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.test import Client

from accounts import invitations, passwords, sharing
from accounts.brokerage import BrokerAccount, Membership, Role
from accounts.models import Session
from orders.engine.models import KillSwitch
from tests.accounts.addresses import HOME, LOG_IN, SET_UP, addresses, matches, outcome
from tests.accounts.test_account_matrix import PAGES

pytestmark = pytest.mark.django_db
ADMIN = settings.ADMIN_PATH

# What a GET gives to: a stranger, a person, staff without a second factor, staff with one.
OPEN = (200, 200, 200, 200)
OWN = (LOG_IN, 200, 200, 200)
STAFF = (LOG_IN, 404, 200, 200)
POST_ONLY = (LOG_IN, 405, 405, 405)
ENTRANCE = (200, HOME, HOME, HOME)
AWAY = (LOG_IN, 302, 302, 302)  # somewhere else of one's own, once one is in
TABLE = {
    "": OWN,
    "_panel/parts/": STAFF,
    "errors/": STAFF,
    "funds/": OWN,
    "holdings/": OWN,
    "positions/": OWN,
    "today/": OWN,
    "gtt/": OWN,
    "orders/": OWN,
    "tasks/": OWN,
    "stop/": OWN,
    "stop/KEY/release/": (LOG_IN, 404, 404, 404),
    "_panel/stops/": OWN,
    "style/": STAFF,
    "favicon.ico": (302, 302, 302, 302),
    "healthz": OPEN,
    "readyz": (503, 503, 503, 503),
    "metrics": OPEN,
    "login/": ENTRANCE,
    "login/code/": (LOG_IN, HOME, HOME, HOME),
    "login/passkey/": (LOG_IN, HOME, HOME, HOME),
    "login/deactivated/": (403, 403, 403, 403),
    "login/reset/": OPEN,
    "login/reset/sent/": OPEN,
    "login/reset/KEY/": OPEN,
    "login/invite/TOKEN/": OPEN,
    "logout/": (LOG_IN, 200, 200, 200),
    "me/": OWN,
    "me/appearance/": POST_ONLY,
    "me/stay/": POST_ONLY,
    "me/password/": OWN,
    "me/again/": OWN,
    "me/again/code/": (LOG_IN, 302, 302, 200),
    "me/again/passkey/": AWAY,
    "me/second-factor/": OWN,
    "me/second-factor/app/": (LOG_IN, 200, 200, 302),
    "me/second-factor/app/remove/": (LOG_IN, 404, 404, 200),
    "me/second-factor/codes/": (LOG_IN, 302, 302, 200),
    "me/passkeys/add/": OWN,
    "me/passkeys/KEY/": (LOG_IN, 404, 404, 404),
    "me/passkeys/KEY/remove/": (LOG_IN, 404, 404, 404),
    "me/sessions/": OWN,
    "me/sessions/end-others/": POST_ONLY,
    "me/sessions/ID/end/": POST_ONLY,
    "me/people/": STAFF,
    "setup/": STAFF,
    "_panel/rail/": OWN,
    "accounts/": OWN,
    "accounts/link/": OWN,
    "accounts/link/BROKER/": OWN,
    "accounts/back/BROKER/": (LOG_IN, 400, 400, 400),
    "api/zerodha/login": (LOG_IN, 400, 400, 400),
    "api/zerodha/callback": (LOG_IN, 400, 400, 400),
    "activity/": STAFF,
    "activity.csv": STAFF,
    "join/TOKEN/": (200, 403, 403, 403),  # meant for somebody who is new here
}
BACK = {"/accounts/back/kite/", "/api/zerodha/callback"}
# The administration: to our log-in, nowhere, to the set-up, in.
ADMINISTRATION = (LOG_IN, 404, SET_UP, {200, 302, 403, 404, 405})
ROLES = ["stranger", "person", "staff without factor", "staff"]


@pytest.fixture
def roles(enter, make_person):
    rows = {"is_staff": True, "is_superuser": True}
    return [
        Client(),
        enter(make_person("person@example.com")),
        enter(make_person("bare@example.com", **rows)),
        enter(make_person("staff@example.com", factor=True, **rows)),
    ]


@pytest.fixture
def paths(make_person):
    """Fill the addresses that name something with things of somebody else, or with live links."""
    other = make_person("other@example.com")
    passkey = Authenticator.objects.create(user=other, type="webauthn", data={"name": "Theirs"})
    joining = shared(other).split("/", 3)[3]
    theirs = BrokerAccount.objects.get(code="shared")
    stop = KillSwitch.objects.create(level="L1", account=theirs, why="a test", who="other")
    return {
        "accounts/link/BROKER/": "accounts/link/kite/",
        "accounts/back/BROKER/": "accounts/back/kite/",
        "login/reset/KEY/": passwords.reset_link(other).split("/", 3)[3],
        "login/invite/TOKEN/": invitations.invite("ravi@example.com").split("/", 3)[3],
        "join/TOKEN/": joining,
        "stop/KEY/release/": f"stop/{stop.pk}/release/",
        "me/passkeys/KEY/": f"me/passkeys/{passkey.pk}/",
        "me/passkeys/KEY/remove/": f"me/passkeys/{passkey.pk}/remove/",
        "me/sessions/ID/end/": "me/sessions/6f1c1a5e-0000-4000-8000-000000000000/end/",
    }


def shared(owner):
    """Invite somebody to an account of this owner."""
    account = BrokerAccount.objects.create(code="shared", broker="kite", environment="paper")
    Membership.objects.create(account=account, user=owner, role=Role.OWNER)
    return sharing.invite(account, email="new@example.com", role=Role.VIEWER, by=owner)


def test_every_address_has_its_line():
    found = {address for address in addresses() if not address.startswith(ADMIN)}

    assert found == set(TABLE) | set(PAGES)


@pytest.mark.parametrize("address", TABLE)
def test_everybody_gets_what_the_table_says(roles, paths, address):
    path = "/" + paths.get(address, address)

    found = [outcome(client.get(path)) for client in roles]

    assert all(map(matches, found, TABLE[address])), dict(zip(ROLES, found, strict=True))


@pytest.mark.parametrize("address", [one for one in TABLE if one.startswith("me/") or one == ""])
def test_where_a_second_factor_is_a_must_only_its_set_up_is_open(roles, paths, settings, address):
    settings.REQUIRE_SECOND_FACTOR = True
    open_to_all = {
        "me/second-factor/",
        "me/second-factor/app/",
        "me/second-factor/codes/",
        "me/passkeys/add/",
        "me/stay/",
        "me/appearance/",
    }
    client, path = roles[1], "/" + paths.get(address, address)

    for method in ("get", "post", "put", "delete", "patch"):
        found = outcome(getattr(client, method)(path))
        is_open = address in open_to_all or address.startswith("me/again/")
        assert (found != LOG_IN) if is_open else (found == SET_UP), method


def test_the_administration_lets_in_nobody_else(roles):
    tables = sorted({one.split("<")[0] for one in addresses() if one.startswith(ADMIN)})
    for path in tables:
        if path.rstrip("/").endswith(("logout", "password_change", "jsi18n", "login")):
            continue
        for client, expected in zip(roles, ADMINISTRATION, strict=True):
            answer = client.get(f"/{path}")
            for _ in range(3):
                if answer.status_code in {301, 302} and answer["Location"].startswith(f"/{ADMIN}"):
                    answer = client.get(answer["Location"])
            found = outcome(answer)
            assert matches(found, expected) or found == 404, (path, found, expected)


@pytest.mark.parametrize("address", TABLE)
def test_a_forged_post_is_refused_everywhere(enter, make_person, paths, address):
    user = make_person("target@example.com", is_staff=True)
    client = enter(user, enforce_csrf_checks=True)
    path = "/" + paths.get(address, address)
    before = (user.password, user.name, Session.objects.count())

    # Who comes back from a broker brings a signed state instead, and here brings nothing at all.
    refusals = {400} if path in BACK else {403, 405}
    for headers in ({}, {"Origin": "https://evil.example"}):
        assert client.post(path, {"name": "Forged"}, headers=headers).status_code in refusals

    user.refresh_from_db()
    assert (user.password, user.name, Session.objects.count()) == before


@pytest.mark.parametrize("address", TABLE)
def test_reading_changes_nothing_but_sessions(roles, paths, address):
    def everything():
        return {
            model._meta.label: list(model.objects.values().order_by("pk"))
            for model in apps.get_models()
            if model is not Session and hasattr(model, "objects")
        }

    before = everything()
    for client in roles:
        client.get("/" + paths.get(address, address))
        client.head("/" + paths.get(address, address))

    assert everything() == before
