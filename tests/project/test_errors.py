"""When something breaks: a number for the person, a record for the operator, no secret in either."""

import logging

import pytest
import redis.exceptions
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.urls import path

from accounts.models import User
from tradedesk import errors
from tradedesk.logs import PlainFormatter
from tradedesk.models import Failure, FailureCase
from tradedesk.urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401

SECRET = "hunter2-Correct-Horse"


def break_down(request):
    access_token = SECRET
    raise ValueError(f"access_token={access_token} did not fit")


def lose_postgres(request):
    raise OperationalError("the connection is closed")


def lose_redis(request):
    raise redis.exceptions.ConnectionError("no such socket")


urlpatterns = [
    *urlpatterns,
    path("break/", break_down),
    path("no-postgres/", lose_postgres),
    path("no-redis/", lose_redis),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture
def visitor():
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("form", [{"login": "a\x00b"}, {"lo\x00gin": "a"}])
def test_a_nul_in_a_form_is_a_bad_request(visitor, form):
    answer = visitor.post("/login/", form)

    assert answer.status_code == 400
    assert "<h1" in answer.content.decode()


def test_an_unhandled_error_is_shown_with_its_number_and_kept_without_the_secret(visitor):
    answer = visitor.get("/break/")

    failure = Failure.objects.get()
    assert answer.status_code == 500
    assert failure.request_id == answer["X-Request-ID"]
    assert failure.request_id in answer.content.decode()
    assert failure.kind == "ValueError"
    assert failure.place == "GET /break/"
    assert "did not fit" in failure.traceback
    assert SECRET not in failure.traceback + failure.message + answer.content.decode()


def test_the_same_mistake_is_one_row_that_counts(visitor):
    visitor.get("/break/")
    last = visitor.get("/break/")

    failure = Failure.objects.get()
    assert failure.count == 2
    assert failure.request_id == last["X-Request-ID"]


@pytest.mark.parametrize("address", ["/no-postgres/", "/no-redis/"])
def test_a_server_that_is_away_is_503_and_not_a_mistake(visitor, address):
    answer = visitor.get(address)

    assert answer.status_code == 503
    assert answer["Retry-After"] == "3"
    assert "The desk is not ready" in answer.content.decode()
    assert not Failure.objects.exists()


def test_a_program_gets_json(visitor):
    answer = visitor.get("/break/", headers={"Accept": "application/json"})

    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer["X-Request-ID"]


def test_a_request_keeps_the_id_that_the_proxy_gave_it_unless_it_is_nonsense(visitor):
    assert (
        visitor.get("/healthz", headers={"X-Request-ID": "abc-12345"})["X-Request-ID"]
        == "abc-12345"
    )
    assert visitor.get("/healthz", headers={"X-Request-ID": "a\tb"})["X-Request-ID"] != "a\tb"


def test_a_task_that_breaks_is_recorded_too():
    try:
        break_down(None)
    except ValueError as error:
        errors.record(error, place="accounts.tasks.some_task", kind="task")

    assert Failure.objects.get().place == "accounts.tasks.some_task"


@pytest.mark.parametrize("status", errors.TITLES)
def test_every_error_page_says_what_happened_and_what_to_do_without_any_server(
    status, django_db_blocker
):
    with django_db_blocker.block():
        answer = errors.page(RequestFactory().get("/"), status)

    title, advice = errors.TITLES[status]
    assert answer.status_code == status
    assert title in answer.content.decode()
    assert advice in answer.content.decode()


def test_a_form_without_its_token_is_refused_with_a_way_on():
    strict = Client(enforce_csrf_checks=True)

    answer = strict.post("/login/", {"login": "a@b.in"})

    assert answer.status_code == 403
    assert "Reload the page" in answer.content.decode()


def test_the_log_of_an_outage_is_one_line_for_the_operator(visitor, caplog):
    with caplog.at_level(logging.WARNING, logger="tradedesk.errors"):
        visitor.get("/no-postgres/")

    assert "GET /no-postgres/: OperationalError is away: the connection is closed" in caplog.text


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/nothing/", "WARNING [{}] Not Found: /nothing/"),
        ("/login/reset/1-zz-11/", "WARNING [{}] Not Found: /login/reset/[hidden]/"),
        ("/break/", "ERROR [{}] Internal Server Error: /break/"),
        ("/readyz", "WARNING [{}] Service Unavailable: /readyz"),
    ],
)
def test_the_number_on_an_error_page_stands_in_the_log(visitor, caplog, address, said):
    caplog.handler.setFormatter(PlainFormatter("%(levelname)s%(request)s %(message)s"))

    number = visitor.get(address)["X-Request-ID"]

    assert said.format(number) in caplog.text.splitlines()
    assert caplog.text.count(said.split("] ")[1]) == 1


def test_a_form_that_is_refused_is_logged_with_its_number(visitor, caplog):
    caplog.handler.setFormatter(PlainFormatter("%(request)s %(message)s"))

    number = visitor.post("/login/", {"login": "nobody"})["X-Request-ID"]

    assert f" [{number}] Unprocessable Content: /login/" in caplog.text


def seen_by_staff(request_id):
    staff = User.objects.create_user("staff@example.com", is_staff=True)
    client = Client()
    client.force_login(staff)
    return client.get("/errors/", {"request_id": request_id})


def test_staff_find_an_error_by_whatever_number_a_person_saw(visitor):
    first, other, last = (
        visitor.get("/break/", headers={"X-Request-ID": f"number-of-{name}"})["X-Request-ID"]
        for name in ("asha", "ravi", "meena")
    )

    page = seen_by_staff(first).content.decode()

    assert "ValueError" in page
    assert f"{first}</span> broke at" in page
    assert other not in page
    assert Failure.objects.get().request_id == last


@pytest.mark.parametrize("nonsense", ["%", "_", "x" * 5000, "' or 1=1", "[number]"])
def test_a_number_that_nobody_saw_finds_nothing(visitor, nonsense):
    visitor.get("/break/")

    answer = seen_by_staff(nonsense)

    assert answer.status_code == 200
    assert ("broke at" in answer.content.decode()) is False


def test_only_the_newest_cases_of_a_mistake_are_kept(visitor, monkeypatch):
    monkeypatch.setattr(errors, "CASES_KEPT", 3)
    visitor.get("/break/")
    Failure.objects.update(count=100)

    for _ in range(5):
        Failure.objects.update(count=100)
        last = visitor.get("/break/")["X-Request-ID"]

    assert FailureCase.objects.count() == 3
    assert FailureCase.objects.filter(request_id=last).exists()
