"""How moments read in India: always IST, whatever the machine's own zone."""

from datetime import datetime, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30), "IST")


def in_ist(at: datetime) -> datetime:
    """Move an aware moment to IST; a naive one could mean anything and is refused."""
    zone = getattr(at, "utcoffset", lambda: None)()
    if zone is None:
        raise TypeError("a moment on the page is a datetime that knows its zone")
    return at.astimezone(IST)


def clock(at: datetime) -> str:
    """13:41:52"""
    return f"{in_ist(at):%H:%M:%S}"


def moment(at: datetime, now: datetime) -> str:
    """13:41:52 today, 20 Nov 13:41 earlier this year, 20 Nov 2025 13:41 before."""
    then, today = in_ist(at), in_ist(now)
    if then.date() == today.date():
        return clock(at)
    day = f"{then.day} {then:%b}"
    return (
        f"{day} {then:%H:%M}" if then.year == today.year else f"{day} {then.year:04} {then:%H:%M}"
    )


def day_and_clock(at: datetime) -> str:
    """20 Nov 2026, 13:41:52 IST: the whole truth, for a title."""
    then = in_ist(at)
    return f"{then.day} {then:%b} {then.year:04}, {then:%H:%M:%S} IST"


def iso(at: datetime) -> str:
    """2026-11-20T13:41:52+05:30"""
    return in_ist(at).isoformat(timespec="seconds")
