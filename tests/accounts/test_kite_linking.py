"""Kite accounts: linked by a form, logged in at the broker's page, by tokens or by the desk itself."""

import json
import threading
import time
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import time_machine
from django.core import mail, signing
from django.db import connection
from django.utils import timezone

from accounts import hand_off, linking, logins, upkeep, ways_in
from accounts.brokerage import (
    AutomaticLogin,
    BrokerAccount,
    Credentials,
    LoginSession,
    Membership,
    Mode,
    Role,
    State,
)
from accounts.brokers.errors import AuthExpired, AuthFailed
from accounts.brokers.registry import Access, kind
from accounts.models import AuditEvent
from tests.accounts.exchange import exchange, running_exchange  # noqa: F401
from tradedesk.times import IST

pytestmark = pytest.mark.django_db
HOME = "https://desk.example.in/accounts/back/kite/"
UP = {State.LIVE, State.EXPIRING}


@pytest.fixture
def opened(exchange):  # noqa: F811
    return exchange.control(
        "POST", "accounts", {"name": "Anita Rao", "cash": "500000", "redirect_url": HOME}
    )


def form_of(opened, **changed):
    facts = {
        "environment": "paper",
        "broker_user_id": opened["user_id"],
        "api_key": opened["api_key"],
        "api_secret": opened["api_secret"],
        "totp_seed": opened["totp_secret"],
        "name": "Anita Rao",
    }
    return facts | changed


@pytest.fixture
def account(opened, asha):
    return linking.keep(
        owner=asha,
        broker="kite",
        environment="paper",
        broker_user_id=opened["user_id"],
        name="Anita Rao",
        secrets={
            "api_key": opened["api_key"],
            "api_secret": opened["api_secret"],
            "totp_seed": opened["totp_secret"],
        },
    )


@pytest.fixture
def allowed(account, opened, asha, settings):
    """The same account, which the desk may log in by itself."""
    settings.KITE_AUTOMATIC_LOGIN = True
    linking.change_credentials(account, changed={"password": opened["password"]})
    ways_in.allow(account, actor=asha)
    return account


def request_token(account, opened):
    """Log in at the exchange's page, as a person would, and come back with the token."""
    with ways_in.alone_with(account) as adapter:
        code = pyotp.TOTP(opened["totp_secret"]).now()
        return adapter.log_in_alone(opened["user_id"], opened["password"], code)


def seen_at_exchange(running, user_id):
    return running.control("GET", f"ledger/{user_id}")


def stored():
    return BrokerAccount.objects.get()


# Linking -------------------------------------------------------------------------------------


def test_the_form_links_the_account_and_goes_on_to_the_log_in(opened, asha, enter):
    answer = enter(asha).post("/accounts/link/kite/", form_of(opened), follow=True)

    assert answer.redirect_chain == [("/accounts/anita-rao/login/", 302)]
    account = stored()
    assert account.broker_user_id == opened["user_id"]
    assert account.tag == "AR"
    assert logins.state_of(account) == State.NEEDS_LOGIN
    html = answer.content.decode()
    assert "/accounts/anita-rao/login/away/" in html
    assert opened["api_secret"] not in html
    assert "PAPER" in html


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"api_key": "your_api_key"}, "Not configured"),
        ({"api_secret": "your-api-secret"}, "Not configured"),
        ({"api_key": "short"}, "it has 16 letters and digits. This one has 5 characters"),
        ({"api_secret": "x" * 31}, "This one has 31 characters"),
        ({"broker_user_id": ""}, "This field is required"),
        ({"broker_user_id": "AB 12;--"}, "This is no Client ID"),
        ({"totp_seed": "not a seed 1890"}, "This is no Authenticator seed"),
        ({"environment": "moon"}, "Select a valid choice"),
        ({"name": "x" * 61}, "at most 60"),
    ],
)
def test_what_cannot_be_right_is_refused_before_anybody_is_asked(
    opened, asha, enter, changed, words
):
    answer = enter(asha).post("/accounts/link/kite/", form_of(opened, **changed))

    html = answer.content.decode()
    assert answer.status_code == 422
    assert words in html
    assert not BrokerAccount.objects.exists()
    if "broker_user_id" not in changed:
        assert f'value="{opened["user_id"]}"' in html  # what was typed is not lost
    assert opened["api_secret"] not in html


