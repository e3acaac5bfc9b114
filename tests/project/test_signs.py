"""A signal that comes at any moment of the waiting for it is heard, and hangs nobody."""

import subprocess
import sys

from django.conf import settings

from tests.patience import PATIENT
from tradedesk.signs import StopSign

# Some ten thousand signals amid as many short waits; an Event in place of the sign does not live through it.
RAIN = """
import signal, time
from tradedesk.signs import StopSign
heard, ends = 0, time.monotonic() + 2
def hear(*_):
    sign.set()
sign = StopSign()
signal.signal(signal.SIGALRM, hear)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
while time.monotonic() < ends:
    if sign.wait(0.00001):
        heard, sign = heard + 1, StopSign() if heard < 200 else sign
signal.setitimer(signal.ITIMER_REAL, 0)
assert heard > 100
print("heard")
"""


def test_a_sign_stays_set():
    sign = StopSign()
    assert not sign.wait(0)

    for _ in range(70_000):  # more than its pipe holds
        sign.set()

    assert sign.wait(0)
    assert sign.wait()


def test_signals_amid_the_waiting_hang_nobody():
    ran = subprocess.run(
        [sys.executable, "-c", RAIN], cwd=settings.BASE_DIR, capture_output=True, text=True,
        timeout=PATIENT,
    )  # fmt: skip

    assert (ran.stdout, ran.stderr) == ("heard\n", "")
