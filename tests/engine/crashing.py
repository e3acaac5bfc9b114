"""A process that has children die at chosen points: `python -m tests.engine.crashing`.

It sets up Django once, opens no connection itself, and forks a child for every line it reads. What
a line asks for is in `JOBS`; the child's signal or code is the answer.
"""

import json
import os
import signal
import sys
import time
from dataclasses import replace
from functools import partial
from typing import Any

TIMING: dict[str, Any] = {
    "lease": 2.2, "send_guard": 0.8, "deadline": 1.0, "absent_after": 1.0, "first_pause": 0.01,
    "longest_gap": 0.25,
}  # fmt: skip


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_at_once(*_):
    os.kill(os.getpid(), signal.SIGSTOP)


def lose_the_database(*_):
    """Let Postgres hang up just before the commit."""
    import psycopg
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    time.sleep(0.05)


def fail_after_commit(*_):
    """Let the commit look as if it had failed."""
    from django.db import OperationalError

    raise OperationalError("the line broke while the commit was on its way")


def hear_first(account_id):
    """Bring the order's news by another way before our own answer is kept, then die."""
    from accounts.brokerage import BrokerAccount
    from accounts.lines import line_to
    from accounts.ways_in import fresh
    from orders import book
    from orders.engine import store

    account = fresh(BrokerAccount(pk=account_id))
    with line_to(account) as broker:
        book.absorb(account, broker.orders(), heard_from="stream", at=store.now())
    die()


def die_on_the_wire(point):
    """Die with half of the order written, or all of it and no answer read."""
    from accounts.brokers.kite.wire import Wire

    if point == "C8":

        def write(self, buffer, timeout=None):
            self.stream.write(buffer[: len(buffer) // 2], timeout)
            die()

        Wire.write = write  # type: ignore[method-assign]
    else:

        def read(self, max_bytes, timeout=None):
            time.sleep(0.1)  # a server may stop at a request whose sender hangs up at once
            die()

        Wire.read = read  # type: ignore[method-assign]


def set_hook(job):
    """Make the child do something at the point of its job."""
    from orders.engine import points

    point = job.get("point")
    actions = {
        "C12 lost": ("C11", lose_the_database), "C12 kept": ("C12", fail_after_commit),
        "C16": ("C7", sleep_at_once), "C18": ("C10", partial(hear_first, job["account"])),
    }  # fmt: skip
    where, action = actions.get(point, (point, die))

    def hook(name):
        if point in {"C8", "C9"} and name == "C7":
            die_on_the_wire(point)
        elif name == where:
            points.hook = None
            action()

    points.hook = hook if point else None


def timing():
    from orders.engine.core import Timing

    return replace(Timing(), **TIMING)


def give(job):
    """Take the order, under the job's key."""
    from accounts.brokerage import BrokerAccount
    from tests.engine import desk

    account = BrokerAccount.objects.get(pk=job["account"])
    desk.give(account, desk.limit(quantity=job["quantity"]), key=job["key"])


def work(job):
    """Look after the account until nothing waits."""
    from django.db import DatabaseError, connection

    from orders.engine import sweep
    from orders.engine.models import OrderTask
    from orders.engine.sending import Sender

    sender = Sender(timing=timing())
    if job.get("is_far"):  # of whom nobody here can tell whether it lives
        sender.name = "another machine"
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            if not OrderTask.objects.working().filter(account=job["account"]).exists():
                return
            sweep.sweep(job["account"], sender.timing)
            while sender.step(job["account"]).did_something:
                pass
        except DatabaseError:  # as the runner does
            connection.close()
        time.sleep(0.02)


def resend(job):
    """Send a dead letter again, as an operator does."""
    from orders.engine import operator
    from orders.engine.models import OrderTask

    operator.resend(OrderTask.objects.get(key=job["key"]), who="a test", why="it is not there")


def work_naively(job):
    """What one writes first: try again on every error, and again after every crash."""
    from accounts.brokerage import BrokerAccount
    from accounts.brokers import patience
    from accounts.brokers.errors import BrokerError
    from accounts.lines import line_to
    from accounts.ways_in import fresh
    from orders.engine import points
    from orders.engine.models import OrderTask
    from orders.engine.operations import order_of

    account = fresh(BrokerAccount(pk=job["account"]))
    for task in OrderTask.objects.filter(account=account, state__in=["PENDING", "RUNNING"]):
        rows = OrderTask.objects.filter(pk=task.pk)
        rows.update(state="RUNNING")
        points.reached("C7")
        for _ in range(3):
            try:
                with patience.within(0.5), line_to(account) as broker:
                    placed = broker.place(order_of(task))
                    points.reached("C10")
            except BrokerError:
                rows.update(state="FAILED")
                continue
            rows.update(state="COMPLETED", order_id=placed.order_id)
            points.reached("C13")
            break


JOBS = {"give": give, "work": work, "resend": resend, "naive": work_naively}


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main():
    import django

    django.setup()
    from django.conf import settings

    from accounts.brokers import registry

    settings.PAPER_URL = sys.argv[1]
    registry.warm_up()  # once, for all that are born of this process
    say("ready")
    for line in sys.stdin:
        job = json.loads(line)
        if (child := os.fork()) == 0:
            code = 1
            try:
                set_hook(job)
                JOBS[job["do"]](job)
                code = 0
            finally:
                os._exit(code)
        say(json.dumps({"child": child}))
        _, status = os.waitpid(child, 0)
        say(json.dumps({"code": os.waitstatus_to_exitcode(status)}))


if __name__ == "__main__":
    main()
