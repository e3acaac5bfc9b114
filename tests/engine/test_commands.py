"""The engine from the command line: what scripts may rely on."""

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.brokerage import BrokerAccount
from accounts.models import AuditEvent
from orders.engine import switch
from orders.engine.accept import NotAccepted
from orders.engine.models import KillSwitch, OrderTask
from orders.engine.runner import Runner
from tests.engine.desk import again, at_exchange, faults, give, limit, statuses, work
from tests.engine.risky import limits, stands
from tests.patience import until

pytestmark = pytest.mark.django_db
ORDER = {
    "--account": "paper", "--instrument": "NSE:INFY", "--side": "buy", "--quantity": "1",
    "--type": "limit", "--product": "CNC", "--price": "1,450",
}  # fmt: skip


def said(*arguments):
    """Run a command; give its exit code and what it said."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as error:
        return error.code, out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def place(*more, **changed):
    terms = ORDER | {f"--{name}": value for name, value in changed.items()}
    return said("place_order", *[part for pair in terms.items() for part in pair], *more)


@pytest.fixture
def listed(account):
    """The account with its broker's list of instruments."""
    call_command("sync_instruments", stdout=StringIO())
    return account


@pytest.fixture
def runner(sender):
    """The process that looks after orders, as a thread of this test."""
    runner = Runner(sender)
    thread = threading.Thread(target=run_and_close, args=[runner])
    thread.start()
    yield runner
    runner.stop()
    thread.join(10)


def run_and_close(runner):
    runner.run()
    connection.close()


def test_an_order_is_stored_and_a_repeated_key_gives_the_same_task(listed):
    code, first = place("--json", "--key", "script 1")
    _, second = place("--json", "--key", "script 1")

    assert code == 0
    told, told_again = json.loads(first), json.loads(second)
    assert (told["state"], told["replayed"], told["key"]) == ("PENDING", False, "script 1")
    assert (told_again["task"], told_again["replayed"]) == (told["task"], True)


def test_a_repeated_key_is_not_judged_again(listed):
    _, first = place("--json", "--key", "script 1")
    limits(listed, order_value=Decimal(100))

    code, second = place("--json", "--key", "script 1")

    assert (code, json.loads(second)["replayed"]) == (0, True)
    assert json.loads(second)["task"] == json.loads(first)["task"]
    assert place("--key", "script 2")[0] == 2


def test_programs_are_told_of_refusals_and_questions_too(listed):
    nobody = place("--json", account="nobody")
    place()
    question = place("--json", "--key", "script 1")
    switch.press("L2", why="a test", who="Asha")
    stopped = place("--json", quantity="2")
    confirmed = place("--json", "--confirm-duplicate")

    answers = [nobody, question, stopped, confirmed]
    assert [code for code, _ in answers] == [2, 7, 3, 3]
    told = [json.loads(text) for _, text in answers]
    assert [one["state"] for one in told] == ["WRONG", "DUPLICATE", "REFUSED", "REFUSED"]
    assert all({"task", "key", "replayed", "order_id", "reason"} <= one.keys() for one in told)
    assert told[1]["key"] == "script 1"
    assert "--confirm-duplicate" in told[1]["reason"]
    assert place(quantity="2")[0] == 3
    assert place(account="nobody")[0] == 2


@pytest.mark.django_db(transaction=True)
def test_it_waits_until_the_broker_has_it(listed, exchange, runner):
    code, text = place("--json", "--wait", "10")

    told = json.loads(text)
    assert (code, told["state"]) == (0, "COMPLETED")
    assert [one["order_id"] for one in at_exchange(exchange, listed)] == [told["order_id"]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("effect", "code", "state"),
    [
        ({"effect": "status_400_before_acceptance", "error_type": "InputException"}, 3, "FAILED"),
        ({"effect": "drop_before_acceptance"}, 4, "UNKNOWN"),
    ],
)
def test_the_exit_code_tells_what_became_of_it(listed, exchange, runner, effect, code, state):
    faults(exchange, {"route": "order.place", "count": 1, **effect})

    found, text = place("--json", "--wait", "1")

    assert (found, json.loads(text)["state"]) == (code, state)


