"""The journal: nothing acknowledged is lost, nothing is invented, replay is exact."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.brokers.paper.engine import Command, Exchange
from accounts.brokers.paper.journal import Journal, JournalDamaged, open_exchange, replay
from tests.paper.engine_cast import FRIDAY_TEN, examples, try_to
from tests.paper.engine_histories import Story, histories

MADE = {"seed": 11, "start": FRIDAY_TEN}
SHARED_FOLDER = [HealthCheck.function_scoped_fixture]


def write(path: Path, commands: list[Command]) -> None:
    journal = Journal(path)
    journal.begin(MADE)
    for command in commands:
        journal.append(command)
    journal.sync()
    journal.close()


def fresh(path: Path) -> Path:
    for old in (path, path.with_name(path.name + ".snapshot")):
        old.unlink(missing_ok=True)
    return path


@settings(max_examples=examples(15), deadline=None, suppress_health_check=SHARED_FOLDER)
@given(histories)
def test_replaying_a_journal_gives_the_state_that_wrote_it(tmp_path, history):
    story = Story()
    story.run(history)
    path = fresh(tmp_path / "journal")
    write(path, story.commands)

    journal = Journal(path)
    again = replay(journal.load())
    journal.close()

    assert again.digest() == story.exchange.digest()


@settings(max_examples=examples(10), deadline=None, suppress_health_check=SHARED_FOLDER)
@given(histories, st.integers(0, 100))
def test_a_snapshot_in_the_middle_changes_nothing(tmp_path, history, percent):
    story = Story()
    story.run(history)
    path = fresh(tmp_path / "journal")
    exchange, journal = open_exchange(path, **MADE)
    for nth, command in enumerate(story.commands):
        try_to(exchange, command)
        journal.append(command)
        if nth == len(story.commands) * percent // 100:
            journal.snapshot(exchange.snapshot())
    journal.close()

    again, journal = open_exchange(path, seed=999, start=1)
    journal.close()

    assert again.digest() == story.exchange.digest()


@settings(max_examples=examples(40), deadline=None, suppress_health_check=SHARED_FOLDER)
@given(st.integers(0, 10**6))
def test_a_journal_torn_at_any_byte_keeps_every_whole_record(tmp_path, place):
    commands = [Command("tick", {"note": "x" * nth}, FRIDAY_TEN + nth) for nth in range(30)]
    path = fresh(tmp_path / "journal")
    ends = []
    journal = Journal(path)
    journal.begin(MADE)
    journal.sync()
    for command in commands:
        journal.append(command)
        journal.sync()
        ends.append(path.stat().st_size)
    journal.close()
    cut = place % (ends[-1] + 1)
    path.write_bytes(path.read_bytes()[:cut])

    torn = Journal(path)
    kept = torn.load().commands
    torn.append(Command("tick", {"note": "after"}, FRIDAY_TEN + 99))
    torn.close()
    healed = Journal(path)
    healed.close()

    assert kept == commands[: sum(end <= cut for end in ends)]
    assert healed.load().commands == [*kept, Command("tick", {"note": "after"}, FRIDAY_TEN + 99)]


def test_a_record_half_overwritten_by_rubbish_is_not_believed(tmp_path):
    path = tmp_path / "journal"
    write(path, [Command("tick", {}, FRIDAY_TEN), Command("tick", {}, FRIDAY_TEN + 1)])
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 0xFF
    path.write_bytes(bytes(raw))

    journal = Journal(path)
    journal.close()

    assert journal.load().commands == [Command("tick", {}, FRIDAY_TEN)]


@settings(max_examples=examples(60), deadline=None, suppress_health_check=SHARED_FOLDER)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_damage_before_whole_records_is_told_and_not_cut_off(tmp_path, place, flip):
    path = fresh(tmp_path / "journal")
    write(path, [Command("tick", {"note": "x" * nth}, FRIDAY_TEN + nth) for nth in range(10)])
    whole = path.read_bytes()
    last = whole.rindex(b'{"n":') - 8
    damaged = bytearray(whole)
    damaged[place % last] ^= flip
    path.write_bytes(bytes(damaged))

    with pytest.raises(JournalDamaged, match="truncate -s") as told:
        Journal(path)

    assert path.read_bytes() == bytes(damaged)
    at = int(str(told.value).partition("at byte ")[2].partition(",")[0])
    assert at <= place % last
    path.write_bytes(bytes(damaged[:at]))
    Journal(path).close()


@pytest.mark.parametrize("hole", [b"", b"\0" * 700, b"\xff" * 9])
def test_a_hole_in_the_middle_is_damage_as_well(tmp_path, hole):
    path = tmp_path / "journal"
    write(path, [Command("tick", {"note": "y" * 500}, FRIDAY_TEN + nth) for nth in range(5)])
    whole = path.read_bytes()
    path.write_bytes(whole[:700] + hole + whole[1_500:])

    with pytest.raises(JournalDamaged):
        Journal(path)


def test_a_crash_between_snapshot_and_truncation_replays_nothing_twice(tmp_path):
    path = tmp_path / "journal"
    exchange, journal = open_exchange(path, **MADE)
    opening = Command("account.open", {"name": "Asha", "cash": "5000"}, FRIDAY_TEN)
    exchange.execute(opening)
    journal.append(opening)
    journal.sync()
    before = path.read_bytes()
    journal.snapshot(exchange.snapshot())
    journal.close()
    path.write_bytes(before)

    again, journal = open_exchange(path)
    journal.close()

    assert again.digest() == exchange.digest()
    assert len(again.query("users")) == 1


def test_a_damaged_snapshot_is_not_taken_for_an_empty_exchange(tmp_path):
    path = tmp_path / "journal"
    exchange, journal = open_exchange(path, **MADE)
    journal.snapshot(exchange.snapshot())
    journal.close()
    snapshot = path.with_name("journal.snapshot")
    snapshot.write_bytes(snapshot.read_bytes()[:-9])

    with pytest.raises(JournalDamaged, match="move the whole folder away"):
        Journal(path)


def test_the_same_commands_make_byte_identical_journals(tmp_path):
    story = Story()
    story.run([("wait", 400, None), ("price", "NSE:INFY", 5), ("wait", 60, None)])

    write(tmp_path / "one", story.commands)
    write(tmp_path / "two", story.commands)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_unknown_kind_of_snapshot_is_refused():
    with pytest.raises(ValueError, match="another version"):
        Exchange.restore({"format": 0, "state": []})
