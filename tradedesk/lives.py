"""Which process is which: a name that only one process ever has, and whether that one has certainly ended.

The kernel is asked, so a process that merely lost its line to the database never counts as dead.
"""

import os
import socket
from pathlib import Path

PROC = Path("/proc")
DEAD = {"Z", "X"}  # ended, whether or not its parent has noticed


def me() -> str:
    """Name this process: where it runs, when it began, its number."""
    pid = os.getpid()
    return f"{here()}:{began(pid) or ''}:{pid}"


def here() -> str:
    """Name the machine, and which of its process tables is ours."""
    try:
        table = str((PROC / "self/ns/pid").stat().st_ino)
    except OSError:
        table = ""
    return f"{socket.gethostname()[:24]}/{table}"


def is_gone(name: str) -> bool:
    """Tell whether a process has certainly ended; of another machine nobody here can tell."""
    place, _, life = name.partition(":")
    began_at, _, pid = life.partition(":")
    if place != here() or place.endswith("/") or not began_at or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return began(int(pid)) != began_at


def began(pid: int) -> str:
    """Read when a process began, in ticks since the machine did: nothing for one that has ended."""
    try:
        facts = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if facts[0] in DEAD else facts[19]
