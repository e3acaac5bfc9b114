"""Who did what: on pages, as a file, and for ever."""

import csv
import io
from datetime import timedelta
from importlib import import_module

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.conf import settings as desk_settings
from django.test import AsyncClient
from django.utils import timezone

from accounts import activity, audit, linking
from accounts.brokerage import BrokerAccount, Role
from accounts.models import AuditEvent, User
from tests.accounts.test_sharing import account, ravi, share, words  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(make_person):
    return make_person("staff@example.com", is_staff=True, factor=True)


def rows_of(answer):
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_members_read_what_happened_in_their_account_only(account, asha, ravi, share, enter):  # noqa: F811
    share(ravi)
    other = BrokerAccount.objects.create(code="other", broker="kite", environment="paper")
    audit.record("account.paused", actor=asha, account=account, after={"why": "<b>Travelling</b>"})
    audit.record("account.paused", actor=asha, account=other, after={"why": "Elsewhere"})
    audit.record("login", actor=asha, object=asha.email)

    page = words(enter(ravi).get("/accounts/rao/activity/"))

    assert "Account paused" in page
    assert "why: &lt;b&gt;Travelling&lt;/b&gt;" in page
    assert "Elsewhere" not in page
    assert ">Login<" not in page


def test_events_from_before_the_column_belong_to_the_account_too(account, asha, enter):  # noqa: F811
    audit.record("account.logged_in", actor=asha, object="rao")
    audit.record("account.logged_in", actor=asha, object="other")

    assert words(enter(asha).get("/accounts/rao/activity/")).count("Account logged in") == 1


def test_where_somebody_sat_is_the_owners_business(account, asha, ravi, share, enter):  # noqa: F811
    share(ravi, Role.TRADER)
    enter(asha, REMOTE_ADDR="203.0.113.9").post("/accounts/rao/pause/")

    for client, sees in ((enter(asha), True), (enter(ravi), False)):
        page, file = client.get("/accounts/rao/activity/"), client.get("/accounts/rao/activity.csv")
        assert ("203.0.113.9" in page.content.decode()) is sees
        assert (rows_of(file)[0].get("address") == "203.0.113.9") is sees


def test_pages_hold_fifty_and_new_events_push_nothing_about(account, asha, enter):  # noqa: F811
    client = enter(asha)
    for number in range(120):
        audit.record("account.tested", account=account, object=f"thing-{number:03}")
    first = client.get("/accounts/rao/activity/")
    older = f"/accounts/rao/activity/?before={first.context['older']}"
    assert (first.context["rows"][0]["event"].object, len(first.context["rows"])) == ("thing-119", 50)  # fmt: skip

    audit.record("account.tested", account=account, object="new")

    second = client.get(older)
    assert second.context["rows"][0]["event"].object == "thing-069"
    third = client.get(f"/accounts/rao/activity/?before={second.context['older']}")
    assert [row["event"].object for row in third.context["rows"]][-1] == "thing-000"
    assert third.context["older"] is None


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "²", "1.5", ""])
def test_a_page_that_does_not_exist_is_the_first(account, asha, enter, before):  # noqa: F811
    answer = enter(asha).get("/accounts/rao/activity/", {"before": before})

    assert answer.status_code == 200


def test_staff_read_the_whole_record(account, asha, boss, enter):  # noqa: F811
    audit.record("login", actor=asha, object=asha.email)
    audit.record("account.paused", actor=asha, account=account)
    client = enter(boss)

    page = words(client.get("/activity/"))

    assert "Account paused" in page
    assert ">Login<" in page
    assert {row["what"] for row in rows_of(client.get("/activity.csv"))} >= {"login", "account.paused"}  # fmt: skip


def test_a_change_reads_as_one(account):  # noqa: F811
    event = audit.record("account.role_changed", account=account, object="ravi@example.com", before={"role": "viewer"}, after={"role": "owner"})  # fmt: skip

    assert activity.in_words(event) == "Account role changed"
    assert activity.details(event) == "ravi@example.com; role: viewer → role: owner"


# The file


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("http://evil.example")'])  # fmt: skip  # noqa: RUF001
def test_no_cell_is_a_formula(account, asha, enter, begins):  # noqa: F811
    audit.record("account.tested", account=account, object=begins, after=begins)

    row = rows_of(enter(asha).get("/accounts/rao/activity.csv"))[0]

    assert row["object"] == f"'{begins}"
    assert row["after"].startswith('"')  # JSON: a quote begins it


def test_the_file_says_when_in_indian_time_and_who_in_any_script(account, asha, enter):  # noqa: F811
    with time_machine.travel("2026-11-20T18:31:00Z", tick=False):
        event = audit.record("account.tested", account=account, object="अशा, \"x\"\nnew line", before={"ü": None})  # fmt: skip

    answer = enter(asha).get("/accounts/rao/activity.csv")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="activity-rao-')
    assert answer["Cache-Control"] == "no-store"
    row = rows_of(answer)[0]
    assert row["at"] == "2026-11-21T00:01:00+05:30"
    assert row["object"] == 'अशा, "x"\nnew line'
    assert row["before"] == '{"ü": null}'
    assert row["hash"] == event.hash


def test_a_long_file_comes_in_pieces_and_whole(account, asha, enter, django_assert_max_num_queries):  # noqa: F811
    for number in range(1100):
        audit.record("account.tested", account=account, object=str(number))

    answer = enter(asha).get("/accounts/rao/activity.csv")
    with django_assert_max_num_queries(4):
        pieces = list(answer.streaming_content)

    assert len(pieces) == 4  # the head, 500, 500, 100
    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode()[1:], newline="")))
    assert [row["object"] for row in rows] == [str(number) for number in reversed(range(1100))]


@pytest.mark.django_db(transaction=True)
def test_the_real_server_streams_it_without_holding_the_others_up(account, asha, enter):  # noqa: F811
    audit.record("account.tested", account=account)
    cookies = enter(asha).cookies

    async def fetch():
        client = AsyncClient()
        client.cookies = cookies
        answer = await client.get("/accounts/rao/activity.csv")
        assert answer.is_async  # type: ignore[attr-defined]
        return [piece async for piece in answer.streaming_content]  # type: ignore[attr-defined]

    pieces = async_to_sync(fetch)()

    assert len(pieces) == 2
    assert b"account.tested" in pieces[1]


# For ever


def test_nothing_that_runs_or_goes_takes_an_event_with_it(account, asha, ravi, share, settings):  # noqa: F811
    share(ravi)
    with time_machine.travel(timezone.now() - timedelta(days=6 * 366)):
        audit.record("account.tested", actor=ravi, account=account)
        audit.record("login", actor=ravi, object=ravi.email)
    before = list(AuditEvent.objects.order_by("number").values())

    for entry in desk_settings.CELERY_BEAT_SCHEDULE.values():
        module, _, name = str(entry["task"]).rpartition(".")
        getattr(import_module(module), name)()
    linking.unlink(account, actor=asha)
    User.objects.get(pk=ravi.pk).delete()
    BrokerAccount.objects.all().delete()

    assert list(AuditEvent.objects.order_by("number").values())[:2] == before
    assert audit.verify().faults == []


def test_the_account_of_an_event_is_part_of_its_hash(account):  # noqa: F811
    event = audit.record("account.tested", account=account)

    event.account = "other"
    assert event.fingerprint() != event.hash
    event.account = ""
    assert event.fingerprint() != event.hash
