"""The audit: final, in one chain, and every kind of tampering found."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts import audit
from accounts.models import AuditEvent, AuditHead
from tests.accounts.conftest import log_in


@pytest.fixture
def five(db):
    for number in range(5):
        audit.record("test", object=f"thing {number}", before={"a": 1.5}, after=["ü", None])


def as_owner(statement):
    """Change the table as somebody who owns the database could."""
    with connection.cursor() as cursor:
        cursor.execute("set constraints all immediate")
        cursor.execute("alter table accounts_auditevent disable trigger user")
        cursor.execute(statement)
        cursor.execute("alter table accounts_auditevent enable trigger user")


@pytest.mark.django_db
@pytest.mark.parametrize("act", [lambda: AuditEvent.objects.update(what="else"), lambda: AuditEvent.objects.all().delete(), lambda: AuditEvent.objects.get(number=1).delete(), lambda: AuditEvent.objects.get(number=1).save()])  # fmt: skip
def test_the_database_refuses_to_change_or_delete(five, act):
    with pytest.raises(DatabaseError, match="audit events are final"), transaction.atomic():
        act()

    assert audit.verify().faults == []


@pytest.mark.django_db
def test_a_whole_chain_is_whole(five):
    verdict = audit.verify()

    assert (verdict.events, verdict.faults) == (5, [])
    assert verdict.head == AuditEvent.objects.get(number=5).hash


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("update accounts_auditevent set what = 'else' where number = 3", "event 3 was altered"),
        ("update accounts_auditevent set at = at + interval '1 microsecond' where number = 2", "event 2 was altered"),
        ("update accounts_auditevent set actor_id = 99 where number = 5", "event 5 was altered"),
        ("update accounts_auditevent set before = '{\"a\": 2}' where number = 1", "event 1 was altered"),
        ("delete from accounts_auditevent where number = 3", "events 3 to 3 are missing"),
        ("delete from accounts_auditevent where number = 5", "the chain ends at event 4"),
        ("truncate accounts_auditevent", "the chain ends at event 0"),
        (
            "insert into accounts_auditevent (number, at, actor, what, account, object, request_id, previous, hash)"
            " values (6, now(), '', 'forged', '', '', '', '', 'x')",
            "event 6 was altered",
        ),
    ],
)  # fmt: skip
def test_tampering_is_found(five, tampering, found):
    as_owner(tampering)

    assert any(found in fault for fault in audit.verify().faults)
    with pytest.raises(CommandError):
        call_command("verify_audit", "--json")


@pytest.mark.django_db
def test_a_rewritten_chain_does_not_hold_the_head_that_was_noted(five):
    noted = audit.verify().head
    as_owner("truncate accounts_auditevent")
    AuditHead.objects.update(number=0, hash="")
    audit.record("forged")

    assert audit.verify().faults == []
    assert audit.verify(noted=noted).faults == ["the noted head is not in the chain: it was rewritten"]  # fmt: skip


@pytest.mark.django_db
def test_the_command_speaks_json(five, capsys):
    call_command("verify_audit", "--json")

    said = json.loads(capsys.readouterr().out)
    assert (said["events"], said["faults"]) == (5, [])


@pytest.mark.django_db(transaction=True)
def test_parallel_writers_make_one_chain():
    audit.record("first")

    def write(number):
        try:
            audit.record("parallel", object=str(number))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))

    assert (audit.verify().events, audit.verify().faults) == (41, [])


def alone(act):
    """Do it on a connection of this thread's own."""
    try:
        return act()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_who_verifies_waits_for_no_writer():
    audit.record("first")

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        audit.record("not committed yet")
        verdict = pool.submit(alone, audit.verify).result(timeout=20)

    assert (verdict.events, verdict.faults) == (1, [])


@pytest.mark.django_db(transaction=True)
def test_who_verifies_sees_one_moment_while_others_write():
    audit.record("first")

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(alone, lambda: [audit.record("more") for _ in range(200)])
        found = [audit.verify().faults]
        while not writing.done():
            found.append(audit.verify().faults)

    assert not any(found), found


@pytest.mark.django_db
def test_no_secret_is_recorded(client, asha):
    log_in(client, password="wrong-canary-password")
    log_in(client)

    facts = json.dumps(list(AuditEvent.objects.values()), default=str)
    assert "canary" not in facts
    assert {"login", "login.wrong"} == set(AuditEvent.objects.values_list("what", flat=True))
