"""Makes a desk's home and keys, and keeps two desks out of one home."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet

from tradedesk.desk import CannotStart
from tradedesk.home import Home, is_ours

PARTS = {"backups", "beat", "keys", "log", "metrics", "paper", "postgres", "redis", "run", "static"}
LEAST_FREE = 200  # megabytes


def prepare(home: Home) -> None:
    """Make the folders and, the first time, the keys."""
    try:
        refuse_foreign(home.path)
        home.path.mkdir(parents=True, exist_ok=True)
        # Postgres of a root desk is another user: it must pass through, but read nothing.
        home.path.chmod(0o711 if os.getuid() == 0 else 0o700)
        for folder in (home.keys, home.log, home.path / "beat", home.path / "redis"):
            folder.mkdir(mode=0o700, exist_ok=True)
        home.run.mkdir(mode=0o711, exist_ok=True)
        make_sockets(home)
        keep(home.keys / "secret-key", secrets.token_urlsafe(60))
        keep(home.keys / "field-key", Fernet.generate_key().decode())
    except PermissionError as error:
        raise CannotStart(
            f"cannot write {error.filename}: choose another place with --home"
        ) from error
    except OSError as error:
        raise CannotStart(
            f"cannot make {home.path}: {error.strerror}. Try another --home"
        ) from error
    free = shutil.disk_usage(home.path).free // 2**20
    if free < LEAST_FREE:
        raise CannotStart(
            f"the disk of {home.path} is full: {free} MB are free, a desk needs {LEAST_FREE}"
        )


def refuse_foreign(path: Path) -> None:
    """Never move into a folder that is somebody else's."""
    if path.exists() and not path.is_dir():
        raise CannotStart(f"{path} is a file: --home names a folder")
    if not path.exists() or (path / "keys").exists():
        return
    strangers = [entry.name for entry in path.iterdir() if entry.name not in PARTS]
    if strangers:
        raise CannotStart(
            f"{path} holds other things ({strangers[0]}): give the desk an empty folder with --home"
        )


def make_sockets(home: Home) -> None:
    """Make the folder of the sockets; in a shared place nobody else may have made it."""
    if home.sockets != home.run:
        home.sockets.mkdir(mode=0o700, exist_ok=True)
        if not is_ours(home.sockets):
            raise CannotStart(f"{home.sockets} belongs to somebody else: remove it")
        home.sockets.chmod(0o711 if os.getuid() == 0 else 0o700)
    (home.sockets / "redis").mkdir(mode=0o700, exist_ok=True)
    (home.sockets / "postgres").mkdir(mode=0o700, exist_ok=True)


def keep(file: Path, value: str) -> None:
    """Write a secret that only we can read, unless there is one already."""
    if file.exists():
        return
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(value + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    fresh.rename(file)


def set_aside(home: Home) -> Path | None:
    """Move an old home out of the way; nothing is deleted."""
    if not home.path.exists():
        return None
    aside = home.path.with_name(f"{home.path.name}.{datetime.now().astimezone():%Y-%m-%d-%H%M%S}")
    home.path.rename(aside)
    return aside


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """Hold the home for as long as this desk runs."""
    with (home.run / "desk.lock").open("a+") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            guard.seek(0)
            raise CannotStart(
                f"a desk already runs on {home.path} (process {guard.read().strip() or 'unknown'}). "
                "Use that one, stop it, or give this one another --home"
            ) from None
        guard.truncate(0)
        guard.write(str(os.getpid()))
        guard.flush()
        yield


def is_running(home: Home) -> bool:
    """Tell whether a desk holds this home."""
    try:
        with (home.run / "desk.lock").open("a") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
