"""Sessions: hashed in the database, ended by the clock and by what happens, seen and ended by their person."""

import logging
from datetime import timedelta

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.conf import settings as configured
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import passwords
from accounts.models import AuditEvent, Session, User
from accounts.sessions import SessionStore, hashed, is_alive
from accounts.tasks import end_old_sessions_task
from tests.accounts.conftest import PASSWORD, log_in

pytestmark = pytest.mark.django_db
NEW = "another long and quiet password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def rows():
    with connection.cursor() as cursor:
        cursor.execute("select row_to_json(s)::text from accounts_session s")
        return " ".join(row[0] for row in cursor.fetchall())


def key_hash(client):
    return hashed(client.session.session_key)


def key_of(store):
    assert store.session_key
    return store.session_key


def sync_life():
    store = SessionStore()
    store["a"] = 1
    store.create()
    keys = [key_of(store)]
    store.save()
    assert store.exists(keys[0])
    assert SessionStore(keys[0])["a"] == 1
    store.cycle_key()
    keys.append(key_of(store))
    assert not store.exists(keys[0])
    again = SessionStore(keys[1])
    again["b"] = 2
    again.save()
    assert SessionStore(keys[1])["b"] == 2
    kept = rows()
    store.flush()
    assert not store.exists(keys[1])
    return keys, kept


async def async_life():
    from asgiref.sync import sync_to_async

    store = SessionStore()
    await store.aset("a", 1)
    await store.acreate()
    keys = [key_of(store)]
    await store.asave()
    assert await store.aexists(keys[0])
    assert await SessionStore(keys[0]).aget("a") == 1
    await store.acycle_key()
    keys.append(key_of(store))
    assert not await store.aexists(keys[0])
    assert (await store.acreate_model_instance({})).session_key == hashed(keys[1])
    assert await SessionStore(keys[1])._aget_session_from_db() is not None
    kept = await sync_to_async(rows)()
    await store.aflush()
    assert not await store.aexists(keys[1])
    await SessionStore.aclear_expired()
    return keys, kept


@pytest.mark.parametrize("life", [sync_life, async_to_sync(async_life)], ids=["sync", "async"])
def test_no_way_through_the_store_writes_a_key_in_clear(life, caplog):
    caplog.set_level(logging.DEBUG)

    keys, kept = life()

    assert len(set(keys)) == 2
    for key in keys:
        assert key not in kept
        assert key not in caplog.text
    assert hashed(keys[1]) in kept


def test_every_method_that_touches_the_key_is_ours():
    from django.contrib.sessions.backends import db

    ours = vars(SessionStore)
    for name in vars(db.SessionStore):
        if name.startswith("__") or name in {"load", "create", "save", "model"}:
            continue  # these call the others
        assert name in ours, name


def test_the_hash_from_the_table_opens_nothing(enter, asha):
    client = enter(asha)
    thief = Client()
    thief.cookies[configured.SESSION_COOKIE_NAME] = key_hash(client)

    assert thief.get("/").status_code == 302


def test_thirty_idle_minutes_end_it(enter, asha):
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client = enter(asha)
        clock.move_to(began + timedelta(minutes=29, seconds=59))
        assert client.get("/").status_code == 200
        clock.shift(timedelta(minutes=29, seconds=59))
        assert client.get("/").status_code == 200
        clock.shift(timedelta(minutes=30, seconds=1))
        assert client.get("/").status_code == 302


def test_what_a_page_asks_by_itself_is_nobody_being_there(enter, asha):
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client = enter(asha)
        clock.shift(timedelta(minutes=20))
        assert client.get("/me/", headers={"X-Background": "1"}).status_code == 200
        clock.shift(timedelta(minutes=10, seconds=1))
        assert client.get("/").status_code == 302


def test_a_page_that_asks_with_the_old_key_does_not_lose_the_new_one(enter, asha):
    client = enter(asha)
    client.session.cycle_key()
    client.cookies[configured.SESSION_COOKIE_NAME] = "the key of a moment ago"

    by_itself = client.get("/me/", headers={"X-Background": "1"})
    by_hand = client.get("/me/")

    assert by_itself.status_code == by_hand.status_code == 302
    assert configured.SESSION_COOKIE_NAME not in by_itself.cookies
    assert by_hand.cookies[configured.SESSION_COOKIE_NAME]["max-age"] == 0


def test_twelve_hours_end_it_however_busy_and_whatever_key(enter, asha):
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client = enter(asha)
        for minutes in range(20, 720, 20):
            clock.move_to(began + timedelta(minutes=minutes))
            assert client.get("/").status_code == 200
            session = client.session
            session.cycle_key()
            session.save()
            client.cookies[configured.SESSION_COOKIE_NAME] = session.session_key
        clock.move_to(began + timedelta(hours=12, seconds=1))
        assert client.get("/").status_code == 302


def test_being_seen_is_written_at_most_once_a_minute(enter, asha):
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client = enter(asha)
        clock.shift(timedelta(seconds=59))
        client.get("/")
        assert Session.objects.get(user=asha).seen_at == began
        clock.shift(timedelta(seconds=2))
        client.get("/")
        assert Session.objects.get(user=asha).seen_at == began + timedelta(seconds=61)


