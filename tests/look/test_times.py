"""Moments are told in IST, wherever the server and the test run stand."""

import os
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradedesk import times

zones = st.integers(min_value=-12 * 60, max_value=14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
first, last = datetime(1990, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001
moments = st.datetimes(min_value=first, max_value=last, timezones=zones)


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
def machine_zone(request, monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@given(at=moments)
def test_iso_keeps_the_moment_to_the_second(at):
    text = times.iso(at)

    assert text.endswith("+05:30")
    assert datetime.fromisoformat(text) == at.replace(microsecond=0)


@given(at=moments)
def test_the_clock_is_five_and_a_half_hours_ahead_of_utc(at):
    ahead = at.astimezone(UTC) + timedelta(hours=5, minutes=30)

    assert times.clock(at) == f"{ahead:%H:%M:%S}"


@given(at=moments, zone=zones)
def test_the_zone_in_which_a_moment_came_does_not_matter(at, zone):
    moved = at.astimezone(zone)

    assert times.clock(moved) == times.clock(at)
    assert times.moment(moved, at) == times.moment(at, at)


def test_the_zone_of_the_machine_does_not_matter(machine_zone):
    at = datetime(2026, 11, 20, 8, 11, 52, tzinfo=UTC)

    assert times.clock(at) == "13:41:52"
    assert times.iso(at) == "2026-11-20T13:41:52+05:30"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 20, 18, 45, tzinfo=UTC), "00:15:00"),  # already the 21st in India
        (datetime(2026, 11, 20, 18, 15, tzinfo=UTC), "20 Nov 23:45"),
        (datetime(2026, 1, 2, 4, 0, tzinfo=UTC), "2 Jan 09:30"),
        (datetime(2025, 12, 31, 18, 0, tzinfo=UTC), "31 Dec 2025 23:30"),
        (datetime(2025, 12, 31, 19, 0, tzinfo=UTC), "1 Jan 00:30"),  # this year, in India
        (datetime(2026, 11, 22, 4, 0, tzinfo=UTC), "22 Nov 09:30"),
    ],
)
def test_a_moment_says_as_much_of_its_day_as_is_needed(at, text):
    now = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)

    assert times.moment(at, now) == text


@pytest.mark.parametrize("wrong", [datetime(2026, 11, 20, 13, 41), "13:41", 5])  # noqa: DTZ001
def test_a_moment_without_a_zone_is_refused(wrong):
    with pytest.raises(TypeError):
        times.clock(wrong)
