"""How long whoever called is willing to wait, whatever the broker's own limits are."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ends: ContextVar[float] = ContextVar("ends", default=float("inf"))
_leaves_by: ContextVar[float] = ContextVar("leaves_by", default=float("inf"))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let no call of this block end later, tries and pauses included: somebody is watching."""
    token = _ends.set(min(_ends.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ends.reset(token)


@contextmanager
def leaving_by(moment: float) -> Iterator[None]:
    """Let nothing of this block begin to leave after this moment, by the monotonic clock."""
    token = _leaves_by.set(moment)
    try:
        yield
    finally:
        _leaves_by.reset(token)


def may_leave() -> bool:
    """Tell whether a call may still begin to leave."""
    return time.monotonic() <= _leaves_by.get()


def end_of(seconds: float) -> float:
    """Tell when a call that may take so long must have ended."""
    return min(time.monotonic() + seconds, _ends.get())


def left() -> float:
    """Tell how many seconds whoever called will still wait."""
    return _ends.get() - time.monotonic()
