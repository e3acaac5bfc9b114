"""How long whoever called is willing to wait, whatever the broker's own limits are."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends: ContextVar[float] = ContextVar("ends", default=float("inf"))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let no call of this block end later, tries and pauses included: somebody is watching."""
    token = _ends.set(min(_ends.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends.reset(token)


def end_of(seconds: float) -> float:
    """Tell when a call that may take so long must have ended."""
    return min(time.monotonic() + seconds, _ends.get())


def left() -> float:
    """Tell how many seconds whoever called will still wait."""
    return _ends.get() - time.monotonic()
