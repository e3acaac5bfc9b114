"""The journal on disk: what was commanded survives whatever happens to the process.

Each record is its length, a checksum and a line of JSON with a running number. A snapshot
stands beside it in a file of its own; what the journal holds from before it is skipped.
"""

import json
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any
from zlib import crc32

from .engine import EDITION, Command, Exchange, Refusal

logger = logging.getLogger(__name__)

HEADER = struct.Struct(">II")  # length and checksum of the payload
LONGEST = 64 * 1024 * 1024
BEGINNINGS = (b'{"n":', b'{"settings":')  # of every payload


class JournalDamaged(ValueError):
    """What was once safe on disk is not there any more; the message says what can be done."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the disk remembers."""

    settings: dict[str, Any] | None  # how the exchange was made, None for a new journal
    snapshot: dict[str, Any] | None
    commands: list[Command]


class Journal:
    """An append-only file of commands and, now and then, a snapshot beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.snapshot_path = path.with_name(path.name + ".snapshot")
        path.parent.mkdir(parents=True, exist_ok=True)
        created = not path.exists()
        self._file = path.open("ab+", buffering=0)
        if created:
            _sync_folder(path.parent)
        self._number = self._good = 0
        self._waiting: list[bytes] = []
        self._settings: dict[str, Any] | None = None
        try:
            self.loaded = self._load()
        except BaseException:
            self._file.close()
            raise

    def load(self) -> Loaded:
        """The snapshot and the commands since, as found when the journal was opened."""
        return self.loaded

    def _load(self) -> Loaded:
        snapshot, covered = self._read_snapshot()
        self._number = covered
        commands: list[Command] = []
        good = 0
        raw = self.path.read_bytes()
        for end, record in _records(raw):
            good = end
            if "settings" in record:
                self._settings = record["settings"]
            elif record["n"] > covered:
                self._number = record["n"]
                commands.append(_command(record))
        if _goes_on(raw, good):
            raise JournalDamaged(
                f"{self.path} is damaged at byte {good}, and whole records follow. Nothing was"
                " changed. Put back a copy of the file, or give up all that was recorded after"
                f" the damage: truncate -s {good} {quote(str(self.path))}"
            )
        if good < len(raw):
            logger.warning("The journal ended within a record; %s bytes cut off", len(raw) - good)
        self._repair(good)
        self._good = good
        return Loaded(self._settings, snapshot, commands)

    def _read_snapshot(self) -> tuple[dict[str, Any] | None, int]:
        if not self.snapshot_path.exists():
            return None, 0
        for _, record in _records(self.snapshot_path.read_bytes()):
            self._settings = record["settings"]
            return record["snapshot"], record["n"]
        raise JournalDamaged(
            f"{self.snapshot_path} is damaged. Nothing was changed. Put back a copy of the file,"
            " or move the whole folder away to begin with a new exchange"
        )

    def _repair(self, good: int) -> None:
        """Cut off a record that was being written when the process died."""
        if self._file.seek(0, os.SEEK_END) > good:
            self._file.truncate(good)
            os.fsync(self._file.fileno())
        self._file.seek(0, os.SEEK_END)

    def begin(self, settings: dict[str, Any]) -> None:
        """Note how the exchange was made; the first record of a new journal."""
        self._settings = {"edition": EDITION} | settings
        self._waiting.append(_record({"settings": self._settings}))

    def append(self, command: Command) -> None:
        """Add a command; it is safe after the next `sync`."""
        self._number += 1
        self._waiting.append(_record({
            "n": self._number, "op": command.op, "args": command.args, "at": command.at,
            "user": command.user,
        }))  # fmt: skip

    def sync(self) -> None:
        """Put everything appended so far safely on disk, or none of it."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        try:
            self._repair(self._good)  # what an earlier failure left behind
            _write(self._file.fileno(), b"".join(waiting))
            os.fdatasync(self._file.fileno())
        except OSError:
            # Half a record would hide everything written after it.
            with suppress(OSError):
                self._repair(self._good)
            raise
        self._good = self._file.seek(0, os.SEEK_END)

    def snapshot(self, snapshot: dict[str, Any]) -> None:
        """Keep the whole state, and begin the journal anew."""
        self.sync()
        record = _record({"settings": self._settings, "n": self._number, "snapshot": snapshot})
        unfinished = self.snapshot_path.with_name(self.snapshot_path.name + ".new")
        with unfinished.open("wb") as file:
            file.write(record)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.snapshot_path)
        _sync_folder(self.path.parent)
        # Should the process die here, the old records are skipped by their numbers.
        self._file.truncate(0)
        self._good = 0
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.sync()
        self._file.close()


def open_exchange(path: Path, **settings: Any) -> tuple[Exchange, Journal]:
    """The exchange as the disk remembers it, or a new one made with these settings."""
    journal = Journal(path)
    loaded = journal.load()
    if loaded.settings is None:
        journal.begin(settings)
        journal.sync()
        return Exchange(**settings), journal
    return replay(loaded), journal


def replay(loaded: Loaded) -> Exchange:
    """The exchange after everything the journal holds."""
    if loaded.snapshot is not None:
        exchange = Exchange.restore(loaded.snapshot)
    else:
        exchange = Exchange(**({"edition": 1} | (loaded.settings or {})))
    for command in loaded.commands:
        try:
            exchange.execute(command)
        except Refusal:
            continue  # it was refused the first time as well
        except Exception:
            # A fault of ours that did not stop the exchange then must not keep it down now.
            logger.exception("Command %s failed again", command.op)
    exchange.drain()
    return exchange


def _record(plain: dict[str, Any]) -> bytes:
    payload = json.dumps(plain, separators=(",", ":")).encode()
    return HEADER.pack(len(payload), crc32(payload)) + payload


def _records(raw: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """The whole records of a file and where each ends, up to the first damage."""
    place = 0
    while payload := _payload_at(raw, place):
        place += HEADER.size + len(payload)
        yield place, json.loads(payload)


def _payload_at(raw: bytes, place: int) -> bytes:
    """What the whole record that begins here holds; nothing where there is none."""
    if place + HEADER.size > len(raw):
        return b""
    length, checksum = HEADER.unpack_from(raw, place)
    payload = raw[place + HEADER.size : place + HEADER.size + length]
    whole = length <= LONGEST and len(payload) == length and crc32(payload) == checksum
    return payload if whole else b""


def _goes_on(raw: bytes, damage: int) -> bool:
    """Whether whole records follow a damage: then it is not one that was being written."""
    for beginning in BEGINNINGS:
        found = raw.find(beginning, damage + HEADER.size)
        while found >= 0:
            if _payload_at(raw, found - HEADER.size):
                return True
            found = raw.find(beginning, found + 1)
    return False


def _command(record: dict[str, Any]) -> Command:
    return Command(record["op"], record["args"], record["at"], record["user"])


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