def test_an_account_is_linked_once(account, opened, asha, stranger, enter):
    mine = enter(asha).post("/accounts/link/kite/", form_of(opened))
    theirs = enter(stranger).post("/accounts/link/kite/", form_of(opened))

    assert mine.status_code == theirs.status_code == 422
    assert "linked already, as Anita Rao" in mine.content.decode()
    assert "Ask them to invite you" in theirs.content.decode()
    assert "linked already, as" not in theirs.content.decode()
    assert BrokerAccount.objects.count() == 1


def test_credentials_are_replaced_and_never_shown(account, opened, asha, enter):
    client = enter(asha)
    page = client.get("/accounts/anita-rao/credentials/").content.decode()

    for secret in (opened["api_key"], opened["api_secret"], opened["totp_secret"]):
        assert secret not in page
    answer = client.post(
        "/accounts/anita-rao/credentials/", {"api_secret": "s" * 32, "api_key": ""}
    )
    assert answer.status_code == 302
    held = stored().credentials
    assert (held.api_key, held.api_secret) == (opened["api_key"], "s" * 32)
    event = AuditEvent.objects.order_by("number").last()
    assert event
    assert (event.what, event.after) == ("account.credentials_changed", ["api_secret"])


# The trip and back ---------------------------------------------------------------------------


def trip(client, code="anita-rao"):
    """Follow the log-in link and give the state that travels along."""
    answer = client.get(f"/accounts/{code}/login/away/")
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer["Location"]).query)
    return parse_qs(query["redirect_params"][0])["state"][0]


@pytest.mark.parametrize("way", ["get", "form", "json", "seed", "redirect params"])
def test_the_broker_sends_people_back_in_many_ways(account, opened, asha, enter, way):
    client = enter(asha, enforce_csrf_checks=True)
    facts = {"request_token": request_token(account, opened), "state": trip(client)}
    path = "/accounts/back/kite/"

    if way == "get":
        answer = client.get(path, facts | {"status": "success", "action": "login"})
    elif way == "form":
        answer = client.post(path, facts)
    elif way == "json":
        answer = client.post(path, json.dumps(facts), content_type="application/json")
    elif way == "seed":
        answer = client.post("/api/zerodha/callback", facts)
    else:
        hidden = {"redirect_params": f"state={facts.pop('state')}"}
        answer = client.get(path, facts | hidden)

    if way == "json":
        assert answer.json()["account"] == "anita-rao"
    else:
        assert answer["Location"] == "/accounts/anita-rao/"
    assert logins.state_of(stored()) in UP
    assert stored().profile["name"] == "Anita Rao"


def test_a_trip_comes_back_once(account, opened, asha, enter):
    client = enter(asha)
    facts = {"request_token": request_token(account, opened), "state": trip(client)}
    client.get("/accounts/back/kite/", facts)

    again = client.get("/accounts/back/kite/", facts)

    assert again.status_code == 422
    assert "came back already" in again.content.decode()


def test_a_trip_belongs_to_who_began_it_and_ends_after_ten_minutes(
    account, opened, asha, stranger, make_person, enter
):
    client = enter(asha)
    state = trip(client)
    token = request_token(account, opened)
    other = make_person("trader@example.com")
    Membership.objects.create(account=account, user=other, role=Role.TRADER)

    for person in (stranger, other):
        answer = enter(person).get("/accounts/back/kite/", {"request_token": token, "state": state})
        assert answer.status_code == 422
        assert "Somebody else began this log-in" in answer.content.decode()
    with time_machine.travel(time.time() + 601):
        late = client.get("/accounts/back/kite/", {"request_token": token, "state": state})
    assert "longer than ten minutes" in late.content.decode()
    assert logins.state_of(stored()) == State.NEEDS_LOGIN


def test_a_trip_that_fails_tells_a_stranger_no_code_and_leaves_the_session(
    account, opened, asha, stranger, enter
):
    ways_in.by_request_token(account, request_token(account, opened))
    client = enter(asha)
    facts = {"request_token": "made-up", "state": trip(client)}

    theirs = enter(stranger).get("/accounts/back/kite/", facts).content.decode()
    mine = client.get("/accounts/back/kite/", facts).content.decode()

    assert "anita-rao" not in theirs
    assert "/accounts/anita-rao/login/" in mine
    assert "is not logged in" not in mine
    assert logins.state_of(stored()) in UP


