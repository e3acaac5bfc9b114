"""Orders while parts of the desk are killed under them: what the exchange has is what stands here."""

import json
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from tests.desk.sight import parts_of
from tradedesk.desk.throwaway import ROOT, clean_environment, wait_until

NUMBER = 30
# A browser behind a bad line: it asks again with the same key until somebody answers.
GIVE = """
import sys, time
from decimal import Decimal
from django.db import DatabaseError, connection
from accounts.brokerage import BrokerAccount
from accounts.brokers.types import OrderRequest
from accounts.brokers.words import OrderType, Product, Side
from orders.engine import asking
from orders.engine.accept import Asked, NotAccepted
from orders.engine.models import Source
account = BrokerAccount.objects.get(code="paper")
for number in range(1, {number} + 1):
    order = OrderRequest(exchange="NSE", symbol="ITC", side=Side.BUY, quantity=number, product=Product.CNC, order_type=OrderType.LIMIT, price=Decimal({price!r}))
    asked = Asked(account=account, key=f"{run}-{{number}}", source=Source.COMMAND, who="a test")
    for _ in range(200):
        try:
            asking.place(asked, order)
            print(asked.key, flush=True)
            break
        except DatabaseError:
            connection.close()
            time.sleep(0.1)
    time.sleep(0.25)
"""
STAND = """
import json
from orders.engine.models import OrderTask
rows = OrderTask.objects.filter(key__startswith="{run}-")
print("ROWS", json.dumps({{row.key: [row.state, row.reason, row.order_id, row.params["quantity"]] for row in rows}}))
"""


def ledger(desk):
    """What the exchange itself says; it may be starting again."""
    token = (desk.home / "paper" / "control.token").read_text().strip()
    opened = (desk.home / "paper" / "first-account.txt").read_text()
    user = next(line.split(": ")[1] for line in opened.splitlines() if line.startswith("user_id"))

    def ask():
        try:
            answer = httpx.get(
                f"{desk.paper_url}/paper/ledger/{user}", headers={"X-Paper-Token": token},
                trust_env=False, timeout=5,
            )  # fmt: skip
        except httpx.HTTPError:
            return None
        return answer.json() if answer.status_code == 200 else None

    found = wait_until(ask, seconds=30)
    # What was refused at the counter never got a number.
    return found["orders"] + [one for one in found["refused"] if "order_id" in one]


def give(desk, run, price):
    environment = clean_environment() | {"TRADEDESK_HOME": str(desk.home)}
    script = GIVE.format(number=NUMBER, run=run, price=price)
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", script]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def stand(desk, run):
    """How the tasks stand; nothing while the desk is not there."""
    told = desk.manage("shell", "--no-imports", "-c", STAND.format(run=run)).stdout
    lines = [line for line in told.splitlines() if line.startswith("ROWS ")]
    return json.loads(lines[0].removeprefix("ROWS ")) if lines else {}


def price_below(desk, run):
    """A price that rests in the book: some way under the market, inside the day's band."""
    quoted = httpx.get(f"{desk.paper_url}/paper/", trust_env=False)
    assert quoted.status_code == 200
    token = (desk.home / "paper" / "control.token").read_text().strip()
    httpx.post(
        f"{desk.paper_url}/paper/prices", json={"NSE:ITC": "400"},
        headers={"X-Paper-Token": token}, trust_env=False,
    ).raise_for_status()  # fmt: skip
    return str(380 + len(run))  # other content in each run


@pytest.mark.parametrize(
    "victims",
    [["redis"], ["postgres"], ["stream", "postgres", "redis", "paper"]],
    ids="+".join,
)
def test_whatever_is_killed_under_orders_none_is_doubled_or_lost(desk, victims):
    wait_until(desk.is_ready, seconds=60)
    desk.manage("sync_instruments")  # what is not listed does not leave
    run = "-".join(victims)[:20]
    before = {one["order_id"] for one in ledger(desk)}
    giving = give(desk, run, price_below(desk, run))
    assert giving.stdout
    first = giving.stdout.readline()
    ends, index = time.monotonic() + 120, 0
    while giving.poll() is None and time.monotonic() < ends:
        time.sleep(1.5)
        victim = parts_of(desk).get(victims[index % len(victims)])
        if victim and index < 6:
            os.kill(victim.pid, signal.SIGKILL)
        index += 1
    rest, errors = giving.communicate(timeout=30)
    assert giving.returncode == 0, errors

    def settled():
        rows = stand(desk, run)
        over = {"COMPLETED", "FAILED", "DEAD_LETTER"}
        return rows if rows and all(state in over for state, *_ in rows.values()) else None

    try:
        rows = wait_until(settled, seconds=120, every=1.0)
    except TimeoutError:
        pytest.fail(f"not settled: {stand(desk, run)}\n{desk.log('stream')[-3000:]}")
    there = [one for one in ledger(desk) if one["order_id"] not in before]

    assert set(rows) == set((first + rest).split()), "something acknowledged is not there"
    assert len(rows) == NUMBER
    counts = [one["quantity"] for one in there]
    assert len(counts) == len(set(counts)), "an order was sent twice"
    sent = {one["order_id"]: one["quantity"] for one in there}
    assert sum(state == "COMPLETED" for state, *_ in rows.values()) > NUMBER / 2, rows
    for key, (state, reason, order_id, quantity) in rows.items():
        assert (state == "COMPLETED") == (quantity in counts), (key, state, reason)
        if state == "COMPLETED":
            assert sent[order_id] == quantity
