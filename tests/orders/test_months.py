"""Old months are put away whole: nothing is deleted, nothing current goes, and a replay says so."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from orders import months
from orders.engine import partitions, store
from orders.engine.models import TaskEvent
from orders.inbox import Heard

pytestmark = pytest.mark.django_db
OLD = datetime(2025, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def old():
    partitions.ensure(OLD)
    Heard.objects.create(
        account_id=1, subject="order", name="1", heard_from="sync", at=OLD, payload={}
    )
    for version, at in [(1, OLD), (2, OLD), (3, timezone.now())]:
        TaskEvent.objects.create(
            task_id=9, account_id=1, version=version, at=at, what="x", who="y", changes={}
        )


def run(*arguments, **options):
    out = StringIO()
    call_command("months", *arguments, stdout=out, **options)
    return out.getvalue()


def test_the_list_shows_rows_and_sizes(old):
    found = {one["name"]: one for one in json.loads(run("list", "--json"))}

    assert found["orders_taskevent_2025_03"]["rows"] == 2
    assert found["orders_heard_2025_03"]["size"] > 0
    assert found["orders_heard_net"]["month"] == ""
    assert "2025-03" in run("list", table="inbox")


def test_a_month_that_is_put_away_stays_in_the_database_and_stays_final(old):
    said = run("detach", "2025-03", yes=True)

    assert "pg_dump --table=orders_heard_2025_03" in said
    assert not Heard.objects.exists()
    assert TaskEvent.objects.count() == 1
    for name, rows in [("orders_heard_2025_03", 1), ("orders_taskevent_2025_03", 2)]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {name}")  # noqa: S608
            assert cursor.fetchone() == (rows,)
            with pytest.raises(DatabaseError, match="final"), transaction.atomic():
                cursor.execute(f"DELETE FROM {name}")  # noqa: S608
    [away] = [one for one in months.parts_of("inbox") if one.is_detached]
    assert (away.month, away.rows) == ("2025-03", 1)
    with pytest.raises(CommandError, match="put away already"):
        run("detach", "2025-03", yes=True)


def test_one_table_alone(old):
    run("detach", "2025-03", yes=True, table="inbox")

    assert TaskEvent.objects.count() == 3
    assert not Heard.objects.exists()


@pytest.mark.parametrize(
    ("month", "why"),
    [("2024-01", "There is no part"), ("March", "write a month"), ("", "write a month"),
     ("2025-13", "write a month"), ("2099-01", "is not over")],
)  # fmt: skip
def test_what_cannot_be_put_away_is_refused(old, month, why):
    with pytest.raises(CommandError, match=why):
        run("detach", month, yes=True)
    assert Heard.objects.exists()


def test_the_current_month_is_never_put_away():
    with pytest.raises(months.NotPutAway, match="is not over"):
        months.detach("events", f"{timezone.now():%Y-%m}", timezone.now())


def test_who_does_not_say_yes_puts_nothing_away(old, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    with pytest.raises(CommandError, match="Nothing was put away"):
        run("detach", "2025-03")
    assert Heard.objects.exists()


def test_a_replay_without_its_beginning_says_so(old):
    run("detach", "2025-03", yes=True)

    with pytest.raises(store.PutAway, match="events 1 to 2 of T9 are put away"):
        store.replay(TaskEvent.objects.filter(task_id=9))