def test_nobody_looking_after_orders_is_still_waiting(listed):
    assert place("--wait", "0.2")[0] == 6


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"quantity": "0"}, "--quantity"),
        ({"price": "1450.03"}, "--price"),
        ({"price": "NaN"}, "--price"),
        ({"product": "NRML"}, "--product"),
        ({"instrument": "NSE:NOTHERE"}, "--instrument"),
        ({"type": "SL"}, "--trigger"),
        ({"strategy": "LONG"}, "--strategy"),
        ({"key": "x" * 65}, "key"),
        ({"disclosed": "2"}, "--disclosed: Disclosed quantity must be above zero and at most"),
        ({"variety": "iceberg"}, "--iceberg-legs: An iceberg needs the number of its legs"),
        ({"variety": "iceberg", "iceberg-legs": "3"}, "--iceberg-legs"),
        ({"iceberg-legs": "2"}, "--iceberg-legs: Only an iceberg has legs."),
        ({"variety": "auction"}, "--auction-number: An auction order needs the number"),
        ({"auction-number": "22"}, "--auction-number: Only an auction order has one."),
        ({"wait": "nan"}, "--wait is 'nan': give seconds, such as 2.5"),
        ({"wait": "inf"}, "--wait is 'inf'"),
        ({"wait": "-1"}, "--wait is '-1'"),
        ({"wait": "soon"}, "--wait is 'soon'"),
    ],
)
def test_wrong_input_is_named_by_its_option_and_stores_nothing(listed, changed, words):
    code, text = place(**changed)

    assert code == 2
    assert words in text
    assert not OrderTask.objects.exists()


@pytest.mark.parametrize(
    ("terms", "kept"),
    [
        ({"disclosed": "4"}, {"disclosed_quantity": 4}),
        (
            {"variety": "iceberg", "iceberg-legs": "5", "iceberg-quantity": "2"},
            {"variety": "iceberg", "iceberg_legs": 5, "iceberg_quantity": 2},
        ),
    ],
)
def test_what_a_part_of_an_order_needs_can_be_said(listed, terms, kept):
    code, text = place(quantity="10", **terms)

    assert code == 0, text
    params = OrderTask.objects.get().params
    assert {name: params[name] for name in kept} == kept


def test_a_program_is_told_of_a_wait_that_is_none(listed):
    code, text = place("--json", wait="nan")

    told = json.loads(text)
    assert (code, told["state"]) == (2, "WRONG")
    assert said("cancel_all", "--all", "--wait", "nan")[0] == 2


def test_the_same_again_is_a_question_until_it_is_confirmed(listed):
    place()

    code, text = place()
    confirmed, _ = place("--confirm-duplicate")

    assert code == 7
    assert "--confirm-duplicate" in text
    assert confirmed == 0
    assert OrderTask.objects.count() == 2


def test_a_dry_run_stores_nothing(listed):
    code, text = place("--dry-run")

    assert code == 0
    assert "Nothing was stored" in text
    assert not OrderTask.objects.exists()


def test_run_tasks_does_the_work_without_anything_else(listed, exchange):
    place()

    call_command("run_tasks", "--once", stdout=StringIO())

    assert OrderTask.objects.get().state == "COMPLETED"
    assert len(at_exchange(exchange, listed)) == 1


def test_cancel_all_ends_every_working_order(account, exchange, sender):
    for quantity in (1, 2, 3):
        give(account, limit(quantity=quantity))
    work(sender, account)
    until(lambda: statuses(exchange, account) == ["OPEN"] * 3)

    code, text = said("cancel_all", "--account", "paper", "--json")
    work(sender, account)

    assert code == 0
    assert len(json.loads(text)) == 3
    until(lambda: statuses(exchange, account) == ["CANCELLED"] * 3)
    assert said("cancel_all", "--account", "paper")[1].strip() == "No order works."


