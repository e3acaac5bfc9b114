"""What is next in an account's queue: read in one question, and as Django would read it."""

from datetime import timedelta

import pytest
from django.db import NotSupportedError, connection

from accounts.brokerage import BrokerAccount
from orders.engine import asking, core, store
from orders.engine.lane import next_task, until_next
from orders.engine.models import OrderTask, TaskEvent
from orders.engine.outlook import outlook_of
from tests.engine.desk import again, asked, give, limit
from tradedesk.database import Rows, answers, connect

pytestmark = pytest.mark.django_db
SECRETS = {"api_secret", "password", "totp_seed", "pin"}


def due(account):
    """Give the task that is due, and the outlook that comes with it."""
    found = next_task(account.pk)
    assert found
    return found


def told(row):
    """Spell a row with everything that was read of it."""
    left_out = row.get_deferred_fields()
    names = [one.attname for one in row._meta.concrete_fields if one.attname not in left_out]
    return {name: getattr(row, name) for name in names}


def test_a_task_comes_with_its_account_its_session_and_its_key(account):
    task = give(account)
    account.credentials.api_secret = "the broker's own"
    account.credentials.save()

    found, outlook = due(account)

    stored = BrokerAccount.objects.select_related("session", "credentials").get(pk=account.pk)
    as_stored = again(task)
    with connection.execute_wrapper(refused):
        assert told(found) == told(as_stored)
        assert told(found.account) == told(stored)
        assert told(found.account.session) == told(stored.session)
        assert found.account.session.access_token
        assert found.account.credentials.api_key == stored.credentials.api_key
    assert (outlook.is_sending, outlook.hold, outlook.unclear) == (False, None, 0)
    assert abs((outlook.now - outlook_of(account.pk).now).total_seconds()) < 5


def refused(execute, sql, params, many, context):
    raise AssertionError(f"something more was asked: {sql}")


def test_no_secret_is_read_for_it_and_saving_the_key_loses_none(account):
    give(account)
    account.credentials.api_secret = "the broker's own"
    account.credentials.save()

    found, _ = due(account)

    keys = found.account.credentials
    assert keys.get_deferred_fields() >= SECRETS
    keys.save()
    account.credentials.refresh_from_db()
    assert account.credentials.api_secret == "the broker's own"


def test_exits_come_first_and_what_waits_for_its_time_does_not_come(account):
    entry, later = give(account), give(account, limit(quantity=2))
    leaving = asking.place(asked(account), limit(quantity=3), is_exit=True).task
    OrderTask.objects.filter(pk=later.pk).update(try_at=entry.expires_at)

    order = []
    while found := next_task(account.pk):
        order.append(found[0].pk)
        OrderTask.objects.filter(pk=found[0].pk).update(state="FAILED", window=None)

    assert order == [leaving.pk, entry.pk]
    assert 0 < (until_next(account.pk) or 0) <= 60
    OrderTask.objects.filter(pk=later.pk).update(try_at=store.now())
    assert until_next(account.pk) == 0.0


def test_an_account_without_a_session_has_its_task_all_the_same(account):
    give(account)
    account.session.delete()

    found, _ = due(account)

    assert getattr(found.account, "session", None) is None


def test_a_question_is_planned_once_for_a_connection(account):
    give(account)
    for _ in range(4):
        next_task(account.pk)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_prepared_statements WHERE statement LIKE %s",
            ["%ORDER BY is_exit DESC%"],
        )
        assert len(cursor.fetchall()) == 1


def test_rows_are_read_as_django_reads_them(account):
    task = give(account)
    rows = Rows(OrderTask)

    [found] = rows.of(
        f"SELECT {rows.columns('one')} FROM orders_ordertask one WHERE id = %s",  # noqa: S608
        [task.pk],
    )

    assert told(found) == told(again(task))
    found.save()  # as any row
    assert answers("SELECT count(*) FROM orders_ordertask", []) == [(1,)]


@pytest.mark.parametrize(
    ("lease", "is_free"),
    [(timedelta(seconds=5), False), (timedelta(seconds=-1), True), (None, True)],
)
def test_nothing_is_claimed_beside_what_is_being_sent(account, sender, lease, is_free):
    other, task = give(account), give(account, limit(quantity=2))
    until = store.now() + lease if lease is not None else None
    OrderTask.objects.filter(pk=other.pk).update(
        state="RUNNING", phase="SENDING", lease_until=until, holder=sender.name
    )
    before = TaskEvent.objects.count()

    assert sender.claim(task, store.now()) is is_free

    assert again(task).state == ("RUNNING" if is_free else "PENDING")
    assert TaskEvent.objects.count() == before + is_free


def test_what_has_moved_since_it_was_read_is_not_claimed(account, sender):
    task = give(account)
    store.move(again(task), core.end_before_sending(task, core.Reason.CANCELLED, "taken back"))

    with pytest.raises(store.Overtaken):
        sender.claim(task, store.now())
    assert again(task).state == "FAILED"


@pytest.mark.django_db(transaction=True)
def test_a_table_that_is_changed_while_we_run_costs_one_question():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE trial (number int)")
    try:
        assert [answers("SELECT number FROM trial", []) for _ in range(2)] == [[], []]
        with connect(autocommit=True) as another:
            another.execute("ALTER TABLE trial ALTER number TYPE text")
        with pytest.raises(NotSupportedError):
            answers("SELECT number FROM trial", [])
        connection.close_if_unusable_or_obsolete()  # as after each request and each look
        assert answers("SELECT number FROM trial", []) == []
    finally:
        with connect(autocommit=True) as another:
            another.execute("DROP TABLE trial")