@pytest.mark.parametrize("state", ["garbage", "a:b:c", "x" * 3000, {"u": 1}])
def test_a_forged_state_is_refused(account, asha, enter, state):
    if isinstance(state, dict):
        state = signing.dumps(state)  # signed by us, for something else
    answer = enter(asha).get("/accounts/back/kite/", {"request_token": "t", "state": state})

    assert answer.status_code == 422
    assert "did not begin at this desk" in answer.content.decode()


def test_without_a_state_a_person_chooses_the_account_on_a_form_of_ours(
    account, opened, asha, enter
):
    client = enter(asha, enforce_csrf_checks=True)
    token = request_token(account, opened)
    page = client.get("/accounts/back/kite/", {"request_token": token})

    assert "Which account did you log in?" in page.content.decode()
    forged = client.post("/accounts/back/kite/", {"request_token": token, "account": "anita-rao"})
    assert forged.status_code == 403
    own = (
        {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}
        if "csrftoken" in client.cookies
        else {}
    )
    own = own or {"csrfmiddlewaretoken": str(page.context["csrf_token"])}
    chosen = client.post(
        "/accounts/back/kite/", {"request_token": token, "account": "anita-rao"} | own
    )
    assert chosen.status_code == 302
    assert logins.state_of(stored()) in UP


@pytest.mark.parametrize(
    "facts", [{}, {"status": "cancelled", "request_token": "x"}, {"request_token": ""}]
)
def test_coming_back_with_nothing_says_so(asha, enter, facts):
    answer = enter(asha).get("/accounts/back/kite/", facts)

    assert answer.status_code == 400
    assert "without a log-in" in answer.content.decode()


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{",
        "null",
        '"x"',
        "\xff",
        "x" * 20_000,
        '{"request_token": "x", "account": "\\u0000"}',
    ],
)
def test_garbage_sent_to_the_callback_is_told(asha, enter, body):
    answer = enter(asha).post(
        "/api/zerodha/callback", body.encode("latin-1"), content_type="application/json"
    )

    assert answer.status_code == 400
    assert "request_token" in answer.json()["error"]


def test_a_form_of_another_site_is_brought_back_with_our_cookie(account, client):
    state = "s"
    answer = client.post("/accounts/back/kite/", {"request_token": "t", "state": state})

    assert answer.status_code == 303
    assert answer["Location"] == "/accounts/back/kite/?request_token=t&state=s"


def test_who_is_not_logged_in_comes_back_after_it(account, client):
    answer = client.get("/accounts/back/kite/", {"request_token": "t", "state": "s"})

    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/?next=%2Faccounts%2Fback%2Fkite%2F")


def test_a_wrong_secret_is_told_in_the_brokers_words(account, opened, asha, enter):
    linking.change_credentials(account, changed={"api_secret": "0" * 32})
    client = enter(asha)
    facts = {"request_token": request_token(account, opened), "state": trip(client)}

    answer = client.get("/accounts/back/kite/", facts)

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "The broker refused the log-in" in html
    assert "/accounts/anita-rao/login/" in html
    assert logins.state_of(stored()) == State.NEEDS_LOGIN
    assert "refused the log-in" in stored().last_error


def test_a_lost_secret_is_named_before_the_trip_and_after_it(allowed, opened, asha, enter):
    token = request_token(allowed, opened)
    Credentials.objects.update(api_secret=None)
    client = enter(asha)

    before = client.get("/accounts/anita-rao/login/").content.decode()
    facts = {"request_token": token, "state": trip(client)}
    after = client.get("/accounts/back/kite/", facts)

    assert "The API secret is not stored" in before
    assert "/accounts/anita-rao/credentials/" in before
    assert after.status_code == 422
    assert "The API secret is not stored" in after.content.decode()
    assert "API secret" in ways_in.why_not_alone(stored())