def test_one_press_stays(enter, asha):
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        client = enter(asha)
        clock.shift(timedelta(minutes=29))
        answer = client.post("/me/stay/")
        assert (answer.status_code, answer["X-Session-Ends"]) == (204, "1800")
        clock.shift(timedelta(minutes=29))
        page = client.get("/")
        assert 'data-session-ends="1800"' in page.content.decode()


def test_old_sessions_are_swept_away(enter, asha):
    enter(asha)
    with time_machine.travel(timezone.now() + timedelta(hours=13)):
        end_old_sessions_task()

    assert not Session.objects.exists()


def test_the_list_names_browsers_and_this_one(enter, asha):
    client = enter(asha)
    enter(asha)
    Session.objects.filter(session_key=key_hash(client)).update(
        browser=FIREFOX, address="203.0.113.7"
    )

    html = client.get("/me/sessions/").content.decode()

    assert "Firefox on Linux" in html
    assert "203.0.113.7" in html
    assert html.count("This one") == 1
    assert key_hash(client) not in html


def test_a_log_in_keeps_where_it_came_from(asha):
    client = Client(headers={"User-Agent": FIREFOX}, REMOTE_ADDR="203.0.113.7")
    log_in(client)

    row = Session.objects.get(user=asha)

    assert (row.device, row.address) == ("Firefox on Linux", "203.0.113.7")


def test_ending_one_and_ending_the_others(enter, asha):
    here, there, third = enter(asha), enter(asha), enter(asha)
    row = Session.objects.get(session_key=key_hash(there))

    assert here.post(f"/me/sessions/{row.public_id}/end/").status_code == 302
    assert there.get("/").status_code == 302
    assert third.get("/").status_code == 200

    here.post("/me/sessions/end-others/")
    assert third.get("/").status_code == 302
    assert here.get("/").status_code == 200
    assert {"session.ended", "session.others-ended"} <= set(
        AuditEvent.objects.values_list("what", flat=True)
    )


def test_somebody_elses_session_is_not_there(enter, asha, stranger):
    theirs = enter(stranger)
    row = Session.objects.get(user=stranger)

    assert enter(asha).post(f"/me/sessions/{row.public_id}/end/").status_code == 404
    assert theirs.get("/").status_code == 200


def test_changing_the_password_ends_the_others_and_renews_this_one(enter, asha):
    here, there = enter(asha), enter(asha)
    old = here.session.session_key

    answer = here.post(
        "/me/password/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    )

    assert answer["Location"] == "/me/"
    assert here.get("/").status_code == 200
    assert here.session.session_key != old
    assert there.get("/").status_code == 302
    assert Session.objects.filter(user=asha).count() == 1
    assert User.objects.get(pk=asha.pk).check_password(NEW)


@pytest.mark.parametrize("weak", ["short", "password1234", "asha@example.com", "administrator"])
def test_a_weak_password_is_refused(enter, asha, weak):
    answer = enter(asha).post(
        "/me/password/", {"oldpassword": PASSWORD, "password1": weak, "password2": weak}
    )

    assert answer.status_code == 422


def test_the_old_password_is_asked_for(enter, asha):
    answer = enter(asha).post(
        "/me/password/", {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    )

    assert answer.status_code == 422
    assert "This is not your current password." in answer.content.decode()


@pytest.mark.parametrize("how", ["product", "command", "deactivated", "update"])
def test_whoever_decides_it_and_wherever_the_sessions_end(enter, asha, how, monkeypatch):
    client = enter(asha)
    row_hash = key_hash(client)
    assert is_alive(row_hash)

    if how == "product":
        passwords.set_password(asha, NEW)
    elif how == "command":
        monkeypatch.setattr("getpass.getpass", lambda **options: NEW)
        call_command("changepassword", asha.email, verbosity=0)
    elif how == "deactivated":
        asha.is_active = False
        asha.save()
    else:
        User.objects.filter(pk=asha.pk).update(is_active=False)

    assert not is_alive(row_hash)
    assert client.get("/").status_code == 302


def test_a_socket_of_a_session_without_its_factor_does_not_stand(enter, guarded, asha, settings):
    assert is_alive(key_hash(enter(guarded)))
    assert not is_alive(key_hash(enter(guarded, proven=False)))
    client = enter(asha)
    settings.REQUIRE_SECOND_FACTOR = True
    assert not is_alive(key_hash(client))


def test_hashing_an_unchanged_password_anew_ends_nothing(enter, asha):
    client = enter(asha)
    User.objects.filter(pk=asha.pk).update(
        password="argon2$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$x"
    )
    asha.refresh_from_db()
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    asha.password = f"argon2{weak}"
    asha.save()
    enter(asha)
    before = Session.objects.filter(user=asha).count()

    assert asha.check_password(PASSWORD)  # hashes it anew and stores that

    assert Session.objects.filter(user=asha).count() == before
    assert client.get("/").status_code == 302  # the hash in its session is of the old one


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/126 Safari/537 Edg/126", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/130 Mobile Safari/537", "Chrome on Android"),
        ("curl/8", "A browser"),
    ],
)  # fmt: skip
def test_devices_have_names(agent, device):
    assert Session(browser=agent).device == device
