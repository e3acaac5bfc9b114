"""The first owner, keys by command, the person's own page, and the administration."""

import json
import stat

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command
from django.core.validators import validate_email

from accounts import linking, people
from accounts.models import AuditEvent, Session, User
from tests.accounts.conftest import PASSWORD
from tradedesk.home import Home

pytestmark = pytest.mark.django_db
NEW = "another long and quiet password"


@pytest.fixture
def home(tmp_path, settings):
    settings.HOME = Home(tmp_path / "home")
    return settings.HOME


def test_a_new_desk_gets_an_owner_whose_password_only_they_can_read(home, capsys):
    call_command("first_owner")

    owner = User.objects.get()
    validate_email(owner.email)
    assert (owner.is_staff, owner.is_superuser) == (True, True)
    assert stat.S_IMODE(home.first_login.stat().st_mode) == 0o600
    facts = dict(line.split(": ", 1) for line in home.first_login.read_text().splitlines())
    assert facts["e-mail"] == owner.email
    assert len(facts["password"]) >= 20
    assert owner.check_password(facts["password"])
    said = capsys.readouterr().out
    assert str(home.first_login) in said
    assert facts["password"] not in said


def test_a_desk_with_people_gets_nobody(home, asha, capsys):
    call_command("first_owner")

    assert User.objects.count() == 1
    assert not home.first_login.exists()