def test_somebody_elses_log_in_is_refused_and_ended(account, exchange, asha, enter):  # noqa: F811
    """The same app, another client: the exchange keeps one key for one user, so theirs is used."""
    other = exchange.control("POST", "accounts", {"name": "Someone Else", "redirect_url": HOME})
    keys = {"api_key": other["api_key"], "api_secret": other["api_secret"]}
    linking.change_credentials(account, changed=keys)
    client = enter(asha)
    fresh = stored()
    facts = {"request_token": request_token(fresh, other), "state": trip(client)}

    answer = client.get("/accounts/back/kite/", facts)

    assert answer.status_code == 422
    words = answer.content.decode()
    assert f"The broker logged in {other['user_id']}, but this account is" in words
    assert logins.state_of(stored()) == State.NEEDS_LOGIN
    assert AuditEvent.objects.filter(what="account.wrong_client").exists()


def test_the_seeds_address_gives_the_log_in_page(account, asha, enter, stranger):
    as_json = enter(asha).get("/api/zerodha/login", headers={"Accept": "application/json"}).json()
    moved = enter(asha).get("/api/zerodha/login")

    assert as_json["account"] == "anita-rao"
    assert "/connect/login?api_key=" in as_json["login_url"]
    assert moved.status_code == 302
    none = enter(stranger).get("/api/zerodha/login", headers={"Accept": "application/json"})
    assert (none.status_code, "none is linked" in none.json()["error"]) == (400, True)


# Tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_address", [False, True])
def test_a_pasted_request_token_logs_in(account, opened, asha, enter, as_address):
    token = request_token(account, opened)
    pasted = f"https://desk.example.in/?action=login&request_token={token}" if as_address else token

    enter(asha).post("/accounts/anita-rao/login/token/", {"request_token": pasted})

    assert logins.state_of(stored()) in UP


def test_an_access_token_made_elsewhere_is_taken_once_the_broker_says_whose_it_is(
    account,
    opened,
    exchange,  # noqa: F811
    asha,
    enter,
):
    client = enter(asha)
    grant = {"user_id": opened["user_id"], "api_key": opened["api_key"]}
    token = exchange.control("POST", "sessions", grant)["access_token"]

    wrong = client.post("/accounts/anita-rao/login/token/", {"access_token": "made-up"})
    assert wrong.status_code == 422
    assert "the broker does not accept it" in wrong.content.decode()
    torn = client.post("/accounts/anita-rao/login/token/", {"access_token": "made up"})
    assert "the access token holds signs no token has" in torn.content.decode()
    assert "the session at the broker is over" not in torn.content.decode()
    client.post("/accounts/anita-rao/login/token/", {"access_token": token})

    assert logins.state_of(stored()) in UP
    assert stored().session.expires_at > timezone.now()


