"""A full disk under orders: what was acknowledged is there, nothing else is, and it goes on when there is room."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.desk.test_outages import give, ledger, price_below, stand
from tradedesk.desk.throwaway import start_desk, wait_until

# By command: it needs root, a disk of its own and more than a minute.
pytestmark = pytest.mark.skipif("TRADEDESK_LONG" not in os.environ, reason="long: TRADEDESK_LONG=1")
MEGABYTE = b"\0" * 2**20


@pytest.fixture
def small_disk(place):
    """A disk of 500 MB; only root may make one."""
    disk = place / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=500m,mode=755", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"no disk can be made here: {made.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Write until nothing fits any more."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(MEGABYTE)
    return ballast


def test_a_full_disk_loses_no_order_and_invents_none(small_disk):
    desk = start_desk(small_disk / "home", environment={"DISK_LEAST_MEGABYTES": "1"})
    try:
        wait_until(desk.is_ready, seconds=90)
        giving = give(desk, "full", price_below(desk, "full"))
        assert giving.stdout
        first = giving.stdout.readline()
        ballast = fill(small_disk)
        with pytest.raises(subprocess.TimeoutExpired):
            giving.wait(6)  # it asks again and again: nobody can store anything
        ballast.unlink()
        rest, errors = giving.communicate(timeout=90)
        wait_until(desk.is_ready, seconds=60)

        def settled():
            rows = stand(desk, "full")
            over = {"COMPLETED", "FAILED", "DEAD_LETTER"}
            return rows if rows and all(state in over for state, *_ in rows.values()) else None

        rows = wait_until(settled, seconds=120, every=1.0)
        there = [one["quantity"] for one in ledger(desk)]
    finally:
        desk.stop()

    assert giving.returncode == 0, errors
    assert set(rows) == set((first + rest).split())
    assert len(there) == len(set(there)), "an order was sent twice"
    for key, (state, reason, _, quantity) in rows.items():
        assert (state == "COMPLETED") == (quantity in there), (key, state, reason)
