"""How commands speak: exactly one JSON document with --json, and a plain word when no desk runs."""

import json
import math
import os
import sys
from argparse import ArgumentTypeError
from typing import Any
from urllib.parse import urlsplit

from django.core.management import execute_from_command_line
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder


def run(arguments: list[str]) -> None:
    """Run a command; a server that is not there is said in words, not as a traceback."""
    os.environ.setdefault("DATABASE_POOL", "0")  # a short-lived process needs one connection
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.db.utils import OperationalError
    from redis.exceptions import ConnectionError as RedisGone

    try:
        execute_from_command_line(arguments)
    except ImproperlyConfigured as error:
        sys.exit(f"tradedesk: {error}")
    except (OperationalError, RedisGone) as error:
        from tradedesk.desk.folders import is_running

        is_the_desks = settings.HOME.database_url == settings.DATABASE_URL
        if is_the_desks and not is_running(settings.HOME):
            sys.exit(
                f"tradedesk: no desk runs on {settings.HOME.path}. Start it with "
                "`python3 manage.py desk`, or name its home: TRADEDESK_HOME=/its/folder"
            )
        sys.exit(f"tradedesk: {str(error).strip().splitlines()[0]}")


def site(text: str) -> str:
    """Read what links begin with: the address of a desk, as a browser shows it."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ArgumentTypeError(f"{text!r}: write it like https://desk.example.in/")
    return text


def seconds(text: str, option: str) -> float:
    """Read how long to wait: a word such as nan would wait for ever, or not at all."""
    try:
        given = float(text)
    except ValueError:
        given = math.nan
    if not (math.isfinite(given) and given >= 0):
        raise CommandError(f"{option} is {text!r}: give seconds, such as 2.5", returncode=2)
    return given


class JsonCommand(BaseCommand):
    """A command that answers people in text and programs in JSON."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def answer(self, facts: Any, *, text: str, as_json: bool) -> None:
        """Print the facts the way they were asked for."""
        if as_json:
            self.stdout.write(json.dumps(facts, cls=DjangoJSONEncoder, ensure_ascii=False))
        else:
            self.stdout.write(text)
