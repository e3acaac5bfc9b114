"""A connection to Postgres that is nobody's but the caller's: no pool, no Django."""

from typing import Any

import psycopg
from django.db import connection


def connect(**more: Any) -> "psycopg.Connection[Any]":
    """Open one; the caller closes it."""
    facts = connection.get_connection_params()
    for name in ("pool", "cursor_factory", "context", "prepare_threshold"):
        facts.pop(name, None)
    return psycopg.connect(**{**facts, **more})
