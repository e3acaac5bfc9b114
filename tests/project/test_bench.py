"""The measurements themselves: a row that misses or breaks is a result, never a lost file."""

import json
import time

import pytest
from django.core.management import CommandError, call_command

from tradedesk import bench
from tradedesk.bench import Found, Row
from tradedesk.management.commands import bench as command


def broken(stage):
    raise ValueError("the yardstick is gone")


def sleep_long(stage):
    time.sleep(30)
    return Found([30.0])


GOOD = Row("good", "a good one", "ms", 10, lambda stage: Found([12.0, 8.0, 9.0], {"n": 3}))
SLOW = Row("slow", "a slow one", "ms", 5, lambda stage: Found([7.0, 8.0, 9.0]))
MANY = Row(
    "many", "more is better", "/s", 100, lambda stage: Found([90.0, 120.0]), more_is_better=True
)
BROKEN = Row("broken", "a broken one", "s", 1, broken)


def test_the_best_of_the_repetitions_meets_the_goal():
    good, slow, many = bench.run([GOOD, SLOW, MANY], say=lambda text: None)

    assert (good["value"], good["ok"], good["goal"]) == (8.0, True, "< 10 ms")
    assert good["detail"] == {"repetitions": [12.0, 8.0, 9.0], "median": 9.0, "n": 3}
    assert (slow["value"], slow["ok"]) == (7.0, False)
    assert (many["value"], many["ok"], many["goal"]) == (120.0, True, ">= 100 /s")


def test_a_row_that_breaks_costs_only_itself():
    first, second = bench.run([BROKEN, GOOD], say=lambda text: None)

    assert first["value"] is None
    assert not first["ok"]
    assert first["detail"]["error"] == "ValueError: the yardstick is gone"
    assert second["ok"]


def test_a_row_that_hangs_is_ended():
    hanging = Row("hanging", "never ends", "s", 1, sleep_long, seconds=1)
    began = time.monotonic()

    (result,) = bench.run([hanging], say=lambda text: None)

    assert time.monotonic() - began < 10
    assert result["detail"]["error"] == "TimeoutError: not done after 1 s"


def test_no_row_begins_when_the_call_has_no_time_left(monkeypatch):
    monkeypatch.setattr(bench, "CALL_SECONDS", -1)

    (result,) = bench.run([GOOD], say=lambda text: None)

    assert result["detail"]["error"] == "no time was left: measure it in a call of its own"


def test_the_file_is_written_even_when_a_row_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "ROWS", [GOOD, BROKEN])

    with pytest.raises(CommandError, match="could not be measured: broken"):
        call_command("bench", json=tmp_path / "rows.json")

    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["good", "broken"]
    assert set(rows[0]) == {"name", "value", "unit", "goal", "ok", "detail"}


def test_an_unknown_row_is_refused_with_the_way_to_the_names():
    with pytest.raises(CommandError, match="no row paper; --list names them"):
        call_command("bench", "paper")


def test_the_list_names_every_row(capsys):
    call_command("bench", list=True)

    assert {"desk_again", "home_page"} <= set(capsys.readouterr().out.split())