def test_cancel_all_withdraws_what_has_not_left_but_no_exit(account, exchange, sender):
    waiting = give(account)
    leaving = give(account, limit(quantity=2))
    OrderTask.objects.filter(pk=leaving.pk).update(is_exit=True)

    code, text = said("cancel_all", "--account", "paper", "--wait", "0.1")
    work(sender, account)

    assert code == 0
    assert "1 had not left and were withdrawn." in text
    assert (again(waiting).state, again(waiting).reason) == ("FAILED", "cancelled")
    assert [one["quantity"] for one in at_exchange(exchange, account)] == [2]


def test_what_waits_is_withdrawn_and_what_left_is_not(account, exchange, sender):
    task = give(account)

    assert said("tasks", "withdraw", f"T{task.pk}")[0] == 0
    code, text = said("tasks", "withdraw", f"T{task.pk}")
    work(sender, account)

    assert (again(task).state, again(task).reason) == ("FAILED", "cancelled")
    assert (code, "only what waits" in text) == (3, True)
    assert at_exchange(exchange, account) == []
    give(account)  # nothing came of it: the same is no question


def test_cancel_all_goes_on_past_an_account_that_is_logged_out_or_stopped(account, asha):
    out = BrokerAccount.objects.create(code="a-out", broker="kite", environment="paper")
    for each in (out, account):
        stands(each)

    code, text = said("cancel_all", "--all", "--json")

    told = json.loads(text)
    assert code == 3
    assert [one["account"] for one in told if one["task"] is None] == ["a-out"]
    assert {one["account"] for one in told if one["task"]} == {"a-out", "paper"}
    for each in (out, account):
        stands(each, "10")
    switch.press("L3", why="a test", who="Asha")
    code, text = said("cancel_all", "--all")
    assert code == 3
    assert text.count("stopped by Asha: a test") == 2


# The kill switch -------------------------------------------------------------------------------


def test_the_kill_switch_is_pressed_seen_and_released(account):
    code, text = said(
        "kill_switch", "on", "--level", "L1", "--account", "paper", "--reason", "a test", "--json"
    )
    _, seen = said("kill_switch", "status", "--json")
    released, _ = said("kill_switch", "off", "--reason", "looked at it")
    record = AuditEvent.objects.filter(what="trading.released").latest("number")

    assert (code, released, record.after) == (0, 0, "looked at it")
    assert json.loads(text) == json.loads(seen)
    assert json.loads(seen)[0]["reason"] == "a test"
    assert not switch.active(KillSwitch.objects.get().at).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["on", "--level", "L2"], "--reason"),
        (["on", "--reason", "x"], "--level"),
        (["on", "--level", "L1", "--reason", "x"], "--account"),
        (["on", "--level", "L2", "--reason", "x", "--account", "paper"], "L1"),
        (["on", "--level", "L2", "--reason", "x", "--until", "soon"], "Indian time"),
        (["on", "--level", "L2", "--reason", "x", "--until", "2020-01-01T10:00"], "over already"),
        (["on", "--level", "L2", "--reason", "x", "--until", "9999-12-31T23:59"], "within 30 days"),
        (["on", "--level", "L1", "--reason", "x", "--account", "nobody"], "nobody"),
        (["off", "--reason", "x"], "Nothing"),
    ],
)
def test_a_wrong_press_says_what_to_do(account, arguments, words):
    code, text = said("kill_switch", *arguments)

    assert code == 1
    assert words in text
    assert not KillSwitch.objects.exists()


def test_letting_trading_go_on_wants_a_reason(account):
    said("kill_switch", "on", "--level", "L2", "--reason", "a test")

    code, text = said("kill_switch", "off", "--reason", " ")

    assert (code, "--reason" in text) == (1, True)
    assert KillSwitch.objects.get().released_at is None


