"""Typed readers of the environment that fail loudly, and say what to do, when a value is wrong."""

import ipaddress
import os
import re
import shlex
import subprocess
from datetime import datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def load(folder: Path) -> None:
    """Take the lines NAME=value of a .env file that the environment does not have already."""
    file = folder / text("ENV_FILE", ".env")
    if not file.exists() and text("ENV_FILE"):
        raise ImproperlyConfigured(f"ENV_FILE: there is no file {file}")
    if not file.is_file():
        return
    for number, line in enumerate(file.read_text().splitlines(), 1):
        name, equals, value = line.strip().partition("=")
        if not name or name.startswith("#"):
            continue
        if not equals or not name.strip().isidentifier():
            raise ImproperlyConfigured(f"{file.name}, line {number}: write it as NAME=value")
        os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def text(name: str, default: str = "") -> str:
    """Read a text; an empty variable counts as not set."""
    return os.environ.get(name, "").strip() or default


def number(name: str, default: int, *, least: int = 0) -> int:
    """Read a whole number that is not smaller than `least`."""
    value = text(name, str(default))
    if not value.isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}: give a whole number from {least} up")
    return int(value)


def refuse_old(name: str, *, now: str) -> None:
    """Refuse a variable that has another name by now: what it says would be passed over in silence."""
    if text(name):
        raise ImproperlyConfigured(f"{name} is called {now} now: rename it")


def flag(name: str, *, default: bool = False) -> bool:
    """Read an on/off switch."""
    value = text(name, "on" if default else "off").lower()
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}: say on or off")
    return value in TRUE


def choice(name: str, default: str, allowed: set[str]) -> str:
    """Read one of a few words."""
    value = text(name, default).lower()
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}: say {' or '.join(sorted(allowed))}")
    return value


def clock(name: str, default: str) -> time:
    """Read an hour of the day in IST."""
    value = text(name, default)
    try:
        return datetime.strptime(value, "%H:%M").time()  # noqa: DTZ007 - an hour, not a moment
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}: give an hour such as 08:00") from None


def words(name: str) -> list[str]:
    """Read a list separated by commas."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def matching(name: str, default: str, pattern: str, advice: str) -> str:
    """Read a text of a certain form."""
    value = text(name, default)
    if not re.fullmatch(pattern, value):
        raise ImproperlyConfigured(f"{name} is {value!r}: {advice}")
    return value


def address(name: str, default: str, *, like: str, value: str | None = None) -> str:
    """Read a URL with the scheme of the example, or no value; it is not repeated: it may hold a password."""
    found = text(name, default) if value is None else value
    is_redis = like.startswith("redis")
    schemes = {"redis", "rediss", "unix"} if is_redis else {"http", "https"}
    try:
        parts = urlsplit(found)
        is_whole = (
            bool(parts.path if parts.scheme == "unix" else parts.hostname) and parts.port != 0
        )
    except ValueError:  # a port or a host that is none
        is_whole = False
    if found and (not is_whole or parts.scheme not in schemes):
        raise ImproperlyConfigured(f"{name}: write it like {like}")
    return found


def dsn(name: str) -> str:
    """Read where errors are sent to: key, host and number of the project."""
    like = "https://key@errors.example.in/1"
    found = address(name, "", like=like, value=secret(name))
    parts = urlsplit(found)
    if found and not (parts.username and parts.path.rpartition("/")[2].isdecimal()):
        raise ImproperlyConfigured(f"{name}: write it like {like}")
    return found


def hosts(name: str) -> list[str]:
    """Read names of hosts, without scheme and port."""
    found = words(name)
    for host in found:
        if not re.fullmatch(r"\*|\.?[\w*-]+(\.[\w*-]+)*|\[[0-9A-Fa-f:.]+\]", host):
            raise ImproperlyConfigured(
                f"{name}: {host!r} is no host: write it like desk.example.in"
            )
    return found


def peers(name: str) -> list[str]:
    """Read addresses of machines, or the word unix."""
    found = words(name)
    for peer in found:
        try:
            peer == "unix" or ipaddress.ip_address(peer)
        except ValueError:
            raise ImproperlyConfigured(
                f"{name}: {peer!r} is no address: name each proxy, like 10.0.0.2, or say unix"
            ) from None
    return found


def secret(name: str) -> str:
    """Read a secret: from NAME itself, from the file NAME_FILE, or from what NAME_COMMAND prints."""
    if value := text(name):
        return value
    if file := text(f"{name}_FILE"):
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE: cannot read {file}: {error.strerror}"
            ) from error
    if command := text(f"{name}_COMMAND"):
        try:
            ran = subprocess.run(
                shlex.split(command), capture_output=True, text=True, timeout=20, check=True
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            # The command's own words may hold the secret: only its failing is told.
            raise ImproperlyConfigured(
                f"{name}_COMMAND did not work: {type(error).__name__}"
            ) from None
        return ran.stdout.strip()
    return ""


def database(url: str, *, pool: int) -> dict[str, Any]:
    """Turn postgres://user:password@host:port/name?option=value into Django's settings."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in {"postgres", "postgresql"} or not name:
        raise ImproperlyConfigured(
            "DATABASE_URL must look like postgres://user:password@host:5432/name"
        )
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or unquote(parts.hostname or "")
    options.setdefault("connect_timeout", 2)
    if pool:
        options["pool"] = {"min_size": 1, "max_size": pool, "timeout": 2, "max_idle": 60}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def celery_broker(redis_url: str) -> str:
    """Spell a redis-py address the way Celery wants it."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    return f"redis+socket://{parts.path}?virtual_host={redis_database(redis_url)}"


def redis_database(redis_url: str) -> str:
    """Tell which of a server's databases an address names."""
    parts = urlsplit(redis_url)
    path = "" if parts.scheme == "unix" else parts.path.strip("/")
    return dict(parse_qsl(parts.query)).get("db") or path or "0"
