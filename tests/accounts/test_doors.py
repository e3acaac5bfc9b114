"""Resets and invitations: links that work once, tell nothing, and skip nothing."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import invitations, passwords
from accounts.models import AuditEvent, Invitation, User
from accounts.tasks import mail_reset_link_task
from tests.accounts.conftest import log_in
from tradedesk.logs import scrub

pytestmark = pytest.mark.django_db
NEW = {"password1": "another long and quiet one", "password2": "another long and quiet one"}


def path_of(link):
    return re.sub(r"^https?://[^/]+", "", link)


@pytest.fixture
def link(asha):
    return path_of(passwords.reset_link(asha))


def test_a_reset_link_works_once_and_ends_every_session(client, asha, enter):
    inside = enter(asha)
    link = path_of(passwords.reset_link(asha))
    page = client.get(link)
    assert (page.status_code, "no-store" in page["Cache-Control"]) == (200, True)

    assert client.post(link, NEW)["Location"] == "/login/"

    assert inside.get("/").status_code == 302
    assert client.get("/").status_code == 302  # it does not log in
    assert client.get(link).status_code == 404
    assert log_in(client, password=NEW["password1"]).status_code == 302


def test_it_runs_out_after_an_hour_and_when_its_person_logs_in(client, asha, link):
    with time_machine.travel(time.time() + 61 * 60):
        assert client.get(link).status_code == 404
    assert client.get(link).status_code == 200
    log_in(Client())
    assert client.get(link).status_code == 404


def test_it_never_goes_round_the_second_factor(client, guarded):
    link = path_of(passwords.reset_link(guarded))
    client.post(link, NEW)

    assert log_in(client, guarded.email, NEW["password1"])["Location"] == "/login/code/"
    assert client.get("/").status_code == 302


def test_a_weak_new_password_is_refused(client, link):
    assert client.post(link, {"password1": "short", "password2": "short"}).status_code == 422
    assert client.post(link, {**NEW, "password2": "different"}).status_code == 422
    assert client.get(link).status_code == 200


@pytest.mark.parametrize("wrong", ["1-abc-def", "zzzzzzzzzzzzz-abc-def", "1-cz0000-0000"])
def test_a_made_up_link_does_not_work(client, asha, wrong):
    assert client.get(f"/login/reset/{wrong}/").status_code == 404


def test_asking_for_a_link_tells_nobody_who_is_here(client, asha):
    answers = [
        client.post("/login/reset/", {"email": email}) for email in (asha.email, "no@example.com")
    ]

    assert [(one.status_code, one["Location"]) for one in answers] == [
        (302, "/login/reset/sent/")
    ] * 2
    assert client.get("/login/reset/sent/").status_code == 200


def test_without_a_mail_server_the_page_names_the_command(client):
    assert "manage.py reset_link" in client.get("/login/reset/").content.decode()


def test_with_one_the_link_is_mailed_to_its_person_only(client, asha, settings):
    settings.MAIL_SERVER = "mail.example.com"

    mail_reset_link_task("nobody@example.com", "http://localhost:8000/")
    mail_reset_link_task(asha.email.upper(), "http://localhost:8000/")

    (sent,) = mail.outbox
    assert sent.to == [asha.email]
    found = re.search(r"http://localhost:8000(/login/reset/\S+)", str(sent.body))
    assert found
    assert client.get(found[1]).status_code == 200


def test_links_are_hidden_from_logs(asha):
    for link in (passwords.reset_link(asha), invitations.invite("new@example.com")):
        secret = link.rstrip("/").rsplit("/", 1)[1]
        assert secret not in scrub(f'"GET {link} HTTP/1.1" 200')


def test_the_command_prints_a_link_for_somebody_here(client, asha, capsys):
    call_command("reset_link", asha.email, "--json", "--url", "https://desk.example.in/")

    said = json.loads(capsys.readouterr().out)
    assert said["link"].startswith("https://desk.example.in/login/reset/")
    assert client.get(path_of(said["link"])).status_code == 200
    assert AuditEvent.objects.get().what == "password.reset-link"
    with pytest.raises(CommandError, match="nobody here"):
        call_command("reset_link", "nobody@example.com")


def test_no_link_is_made_for_somebody_who_may_not_log_in(asha):
    asha.is_active = False
    asha.save()

    with pytest.raises(CommandError, match="may not log in"):
        call_command("reset_link", asha.email)


@pytest.mark.parametrize("url", ["desk.example.in", "/x/", "javascript:1", "https://"])
@pytest.mark.parametrize("command", ["invite", "reset_link"])
def test_a_link_begins_with_a_whole_address(asha, command, url):
    with pytest.raises(CommandError, match="write it like"):
        call_command(command, asha.email, "--url", url)


def accept(client, link, name="Ravi"):
    return client.post(path_of(link), {"name": name, **NEW})


def test_an_invited_person_chooses_a_name_and_a_password_once(client):
    link = invitations.invite("Ravi@Example.com")
    assert "ravi@example.com" in client.get(path_of(link)).content.decode()

    assert accept(client, link)["Location"] == "/login/"

    ravi = User.objects.get()
    assert (ravi.email, ravi.name, ravi.is_staff) == ("ravi@example.com", "Ravi", False)
    assert accept(client, link, "Again").status_code == 404
    assert log_in(client, ravi.email, NEW["password1"]).status_code == 302


@pytest.mark.parametrize(("length", "status"), [(4096, 302), (4097, 422), (1_000_000, 422)])
def test_a_new_password_may_be_long_but_not_endless(client, length, status):
    link = invitations.invite("ravi@example.com")
    long = ("sturdy-" * (length // 7 + 1))[:length]
    began = time.perf_counter()

    answer = client.post(path_of(link), {"name": "Ravi", "password1": long, "password2": long})

    assert answer.status_code == status
    assert time.perf_counter() - began < 5


def test_only_a_hash_of_the_link_is_kept(db):
    token = invitations.invite("ravi@example.com").rstrip("/").rsplit("/", 1)[1]

    assert Invitation.objects.get().token_hash == invitations.hashed(token)
    assert token not in json.dumps(list(Invitation.objects.values()), default=str)


def test_invitations_run_out_and_a_newer_one_voids_the_older(client):
    first = invitations.invite("ravi@example.com")
    second = invitations.invite("ravi@example.com")
    assert client.get(path_of(first)).status_code == 404
    assert client.get(path_of(second)).status_code == 200

    with time_machine.travel(timezone.now() + timedelta(days=3, seconds=1)):
        assert client.get(path_of(second)).status_code == 404


def test_extra_fields_of_an_invitation_change_nothing(client):
    link = invitations.invite("ravi@example.com")

    client.post(
        path_of(link),
        {"name": "R", "email": "x@example.com", "is_staff": "on", "is_superuser": "1", **NEW},
    )

    ravi = User.objects.get()
    assert (ravi.email, ravi.is_staff, ravi.is_superuser) == ("ravi@example.com", False, False)


@pytest.mark.django_db(transaction=True)
def test_of_ten_who_accept_at_once_one_comes_in():
    token = invitations.invite("ravi@example.com").rstrip("/").rsplit("/", 1)[1]

    def come(number):
        try:
            return invitations.accept(token, name=str(number), password="a long enough one") is None
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        refused = sum(pool.map(come, range(10)))

    assert refused == 9
    assert User.objects.count() == 1


def test_staff_invite_on_a_page_that_shows_the_link_once(client, enter, make_person):
    owner = enter(make_person("owner@example.com", is_staff=True))

    page = owner.post("/me/people/", {"email": "ravi@example.com"})

    link = page.context["link"]
    assert link in page.content.decode()
    assert link.startswith("http://testserver/login/invite/")
    assert link not in owner.get("/me/people/").content.decode()
    assert accept(client, link).status_code == 302
    again = owner.post("/me/people/", {"email": "ravi@example.com"})
    assert again.status_code == 422
    assert "has a log-in already" in again.content.decode()


def test_others_do_not_see_that_page(enter, asha):
    client = enter(asha)

    assert client.get("/me/people/").status_code == 404
    assert client.post("/me/people/", {"email": "x@example.com"}).status_code == 404
    assert not Invitation.objects.exists()


def test_the_command_invites(client, capsys):
    call_command("invite", "ravi@example.com", "--json")
    said = json.loads(capsys.readouterr().out)

    assert client.get(path_of(said["link"])).status_code == 200
    assert said["mailed"] is False
    for wrong in ("no-address", User.objects.create_user("here@example.com", "x").email):
        with pytest.raises(CommandError):
            call_command("invite", wrong)
