"""Backups: everything the product keeps for ever in one file, the keys apart."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from tradedesk.desk import CannotStart, folders
from tradedesk.desk.parts import Options
from tradedesk.desk.postgres import binaries
from tradedesk.desk.supervisor import Desk

# What lies in the home beside Postgres and is kept for ever.
FOLDERS = ("paper",)
FORMAT = 1
# Leaves the schema as initdb makes it, so that the next dump takes it for granted too.
EMPTY = """
DROP SCHEMA public CASCADE;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
COMMENT ON SCHEMA public IS 'standard public schema';
"""


def back_up(file: Path) -> dict[str, Any]:
    """Write the backup; a half-written one never has the wanted name."""
    unfinished = file.with_name(file.name + ".unfinished")
    facts = manifest()
    with servers(), tempfile.TemporaryDirectory() as place:
        dump = Path(place) / "database.dump"
        # Without the sessions: a restore must not let in who was logged out since.
        without = "--exclude-table-data=accounts_session"
        run_tool("pg_dump", "--format=custom", "--no-owner", without, "--file", str(dump))
        with tarfile.open(unfinished, "w:gz") as archive:
            unfinished.chmod(0o600)
            add_text(archive, "manifest.json", json.dumps(facts, indent=1))
            archive.add(dump, "database.dump")
            for name in FOLDERS:
                if (settings.HOME.path / name).exists():
                    archive.add(settings.HOME.path / name, f"home/{name}", filter=only_kept)
    unfinished.replace(file)
    return {**facts, "file": str(file), "bytes": file.stat().st_size}


def restore(file: Path) -> dict[str, Any]:
    """Put a backup in place of what the home holds now."""
    if folders.is_running(settings.HOME):
        raise CannotStart(f"a desk runs on {settings.HOME.path}: stop it, then restore")
    facts = read_manifest(file)
    folders.prepare(settings.HOME)
    with servers(), tempfile.TemporaryDirectory() as place:
        with tarfile.open(file) as archive:
            archive.extractall(place, filter="data")
        replace_database(Path(place))
        for name in FOLDERS:
            kept = Path(place) / "home" / name
            if kept.exists():
                put_in_place(kept, settings.HOME.path / name)
    return {**facts, "file": str(file), "keys_fit": facts["key"] == key_print()}


def replace_database(place: Path) -> None:
    """Put the dump in place of all that the database holds, in one transaction.

    Tables that a later release added are not in the dump: they go too, or its migrations,
    which then run again, would find them there.
    """
    script = place / "database.sql"
    run_tool("pg_restore", "--no-owner", "--file", str(script), str(place / "database.dump"))
    run_tool(
        "psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1",
        "--output", os.devnull, "--command", EMPTY, "--file", str(script),
    )  # fmt: skip


def put_in_place(kept: Path, target: Path) -> None:
    """Replace a folder of the home; the old one stays beside it until the new one is whole."""
    fresh, old = target.with_name(target.name + ".new"), target.with_name(target.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(kept, fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def read_manifest(file: Path) -> dict[str, Any]:
    try:
        with tarfile.open(file) as archive:
            member = archive.extractfile("manifest.json")
            assert member is not None
            facts: dict[str, Any] = json.load(member)
    except FileNotFoundError as error:
        raise CannotStart(f"there is no file {file}") from error
    except (tarfile.TarError, KeyError, ValueError, EOFError, OSError) as error:
        raise CannotStart(f"{file} is not a backup of a desk, or is damaged") from error
    if facts.get("format") != FORMAT:
        raise CannotStart(f"{file} has format {facts.get('format')}; this release reads {FORMAT}")
    return facts


def manifest() -> dict[str, Any]:
    return {"format": FORMAT, "made_at": datetime.now(UTC).isoformat(), "key": key_print()}


def key_print() -> str:
    """Tell keys apart without telling anything about them."""
    return hashlib.sha256(b"backup:" + settings.FIELD_ENCRYPTION_KEY[0].encode()).hexdigest()[:16]


def add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    facts = tarfile.TarInfo(name)
    facts.size, facts.mtime, facts.mode = len(text.encode()), int(time.time()), 0o600
    archive.addfile(facts, io.BytesIO(text.encode()))


def only_kept(facts: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out tokens and locks: they are made again."""
    return None if facts.name.endswith((".token", ".lock", ".new")) else facts


def run_tool(name: str, *arguments: str) -> None:
    """Run a Postgres program on our database, the password never on its command line."""
    facts = connection.settings_dict
    options = ["--username", facts["USER"], "--host", facts["HOST"]]
    if facts["PORT"]:
        options += ["--port", str(facts["PORT"])]
    if name == "pg_restore":
        options = []  # it writes a script, the database is not asked
    else:
        options += ["--dbname", facts["NAME"]]
    environment = {"PGPASSWORD": facts["PASSWORD"]} if facts["PASSWORD"] else {}
    command = [str(binaries() / name), *options, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    if ran.returncode:
        raise CannotStart(f"{name} failed: {ran.stderr.strip()[-500:]}")


@contextmanager
def servers() -> Iterator[None]:
    """Use the running desk's servers, or start them for as long as this takes."""
    home = settings.HOME
    if folders.is_running(home) or home.database_url != settings.DATABASE_URL:
        yield
        return
    if not home.keys.exists():
        raise CannotStart(f"there is no desk in {home.path}: name its home with TRADEDESK_HOME")
    folders.prepare(home)
    with folders.alone(home):
        stack = Desk(Options(home))
        try:
            stack.start_servers()
            yield
        finally:
            connection.close()
            stack.end()
