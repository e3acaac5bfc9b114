"""Logging in and out: what works, what is refused, and that nothing tells who is here."""

import pytest
from django.test import Client

from accounts.models import AuditEvent, Session, User
from accounts.sessions import hashed
from tests.accounts.conftest import PASSWORD, log_in

pytestmark = pytest.mark.django_db


def test_the_log_in_page_stands_at_its_address_without_a_redirect(client):
    answer = client.get("/login/")

    assert answer.status_code == 200
    assert answer.templates[0].origin.name.endswith("templates/account/login.html")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("host", "offered"),
    [("localhost:8000", True), ("127.0.0.1:8000", False), ("[::1]:8000", False)],
)
def test_a_passkey_is_offered_only_where_browsers_allow_one(client, host, offered):
    html = client.get("/login/", headers={"Host": host}).content.decode()

    assert ("Log in with a passkey" in html) is offered
    assert ("http://localhost:8000/" in html) is not offered  # where one would work


def test_the_right_password_lets_in_and_is_recorded(client, asha):
    answer = log_in(client)

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert AuditEvent.objects.get(what="login").actor == asha.email
    assert client.get("/").status_code == 200


def test_capitals_in_the_address_do_not_matter(client, asha):
    assert log_in(client, " Asha@Example.COM ").status_code == 302


@pytest.mark.parametrize("email", ["asha@example.com", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_words(client, asha, email):
    answer = log_in(client, email, "wrong")

    assert answer.status_code == 422
    assert "The e-mail or the password is not right." in answer.content.decode()
    assert AuditEvent.objects.get(what="login.wrong").actor == ""


def test_it_leads_on_to_where_the_person_wanted_to_go_but_never_elsewhere(client, asha):
    assert log_in(client, next="/me/")["Location"] == "/me/"
    for elsewhere in ("https://evil.example/", "//evil.example/", "http://localhost:9/"):
        assert log_in(Client(), next=elsewhere)["Location"] == "/"


def test_who_was_switched_off_is_told_so_after_the_right_password_only(client, asha):
    User.objects.filter(pk=asha.pk).update(is_active=False)

    assert log_in(client, password="wrong").status_code == 422
    assert log_in(client)["Location"] == "/login/deactivated/"
    assert client.get("/login/deactivated/").status_code == 403
    assert client.get("/").status_code == 302


def test_logging_out_needs_a_post_and_ends_the_session_on_the_server(client, asha):
    log_in(client)
    key = client.session.session_key

    assert client.get("/logout/").status_code == 200
    assert client.get("/").status_code == 200
    assert client.post("/logout/")["Location"] == "/login/"
    assert not Session.objects.filter(session_key=hashed(key)).exists()
    client.cookies["sessionid"] = key
    assert client.get("/").status_code == 302


def test_the_key_changes_at_log_in_so_that_nobody_can_plant_one(client, asha):
    client.get("/login/passkey/", headers={"Accept": "application/json"})
    planted = client.session.session_key

    log_in(client)

    assert planted
    assert client.session.session_key != planted
    assert not Session.objects.filter(session_key=hashed(planted)).exists()


@pytest.mark.parametrize(
    "path", ["/signup/", "/login/signup/", "/accounts/signup/", "/accounts/login/", "/me/email/"]
)
def test_there_is_no_sign_up_and_nothing_of_the_library_elsewhere(client, path):
    assert client.get(path).status_code == 404
    assert client.post(path, {"email": "new@example.com"}).status_code == 404


def test_a_panel_of_somebody_logged_out_sends_the_whole_page_to_the_log_in(client):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/me/?tab=1"}

    answer = client.get("/", headers=headers)

    assert answer["HX-Redirect"] == "/login/?next=%2Fme%2F%3Ftab%3D1"


def test_a_forged_form_is_refused(asha):
    strict = Client(enforce_csrf_checks=True)

    for path in ("/login/", "/login/reset/", "/login/passkey/", "/logout/"):
        assert strict.post(path, {}).status_code == 403


@pytest.mark.parametrize("length", [12, 4096])
def test_long_passwords_work(client, length):
    secret = ("sturdy-" * 600)[:length]
    User.objects.create_user("long@example.com", secret)

    assert log_in(client, "long@example.com", secret).status_code == 302


def test_a_password_of_a_megabyte_is_refused_before_any_work(client, asha):
    answer = log_in(client, password="x" * 1_000_000)

    assert answer.status_code == 422
    assert not AuditEvent.objects.exists()


def test_passwords_are_kept_with_argon2(db):
    assert User.objects.create_user("a@example.com", PASSWORD).password.startswith("argon2$")


@pytest.mark.parametrize("address", ["http://[", "http://elsewhere.example/me/", "\x01", ""])
def test_a_panel_that_lies_about_its_page_leads_to_the_dashboard(client, address):
    answer = client.get("/me/", headers={"HX-Request": "true", "HX-Current-URL": address})

    assert answer["HX-Redirect"] == "/login/?next=%2F"


def test_a_panel_that_needs_a_fresh_proof_sends_the_whole_page_there_and_back(enter, make_person):
    staff = make_person("staff@example.com", is_staff=True)
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/?tab=1"}

    answer = enter(staff, recently=False).post("/me/people/", headers=headers)

    assert answer["HX-Redirect"] == "/me/again/?next=%2F%3Ftab%3D1"