def test_the_code_of_the_seed_is_shown_to_who_just_proved_themselves_and_noted(
    account, opened, asha, enter
):
    answer = enter(asha).post("/accounts/anita-rao/login/code/")

    html = answer.content.decode()
    assert answer.status_code == 200
    shown = {pyotp.TOTP(opened["totp_secret"]).at(time.time() - back) for back in (0, 30)}
    assert any(code in html for code in shown)
    assert opened["totp_secret"] not in html
    assert answer["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(what="account.code_shown").count() == 1


def test_a_wrong_clock_is_told_before_a_code_is_refused(account, asha, enter):
    BrokerAccount.objects.update(clock_skew=41.3)

    assert "clock is 41 s slow" in enter(asha).get("/accounts/anita-rao/login/").content.decode()


# Without a person ----------------------------------------------------------------------------


def test_it_is_off_until_operator_and_owner_allow_it(account, opened, asha, enter, settings):
    client = enter(asha)
    told = {"password": opened["password"], "understood": "on"}

    assert (
        "KITE_AUTOMATIC_LOGIN=on" in client.get("/accounts/anita-rao/automatic/").content.decode()
    )
    client.post("/accounts/anita-rao/automatic/", told)
    assert stored().mode == Mode.MANUAL
    settings.KITE_AUTOMATIC_LOGIN = True
    unread = client.post("/accounts/anita-rao/automatic/", told | {"understood": ""})
    assert unread.status_code == 422
    client.post("/accounts/anita-rao/automatic/", told)
    assert stored().mode == Mode.AUTO

    ways_in.alone(ways_in.fresh(stored()))
    assert logins.state_of(stored()) in UP
    client.post("/accounts/anita-rao/automatic/", {"forbid": "1"})
    assert stored().mode == Mode.MANUAL
    assert stored().credentials.password is None


def test_a_refused_log_in_is_never_repeated(allowed):
    linking.change_credentials(allowed, changed={"password": "wrong-password"})

    with pytest.raises(AuthFailed):
        ways_in.alone(ways_in.fresh(stored()))
    with pytest.raises(AuthExpired):
        ways_in.ensure(stored())
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        upkeep.log_in_due()

    assert AutomaticLogin.objects.get().tries == 1
    assert "refused" in AutomaticLogin.objects.get().stopped_why


def test_a_code_is_used_once(allowed):
    first = ways_in.next_code(ways_in.fresh(allowed))
    began = time.monotonic()
    second = ways_in.next_code(ways_in.fresh(allowed))

    assert first != second
    assert time.monotonic() - began < 31


@pytest.mark.django_db(transaction=True)
def test_fifty_workers_that_miss_a_session_log_in_once(allowed, exchange):  # noqa: F811
    before = logins_at(exchange)
    generations = []

    def work():
        try:
            generations.append(ways_in.ensure(stored()).generation)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(50)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert generations == [1] * 50
    assert logins_at(exchange) - before == 1
    assert AuditEvent.objects.filter(what="account.logged_in").count() == 1


def logins_at(running):
    """Count the sessions that the exchange made, by its own journal."""
    return (running.home / "journal").read_bytes().count(b"session.create")


@pytest.mark.parametrize(
    ("hour", "is_due"),
    [("07:59", False), ("08:00", True), ("15:29", True), ("23:31", False)],
)
def test_it_logs_in_between_the_flush_and_the_close(allowed, hour, is_due):
    at = timezone.localtime().replace(hour=int(hour[:2]), minute=int(hour[3:]), second=0)

    assert upkeep.is_hour_to_log_in(allowed, at) is is_due


def end_in(**later):
    """Let the session end then, whatever the hour of this run is."""
    LoginSession.objects.update(expires_at=timezone.now() + timedelta(**later))


def test_a_session_is_renewed_before_its_end_where_the_broker_gave_the_means(account, opened):
    token = request_token(account, opened)
    ways_in.by_request_token(account, token)
    end_in(hours=5)
    session = stored().session
    assert not upkeep.refresh(ways_in.fresh(account))  # its end is far away
    with time_machine.travel(session.expires_at - timedelta(minutes=20)):
        upkeep.renew_all()
    assert stored().session.generation == session.generation + 1
    assert logins.end(stored(), "logged out", generation=session.generation + 1)
    assert stored().session.refresh_token is None


# Reminders -----------------------------------------------------------------------------------


def test_people_are_asked_once_a_day_for_what_only_they_can_do(account, asha, settings):
    settings.MAIL_SERVER = "mail.example.in"
    day = timezone.localtime().replace(hour=8, minute=29)
    with time_machine.travel(day):
        assert upkeep.remind() == 0
    with time_machine.travel(day + timedelta(minutes=2)):
        assert (upkeep.remind(), upkeep.remind()) == (1, 0)
    with time_machine.travel(day + timedelta(days=1, minutes=2)):
        assert upkeep.remind() == 1

    assert [message.to for message in mail.outbox] == [[asha.email]] * 2
    assert "/accounts/anita-rao/login/" in mail.outbox[0].body


# Commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "asked"),
    [
        ("2026-11-20 08:31", 1),  # a Friday
        ("2026-11-20 15:31", 0),  # whoever logs out in the evening is not asked back in
        ("2026-11-21 08:31", 0),  # no market opens on a Saturday
    ],
)
def test_people_are_asked_only_where_a_market_will_open(account, moment, asked):
    BrokerAccount.objects.update(environment="live")
    at = datetime.fromisoformat(moment).replace(tzinfo=IST)

    with time_machine.travel(at):
        assert upkeep.remind() == asked


def test_a_paper_account_cannot_reach_a_live_host(account):
    access = Access(environment="paper", api_key="k", root="https://api.kite.trade")

    with pytest.raises(Exception, match="real broker"):
        kind("kite").make(access)


def test_the_state_of_a_trip_tells_nothing_to_who_cannot_sign(account, asha):
    state = hand_off.begin(account, asha)
    with pytest.raises(hand_off.HandOffRefused):
        hand_off.read(state[:-2] + ("aa" if not state.endswith("aa") else "bb"))
