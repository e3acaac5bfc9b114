"""Guessing waits: a person, an address, every kind of guess; and without Redis nobody guesses at all."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import throttle
from tests.accounts.conftest import PASSWORD, code, log_in

pytestmark = pytest.mark.django_db


def test_the_sixth_wrong_try_waits_and_is_told_how_long(client, asha):
    for _ in range(5):
        assert log_in(client, password="wrong").status_code == 422

    answer = log_in(client)  # even the right password waits now

    assert answer.status_code == 429
    assert 290 <= int(answer["Retry-After"]) <= 300
    assert "Too many tries. Try again in" in answer.content.decode()
    assert client.get("/").status_code == 302


def test_after_five_minutes_the_person_may_try_again(client, asha):
    for _ in range(5):
        log_in(client, password="wrong")

    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1)):
        assert log_in(client).status_code == 302


def test_fifty_addresses_do_not_get_more_tries_at_one_person(asha):
    answers = [
        log_in(Client(REMOTE_ADDR=f"203.0.113.{number}"), password="wrong").status_code
        for number in range(50)
    ]

    assert answers == [422] * 5 + [429] * 45


def test_one_address_does_not_get_to_try_everybody(client, settings):
    settings.TRIES_PER_ADDRESS = 7
    answers = [log_in(client, f"p{number}@example.com", "x").status_code for number in range(9)]

    assert answers == [422] * 7 + [429] * 2
    assert log_in(Client(REMOTE_ADDR="203.0.113.9"), "p1@example.com", "x").status_code == 422


def test_being_right_costs_nothing(asha):
    for _ in range(8):
        assert log_in(Client()).status_code == 302


def test_codes_are_guessed_no_faster(client, guarded):
    log_in(client, guarded.email)
    for _ in range(5):
        assert client.post("/login/code/", {"code": "000000"}).status_code == 422

    assert client.post("/login/code/", {"code": code()}).status_code == 429


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/me/again/", {"password": "wrong"}),
        ("/me/again/code/", {"code": "12345678"}),
        ("/me/password/", {"oldpassword": "wrong", "password1": "x", "password2": "x"}),
    ],
)
def test_proving_oneself_again_is_limited_too(enter, guarded, path, wrong):
    client = enter(guarded, recently=False)
    answers = [client.post(path, wrong).status_code for _ in range(6)]

    assert answers == [422] * 5 + [429]


def test_the_first_code_of_an_app_is_limited_too(enter, asha):
    client = enter(asha)
    client.get("/me/second-factor/app/")
    answers = [
        client.post("/me/second-factor/app/", {"code": "000000"}).status_code for _ in range(6)
    ]

    assert answers == [422] * 5 + [429]


def test_links_for_resets_are_asked_for_five_times_and_that_does_not_stop_a_log_in(client, asha):
    answers = [client.post("/login/reset/", {"email": asha.email}).status_code for _ in range(6)]

    assert answers == [302] * 5 + [429]
    assert log_in(client).status_code == 302


def test_links_are_not_guessed(client, settings):
    settings.TRIES_PER_ADDRESS = 3
    answers = [client.get(f"/login/invite/guess-{number}/").status_code for number in range(5)]

    assert answers == [404] * 3 + [429] * 2


def test_parallel_guesses_do_not_slip_through(rf):
    request = rf.post("/login/")

    def guess(_):
        try:
            throttle.count(request, person="asha@example.com")
        except throttle.TooManyTries:
            return 0
        return 1

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(guess, range(30))) == 5
    connection.close()


def test_no_address_of_a_person_stands_in_redis(client, asha):
    log_in(client, password="wrong")

    from tradedesk import pulse

    with pulse.connection() as redis:
        keys = " ".join(redis.keys("*"))
    assert "tries:guess:person" in keys
    assert "asha" not in keys


@pytest.mark.parametrize("path", ["/login/", "/login/passkey/", "/login/reset/"])
def test_without_redis_logging_in_is_an_outage_never_a_door(client, asha, settings, path):
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    client.raise_request_exception = False
    sent = {"login": asha.email, "password": PASSWORD, "email": asha.email, "credential": "[1]"}

    answer = client.post(path, sent)

    assert answer.status_code == 503
    assert client.get("/").status_code == 302


def test_the_log_in_page_says_so_before_somebody_types_a_password(client, settings):
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    client.raise_request_exception = False

    assert client.get("/login/").status_code == 503


@pytest.mark.parametrize(("seconds", "words"), [(1, "1 second"), (60, "1 minute"), (125, "2 minutes and 5 seconds")])  # fmt: skip
def test_the_wait_is_told_in_words(seconds, words):
    assert throttle.in_words(seconds) == words


@pytest.mark.slow
def test_the_time_does_not_tell_who_is_here(settings, asha):
    settings.TRIES_PER_PERSON = settings.TRIES_PER_ADDRESS = 10_000

    def took(email):
        began = time.perf_counter()
        log_in(Client(), email, "wrong")
        return time.perf_counter() - began

    log_in(Client(), "warm@example.com", "wrong")
    known, unknown = [], []
    for number in range(100):
        known.append(took(asha.email))
        unknown.append(took(f"nobody{number}@example.com"))

    assert statistics.median(known) == pytest.approx(statistics.median(unknown), rel=0.1)
