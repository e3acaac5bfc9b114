"""The pages of the frame: who sees them, what they say, what they keep."""

import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import Client, RequestFactory

from accounts.models import User
from tradedesk import shell
from tradedesk.models import Failure

pytestmark = pytest.mark.django_db
PASSWORD = "a long and quiet password"


@pytest.fixture
def trader():
    return User.objects.create_user("trader@example.com", PASSWORD, name="Vikram Rao")


@pytest.fixture
def owner():
    return User.objects.create_superuser("owner@example.com", PASSWORD, name="Anita Rao")


@pytest.fixture
def enter():
    """Be logged in as somebody."""

    def entered(person, **options):
        client = Client(**options)
        client.force_login(person)
        return client

    return entered


def fail(kind="ValueError", request_id="c4188eeccafd8c47", **facts):
    return Failure.objects.create(
        fingerprint=kind, kind=kind, place="GET /", request_id=request_id, **facts
    )


@pytest.mark.parametrize("path", ["/", "/errors/", "/style/", "/_panel/parts/"])
def test_a_stranger_is_sent_to_the_log_in(client, path):
    answer = client.get(path)

    assert answer.status_code == 302
    assert answer["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize("path", ["/errors/", "/style/", "/_panel/parts/"])
def test_pages_of_the_staff_do_not_exist_for_others(enter, trader, path):
    assert enter(trader).get(path).status_code == 404


def test_the_dashboard_is_honest_about_what_cannot_be_done_yet(enter, trader):
    html = enter(trader).get("/").content.decode()

    assert "It has no account yet" in html
    assert "Placing orders comes" in html
    assert "Set up a second factor" in html
    assert "The desk&#x27;s parts" not in html
    assert 'id="parts"' not in html


def test_the_owner_sees_how_the_parts_are(enter, owner):
    client = enter(owner)

    assert 'hx-get="/_panel/parts/"' in client.get("/").content.decode()
    panel = client.get("/_panel/parts/").content.decode()

    assert "Postgres" in panel
    assert 'hx-trigger="every 15s"' in panel
    assert "<html" not in panel


def test_the_style_page_shows_every_component(enter, owner):
    html = enter(owner).get("/style/").content.decode()

    for state in ("SENDING", "TRIGGER PENDING", "PARTIAL", "COMPLETE", "REJECTED", "UNKNOWN"):
        assert state in html
    for part in ("skeleton", "is-stale", "error-summary", "is-refreshing", "Kill switch is on"):
        assert part in html


def test_no_errors_is_good_news(enter, owner):
    html = enter(owner).get("/errors/").content.decode()

    assert "No unhandled errors." in html
    assert "<table" not in html


def test_an_error_is_listed_with_all_that_an_operator_needs(enter, owner):
    fail(count=1500, message="tick <size>", traceback="File broken.py, line 1")

    html = enter(owner).get("/errors/").content.decode()

    assert "ValueError" in html
    assert "1,500" in html
    assert "c4188eeccafd8c47" in html
    assert "tick &lt;size&gt;" in html
    assert "File broken.py, line 1" in html
    assert "<details" in html


def test_an_error_is_found_by_the_number_that_a_person_saw(enter, owner):
    fail("ValueError", "aaaa11112222")
    fail("KeyError", "bbbb33334444")

    html = enter(owner).get("/errors/", {"request_id": " bbbb33334444 "}).content.decode()

    assert "KeyError" in html
    assert "ValueError" not in html
    assert re.search(r"<details[^>]*\sopen", html)


def test_a_number_that_nobody_saw_is_told_plainly(enter, owner):
    fail()

    html = enter(owner).get("/errors/", {"request_id": "nothing<b>"}).content.decode()

    assert "No error has this number." in html
    assert "nothing<b>" not in html


@pytest.mark.parametrize(
    ("sent", "theme", "density"),
    [
        ({"theme": "dark"}, "dark", "compact"),
        ({"density": "dense"}, "system", "dense"),
        ({"theme": "light", "density": "comfortable"}, "light", "comfortable"),
    ],
)
def test_the_appearance_is_kept(enter, trader, sent, theme, density):
    answer = enter(trader).post("/me/appearance/", sent, headers={"X-Requested-With": "fetch"})

    trader.refresh_from_db()
    assert answer.status_code == 204
    assert (trader.theme, trader.density) == (theme, density)


def test_the_appearance_is_in_the_page_before_any_script(enter, trader):
    client = enter(trader)
    client.post("/me/appearance/", {"theme": "dark", "density": "dense"})

    html = client.get("/").content.decode()

    assert re.search(r'<html[^>]*data-theme="dark"[^>]*data-density="dense"', html)


@pytest.mark.parametrize(
    ("referer", "target"),
    [
        ("http://testserver/errors/", "http://testserver/errors/"),
        ("http://elsewhere.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_without_scripts_one_returns_to_the_page_one_was_on(enter, trader, referer, target):
    answer = enter(trader).post("/me/appearance/", {"theme": "dark"}, headers={"Referer": referer})

    assert answer.status_code == 302
    assert answer["Location"] == target


@pytest.mark.parametrize("sent", [{"theme": "pink"}, {"density": "<b>"}])
def test_an_unknown_appearance_is_refused(enter, trader, sent):
    answer = enter(trader).post("/me/appearance/", sent)

    trader.refresh_from_db()
    assert answer.status_code == 422
    assert (trader.theme, trader.density) == ("system", "compact")


def test_the_appearance_needs_a_token_a_post_and_somebody(enter, trader, client):
    checked = enter(trader, enforce_csrf_checks=True)

    assert checked.post("/me/appearance/", {"theme": "dark"}).status_code == 403
    assert checked.get("/me/appearance/").status_code == 405
    assert client.post("/me/appearance/", {"theme": "dark"}).status_code == 302


def test_the_frame_knows_when_the_session_ends(enter, trader, settings):
    settings.SESSION_IDLE_MINUTES = 30

    html = enter(trader).get("/").content.decode()

    assert 'data-session-ends="1800"' in html


def test_a_request_without_a_person_gets_the_plain_frame():
    request = RequestFactory().get("/")
    request.user = AnonymousUser()

    facts = shell.shell(request)

    assert facts["theme"] == "system"
    assert "places" not in facts


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Anita Rao", "AR"), ("anita.rao@example.com", "AR"), ("anita@example.com", "AN"), ("A", "A")],
)
def test_a_person_is_two_letters(name, letters):
    assert shell.initials(name) == letters


def test_the_navigation_holds_only_what_works(enter, trader):
    client = enter(trader)

    for place in shell.PLACES:
        assert client.get(place.href).status_code == 200
    assert len({place.key for place in shell.PLACES}) == len(shell.PLACES)


def test_messages_come_as_toasts(enter, trader, rf):
    html = render_to_string("partials/_toast.html", {"level": "warning", "text": "<b>Look</b>"})

    assert 'class="toast is-warning"' in html
    assert "&lt;b&gt;Look&lt;/b&gt;" in html


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_the_page_of_an_error_needs_nothing(status, django_assert_num_queries):
    facts = {"title": "It broke", "advice": "Try again.", "status": status, "request_id": "abc"}

    with django_assert_num_queries(0):
        html = render_to_string("error.html", facts)

    assert "It broke" in html
    assert "Try again." in html
    assert "abc" in html
    assert ('http-equiv="refresh"' in html) == (status == 503)
    assert "<script" not in html


def test_the_mark_is_found_where_browsers_look_for_it(client):
    answer = client.get("/favicon.ico")

    assert answer["Location"] == "/static/icon.svg"
