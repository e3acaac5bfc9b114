"""Which process is which, and whether it has certainly ended.

The kernel is asked, so a process that merely lost its line to the database never counts as dead. What
the kernel does not tell, or what another kernel would have to tell, nobody here knows: then it may live.
"""

import os
import socket
from pathlib import Path

PROC = Path("/proc")
ENDED = {b"Z", b"X"}  # whether or not its parent has noticed
NOWHERE = ""


def me() -> str:
    """Name this process: its machine, its kernel and table of processes, when it began, its number."""
    place, pid = here(), os.getpid()
    began = stat("self")[19].decode() if place else ""
    return f"{place or socket.gethostname()[:12]}:{began}:{pid}"


def here() -> str:
    """Name this kernel since its start, and which of its tables of processes is ours."""
    try:
        kernel = (PROC / "sys/kernel/random/boot_id").read_text().replace("-", "")[:16]
        table = (PROC / "self/ns/pid").stat().st_ino
        is_ours = number("self") == os.getpid()  # another table's files may be mounted here
    except OSError:
        return NOWHERE
    return f"{socket.gethostname()[:12]}/{kernel}/{table}" if is_ours else NOWHERE


def is_gone(name: str) -> bool:
    """Tell whether a process has certainly ended."""
    place, _, life = name.partition(":")
    began, _, pid = life.partition(":")
    if not began or not pid.isdecimal() or place != here():
        return False
    try:
        os.kill(int(pid), 0)
        facts = stat(pid)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return facts[0] in ENDED or facts[19] != began.encode()


def number(process: str) -> int:
    return int((PROC / process / "stat").read_bytes().split(b" ", 1)[0])


def stat(process: str) -> list[bytes]:
    """Read the kernel's facts of a process: its state first. Its name, left out, may hold anything."""
    return (PROC / process / "stat").read_bytes().rpartition(b")")[2].split()
