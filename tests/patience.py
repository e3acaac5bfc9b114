"""Waiting for what comes about by itself. Slow machines get the time they need: no test is about speed."""

import time
from collections.abc import Callable
from typing import Any

PATIENT = 30.0  # seconds


def until(is_true: Callable[[], Any], seconds: float = PATIENT) -> Any:
    """Look again until it is so, and give what it was."""
    ends = time.monotonic() + seconds
    while not (found := is_true()):
        assert time.monotonic() < ends, f"still not so after {seconds:.0f} s"
        time.sleep(0.02)
    return found
