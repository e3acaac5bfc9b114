"""Which process looks after an account, and how soon another one takes over from one that died."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.conf import settings

from orders.engine import core, store, sweep
from orders.engine.core import Timing
from orders.engine.leading import LEASE, Lanes
from orders.engine.models import Lane, OrderTask
from orders.engine.runner import Runner
from tests.engine.desk import again, give, running, work
from tests.patience import until
from tradedesk import lives

pytestmark = pytest.mark.django_db
ELSEWHERE = "another machine/4026531836:77:12"


@pytest.fixture
def ended():
    """The name of a process that has run and ended."""
    program = "from tradedesk import lives; print(lives.me())"
    told = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, cwd=settings.BASE_DIR,
    )  # fmt: skip
    return told.stdout.strip()


@pytest.fixture
def alive():
    """A process that waits, and its name: to the kernel it is called what no text may be."""
    program = (
        "from tradedesk import lives; open('/proc/self/comm', 'wb').write('aरणनीति'.encode()[:15]);"
        "print(lives.me(), flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR,
    )  # fmt: skip
    assert process.stdout
    yield process, process.stdout.readline().strip()
    process.kill()
    process.communicate()


def taken_by(task, holder, phase):
    """Let a process have a task with all of its lease before it."""
    later = store.now() + timedelta(seconds=15)
    OrderTask.objects.filter(pk=task.pk).update(
        state="RUNNING", phase=phase, lease_until=later, holder=holder, sent_at=store.now()
    )


def led_by(account, leader):
    Lane.objects.filter(account=account).update(runner=leader, runner_until=store.now() + LEASE)


def test_a_process_is_gone_when_it_has_ended_and_only_then(alive, ended):
    process, name = alive
    assert not lives.is_gone(lives.me())
    assert not lives.is_gone(name)
    assert lives.is_gone(ended)

    process.kill()
    until(lambda: lives.is_gone(name))
    assert process.returncode is None  # before its parent has noticed

    process.wait()
    assert lives.is_gone(name)


def test_another_process_with_the_same_number_is_not_the_one_that_ended():
    place, began, number = lives.me().split(":")
    assert lives.is_gone(f"{place}:{int(began) - 1}:{number}")


def test_nobody_is_gone_for_one_who_cannot_look(alive):
    _, name = alive
    program = (
        "import resource, sys; from tradedesk import lives; place = lives.here();"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); lives.here = lambda: place;"
        "print(lives.is_gone(sys.argv[1]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, name], capture_output=True, text=True, check=True, cwd=settings.BASE_DIR
    )  # fmt: skip
    assert told.stdout.strip() == "False", told.stderr


def test_a_machine_of_the_same_name_is_another_one():
    """The first table of processes has the same number on every kernel."""
    place, began, _ = lives.me().split(":")
    name, kernel, table = place.split("/")
    assert lives.is_gone(f"{name}/{kernel}/{table}:{began}:3999999")
    assert not lives.is_gone(f"{name}/{kernel[::-1]}/{table}:{began}:3999999")


@pytest.mark.parametrize("name", ["", "somewhere", ELSEWHERE, "a:b:c:d", "box::1"])
def test_of_what_is_not_here_nobody_says_that_it_is_gone(name):
    assert not lives.is_gone(name)


def test_who_leads_keeps_the_lane_and_the_others_do_not_even_ask(account):
    give(account)
    first, second = Lanes("one"), Lanes("two")

    assert first.lead(account.pk)
    assert not second.lead(account.pk)
    assert second.are_led_elsewhere(account.pk)
    assert not first.are_led_elsewhere(account.pk)
    assert Lane.objects.get(account=account).runner == "one"


def test_a_lane_goes_over_when_its_time_is_over(account):
    give(account)
    led_by(account, ELSEWHERE)
    lanes = Lanes("two")
    assert not lanes.lead(account.pk)

    Lane.objects.update(runner_until=store.now())
    assert lanes.lead(account.pk)
    assert not lanes.are_led_elsewhere(account.pk)


def test_a_lane_goes_over_at_once_when_its_process_is_gone(account, ended):
    give(account)
    led_by(account, ended)
    assert Lanes("two").lead(account.pk)
    assert Lane.objects.get(account=account).runner == "two"


def test_whose_process_has_died_since_it_was_asked_is_known_without_asking_again(account, alive):
    process, name = alive
    give(account)
    led_by(account, name)
    lanes = Lanes("two")
    assert not lanes.lead(account.pk)
    assert lanes.of_the_dead() == []

    process.kill()
    until(lambda: lives.is_gone(name))
    assert lanes.of_the_dead() == [account.pk]
    assert not lanes.are_led_elsewhere(account.pk)


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_a_process_leaves_by_another_when_it_dies(account, exchange, sender, alive):
    process, name = alive
    task = give(account)
    Lane.objects.update(runner=name, runner_until=store.now() + timedelta(hours=1))
    with running(Runner(sender)):
        time.sleep(2.5)
        assert again(task).state == "PENDING"

        process.kill()
        until(lambda: again(task).state == "COMPLETED")


def test_who_led_before_reads_the_book_again_when_the_lane_comes_back(account):
    give(account)
    lanes = Lanes("one")
    assert lanes.lead(account.pk)
    lanes.caught_up.add(account.pk)
    led_by(account, ELSEWHERE)
    lanes.mine.clear()

    assert not lanes.lead(account.pk)
    assert account.pk not in lanes.caught_up


@pytest.mark.parametrize(
    ("phase", "state", "crashes"), [("CLAIMED", "PENDING", 1), ("SENDING", "UNKNOWN", 0)]
)
def test_what_a_dead_process_held_is_free_at_once(account, ended, phase, state, crashes):
    task = give(account)
    taken_by(task, ended, phase)

    sweep.sweep(account.pk, Timing())

    assert (again(task).state, again(task).crashes) == (state, crashes)


@pytest.mark.parametrize("holder", [ELSEWHERE, "", lives.me()], ids=["far", "old", "alive"])
def test_what_a_process_may_still_send_is_left_to_it(account, holder):
    task = give(account)
    taken_by(task, holder, "SENDING")

    sweep.sweep(account.pk, Timing())

    assert (again(task).state, again(task).phase) == ("RUNNING", "SENDING")


def test_another_table_of_processes_is_another_place():
    place, began, _ = lives.me().split(":")
    name, kernel, table = place.split("/")
    assert not lives.is_gone(f"{name}/{kernel}/{int(table) + 1}:{began}:3999999")


@pytest.mark.django_db(transaction=True)
def test_who_takes_over_a_lane_looks_first_at_what_was_left(account, sender, ended):
    task = give(account)
    taken_by(task, ended, "SENDING")
    led_by(account, ended)

    # As a hint does it: no sweep was asked for.
    Runner(sender).look_after(account.pk, with_sweep=False)

    assert again(task).state != "RUNNING"


@pytest.mark.parametrize("phase", ["CLAIMED", "SENDING"])
def test_whoever_lets_go_of_a_task_holds_it_no_more(phase):
    now = store.now()
    task = OrderTask(
        state="RUNNING", phase=phase, holder=lives.me(), attempts=1, sent_at=now, try_at=now,
        expires_at=now + timedelta(minutes=1), lease_until=now - timedelta(seconds=1),
    )  # fmt: skip
    if phase == "CLAIMED":
        steps = [
            core.in_doubt(task), core.put_back(task, now, "no"), core.no_exit(task),
            core.end_before_sending(task, core.Reason.LIMIT, "no"), core.lease_over(task, now),
        ]  # fmt: skip
    else:
        steps = [
            core.accepted(task, ["1"]), core.refused(task, "no"), core.unclear(task, "?"),
            core.not_sent(task, now, timedelta(0), "no", may_retry=True),
            core.not_sent(task, now, timedelta(0), "no", may_retry=False),
            core.lease_over(task, now),
        ]  # fmt: skip
    for step in steps:
        changes = step.changes
        assert changes["state"] != "RUNNING", step.what
        assert (changes["holder"], changes["lease_until"], changes["phase"]) == ("", None, "")


@pytest.mark.django_db(transaction=True)
def test_what_was_sent_has_no_holder_left(account, exchange, sender):
    task = give(account)
    work(sender, account)

    assert (again(task).state, again(task).holder) == ("COMPLETED", "")