@pytest.mark.django_db(transaction=True)
def test_nothing_leaves_a_second_after_the_switch_also_with_redis_dead(
    account, exchange, runner, settings
):
    """Orders keep coming while it is pressed; the exchange's own clock says when the last one came."""
    stopping, basket = threading.Event(), uuid.uuid4()

    def keep_giving():
        number = 1
        while not stopping.is_set():
            try:
                price = str(1450 - number * Decimal("0.5"))  # each another content
                give(account, limit(price), request=basket)
            except NotAccepted:  # refused at the door, from the press on
                stopping.set()
            number += 1
            time.sleep(0.05)
        connection.close()

    giving = threading.Thread(target=keep_giving)
    giving.start()
    until(lambda: len(at_exchange(exchange, account)) >= 3)
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "kill_switch", "on"]
    facts = connection.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgres://{facts['USER']}@/{facts['NAME']}?host={facts['HOST']}&port={facts['PORT']}",
        "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody is there
        "FIELD_ENCRYPTION_KEY": settings.FIELD_ENCRYPTION_KEY[0],
    }  # fmt: skip
    pressed = subprocess.run(
        [*command, "--level", "L2", "--reason", "a test"],
        env=environment,
        capture_output=True,
        text=True,
    )
    giving.join(10)
    work(runner.sender, account)

    assert pressed.returncode == 0, pressed.stderr
    committed = KillSwitch.objects.get().at.timestamp() * 1000
    last = max(one["placed_at_ms"] for one in at_exchange(exchange, account))
    assert last - committed <= 1000
    assert OrderTask.objects.filter(reason="stopped").exists() or stopping.is_set()


# Deciding ----------------------------------------------------------------------------------------


@pytest.fixture
def letter(account, exchange, sender):
    """An order that never reached the exchange, and nobody could tell."""
    faults(exchange, {"route": "order.place", "effect": "drop_before_acceptance", "count": 1})
    task = give(account)
    work(sender, account)
    assert again(task).state == "DEAD_LETTER"
    return task


def test_a_dead_letter_is_listed_shown_and_sent_again(account, exchange, sender, letter):
    _, dead = said("tasks", "dead", "--json")
    _, shown = said("tasks", "show", f"T{letter.pk}")
    code, _ = said("tasks", "resend", str(letter.pk), "--reason", "it is not there")
    work(sender, account)

    assert [one["task"] for one in json.loads(dead)] == [letter.pk]
    assert "attempt 1" in shown
    assert code == 0
    assert (again(letter).state, again(letter).attempts) == ("COMPLETED", 2)
    assert len(at_exchange(exchange, account)) == 1


def test_a_dead_letter_is_abandoned_with_a_reason(letter):
    assert said("tasks", "abandon", str(letter.pk))[0] == 3
    assert said("tasks", "abandon", str(letter.pk), "--reason", "not wanted any more")[0] == 0
    assert (again(letter).state, again(letter).reason) == ("FAILED", "abandoned")
    assert said("tasks", "resend", str(letter.pk), "--reason", "after all")[0] == 3


def test_a_dead_letter_is_linked_to_an_order_of_the_book(account, exchange, sender, letter):
    other = give(account, limit(quantity=2))
    work(sender, account)
    order_id = again(other).order_id

    taken, text = said(
        "tasks", "link", str(letter.pk), "--order", order_id, "--reason", "it is this one"
    )
    missing, _ = said(
        "tasks", "link", str(letter.pk), "--order", "404", "--reason", "it is this one"
    )

    assert (taken, missing) == (3, 3)
    assert "another task" in text


@pytest.mark.parametrize("number", ["", "x", "T999999", "9" * 30])
def test_a_task_that_is_none_is_said(account, number):
    code, text = said("tasks", "show", *([number] if number else []))

    assert code == 2
    assert "There is no task" in text
