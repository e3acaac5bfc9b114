"""The home of a desk: where everything it keeps lies, and how its own servers are reached."""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

LONGEST_SOCKET = 107  # bytes of a Unix socket's path, on Linux
LONGEST_NAME = len("/postgres/.s.PGSQL.5432")


@dataclass(frozen=True)
class Home:
    """One folder with all that one desk keeps for ever, and a short one for its sockets."""

    path: Path

    @classmethod
    def at(cls, path: str | Path, base: Path) -> "Home":
        return cls((base / path).resolve())

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def first_login(self) -> Path:
        return self.path / "first-login.txt"

    @property
    def short(self) -> str:
        """Tell this home from others in a few letters, as in the names of cookies."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:8]

    @property
    def sockets(self) -> Path:
        """The folder of the servers' sockets; elsewhere when its path would be too long."""
        inside = self.run
        if len(os.fsencode(inside)) + LONGEST_NAME <= LONGEST_SOCKET:
            return inside
        place = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        return Path(place) / f"tradedesk-{os.getuid()}-{self.short}"

    @property
    def database_url(self) -> str:
        return (
            f"postgres://tradedesk@/tradedesk?host={quote(str(self.sockets / 'postgres'), safe='')}"
        )

    @property
    def redis_url(self) -> str:
        return f"unix://{self.sockets / 'redis' / 'redis.sock'}?db=0"

    @property
    def address(self) -> str:
        """Where the desk of this home was reached when it last started; empty before that."""
        return self.noted("address")

    @property
    def paper_url(self) -> str:
        """Where its paper exchange was reached then; commands of a shell are told nothing else."""
        return self.noted("paper-address")

    def noted(self, name: str) -> str:
        """Read what the desk notes at its start; empty before the first."""
        try:
            return (self.run / name).read_text().strip()
        except OSError:
            return ""

    def key(self, name: str) -> str:
        """Read one of the desk's own keys; empty before its first start."""
        file = self.keys / name
        try:
            return file.read_text().strip()
        except FileNotFoundError:
            return ""


def is_ours(folder: Path) -> bool:
    """Tell whether a folder in a shared place is ours alone."""
    facts = folder.lstat()
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o077