@pytest.mark.django_db(transaction=True)
def test_the_file_goes_when_the_owner_changes_the_password(home, enter, make_person):
    made = people.make_first_owner()
    assert made
    other = make_person("other@example.com")
    enter(other).post(
        "/me/password/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    )
    assert home.first_login.exists()

    enter(User.objects.get(email=made["email"])).post(
        "/me/password/", {"oldpassword": made["password"], "password1": NEW, "password2": NEW}
    )

    assert not home.first_login.exists()


def people_database(name):
    from urllib.parse import quote

    facts = settings.DATABASES["default"]
    return f"postgres://{facts['USER']}@/{name}?host={quote(str(facts['HOST']), safe='')}"


def test_keys_are_made_for_production(capsys):
    call_command("make_key", "--json")

    keys = json.loads(capsys.readouterr().out)
    Fernet(keys["FIELD_ENCRYPTION_KEY"])
    assert len(keys["SECRET_KEY"]) >= 50


def test_createsuperuser_works_as_anywhere(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    call_command("createsuperuser", "--noinput", email="Boss@Example.com", verbosity=0)

    boss = User.objects.get(email="boss@example.com")
    assert boss.is_superuser
    assert boss.check_password(PASSWORD)


def test_a_person_changes_their_name_and_nothing_else(enter, asha):
    client = enter(asha)

    client.post("/me/", {"name": "Asha R", "email": "x@example.com", "is_staff": "on"})

    asha.refresh_from_db()
    assert (asha.name, asha.email, asha.is_staff) == ("Asha R", "asha@example.com", False)
    assert client.post("/me/", {"name": "x" * 81}).status_code == 422


# The administration


@pytest.fixture
def boss(make_person):
    return make_person("boss@example.com", factor=True, is_staff=True, is_superuser=True)


ADMIN = "/admin/"


def test_the_administration_has_no_log_in_of_its_own(client):
    answer = client.get(ADMIN, follow=True)

    assert answer.redirect_chain[-1][0] == "/login/?next=%2Fadmin%2F"
    posted = client.post(f"{ADMIN}login/", {"username": "boss@example.com", "password": PASSWORD})
    assert posted["Location"].startswith("/login/")


def test_it_does_not_exist_for_people_who_do_not_run_the_desk(enter, guarded):
    assert enter(guarded).get(ADMIN, follow=True).status_code == 404


def test_it_always_asks_for_a_second_factor_and_says_why(enter, make_person):
    client = enter(make_person("new@example.com", is_staff=True, is_superuser=True))

    answer = client.get(ADMIN, follow=True)

    assert answer.redirect_chain[-1][0] == "/me/second-factor/"
    assert "The administration asks for a second factor, always." in answer.content.decode()


@pytest.mark.parametrize(
    "table", ["accounts/user", "accounts/session", "accounts/invitation", "accounts/auditevent", "tradedesk/failure"]
)  # fmt: skip
def test_its_tables_open_and_show_no_secret(enter, boss, table):
    from accounts import invitations

    client = enter(boss)
    invitations.invite("ravi@example.com")

    html = client.get(f"{ADMIN}{table}/").content.decode()

    assert client.get(f"{ADMIN}{table}/").status_code == 200
    for secret in (boss.password, Session.objects.get().session_data):
        assert secret not in html


def test_it_has_no_table_of_factors_and_no_form_for_passwords(enter, boss):
    client = enter(boss)

    for path in ("mfa/authenticator/", "account/emailaddress/", "auth/group/"):
        assert client.get(f"{ADMIN}{path}").status_code == 404
    assert client.get(f"{ADMIN}accounts/user/{boss.pk}/password/").status_code != 200
    assert client.get(f"{ADMIN}password_change/")["Location"] == "/me/password/"
    page = client.get(f"{ADMIN}accounts/user/{boss.pk}/change/").content.decode()
    assert "argon2" not in page


def test_switching_somebody_off_logs_them_out_and_is_recorded(enter, boss, asha):
    inside = enter(asha)

    answer = enter(boss).post(f"{ADMIN}accounts/user/{asha.pk}/change/", {"name": "Asha"})

    assert answer.status_code == 302
    assert inside.get("/").status_code == 302
    event = AuditEvent.objects.get(what="person.changed")
    assert (event.before or {})["is_active"] is True
    assert (event.after or {})["is_active"] is False
    assert event.actor == boss.email


def test_a_new_role_holds_from_the_next_log_in(enter, boss, asha):
    inside = enter(asha)

    enter(boss).post(
        f"{ADMIN}accounts/user/{asha.pk}/change/",
        {"name": "Asha", "is_active": "on", "is_staff": "on"},
    )

    assert User.objects.get(pk=asha.pk).is_staff
    assert inside.get("/").status_code == 302


def test_nobody_changes_their_own_role(enter, boss):
    enter(boss).post(f"{ADMIN}accounts/user/{boss.pk}/change/", {"name": "Boss"})

    boss.refresh_from_db()
    assert (boss.name, boss.is_active, boss.is_superuser) == ("Boss", True, True)


def test_browsers_are_logged_out_from_there(enter, boss, asha):
    inside = enter(asha)
    row = Session.objects.get(user=asha)

    enter(boss).post(f"{ADMIN}accounts/session/", {"action": "end", "_selected_action": [row.pk]})

    assert inside.get("/").status_code == 302


@pytest.mark.parametrize(
    "back", ["nonsense", "%00", "me", "[]", "//elsewhere.example", "http://x/"]
)
def test_the_door_of_the_administration_bears_any_way_back(enter, make_person, back):
    owner = make_person("door@example.com", factor=True, is_staff=True, is_superuser=True)

    answer = enter(owner).get("/admin/login/", {"next": back})

    assert answer.status_code == 302
    assert "elsewhere" not in answer["Location"]


def test_a_letter_that_postgres_does_not_know_is_a_bad_request_not_a_breakdown(enter, make_person):
    owner = make_person("door@example.com", factor=True, is_staff=True, is_superuser=True)
    browser = enter(owner, raise_request_exception=False)

    account = linking.keep(
        owner=owner, broker="kite", environment="live", broker_user_id="AB1234", secrets={}
    )
    order = f"/a/{account.code}/orders/%00/"

    for address in ("/admin/accounts/auditevent/?what=%00", "/errors/?request_id=%00", order):
        assert browser.get(address).status_code == 400
