"""Postgres without Django's help: a connection that is the caller's alone, and questions spelled in SQL."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import psycopg
from django.db import NotSupportedError, connection
from django.db.models import Field, Model

Values = Sequence[Any] | Mapping[str, Any]


def connect(**more: Any) -> "psycopg.Connection[Any]":
    """Open one; the caller closes it."""
    facts = connection.get_connection_params()
    for name in ("pool", "cursor_factory", "context", "prepare_threshold"):
        facts.pop(name, None)
    return psycopg.connect(**{**facts, **more})


@contextmanager
def planned() -> Iterator[Any]:
    """Lend a cursor whose statements are kept by the connection: Postgres need not plan them at every order.

    Django's own send their values within the text, so that none comes twice; of those nothing is kept.
    """
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    line: Any = connection.connection
    make: Any = (
        connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    )
    line.prepare_threshold = 0
    try:
        with make(psycopg.Cursor(line)) as cursor:
            yield cursor
    except NotSupportedError:  # a table was changed while we ran, and what is kept no longer fits
        line.close()
        raise
    finally:
        line.prepare_threshold = None


def answers(question: str, values: Values) -> list[tuple[Any, ...]]:
    """Ask something that is spelled in SQL, always in the same words."""
    with planned() as cursor:
        cursor.execute(question, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def change(statement: str, values: Values) -> int:
    """Write something that is spelled in SQL, always in the same words; tell how many rows it made or met."""
    with planned() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


class Rows[Row: Model]:
    """Whole rows of a table for a question that is spelled in SQL.

    On the way of an order, Django's spelling of a question costs more than what Postgres does with it.
    """

    def __init__(self, model: type[Row], *names: str) -> None:
        self.model = model
        self.names = names  # of the columns to read; all, where none is named

    @cached_property
    def fields(self) -> list["Field[Any, Any]"]:
        every = self.model._meta.concrete_fields
        return [one for one in every if not self.names or one.attname in self.names]

    @cached_property
    def readers(self) -> list[tuple[int, Any]]:
        """Name those fields whose values need more than Postgres' driver does."""
        return [
            (index, reader)
            for index, field in enumerate(self.fields)
            for reader in field.get_db_converters(connection)
        ]

    def columns(self, of: str) -> str:
        """Spell what to select of the table, under its name in the question."""
        return ", ".join(f'{of}."{field.column}"' for field in self.fields)

    def read(self, values: Sequence[Any]) -> Row:
        """Make a row of the values of its columns."""
        told = list(values)
        for index, reader in self.readers:
            told[index] = reader(told[index], None, connection)
        return self.model.from_db(connection.alias, [one.attname for one in self.fields], told)

    def of(self, question: str, values: Values) -> list[Row]:
        """Ask for rows; the question selects `columns` and nothing else."""
        return [self.read(one) for one in answers(question, values)]
