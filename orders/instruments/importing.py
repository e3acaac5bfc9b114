"""Bringing a master up to date: the whole list into a temporary table, then one transaction."""

import csv
import logging
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import DataError, connection, transaction

from accounts.brokers.errors import BrokerError
from accounts.brokers.types import Instrument as Listed
from orders.instruments.models import CASH, Kind, MasterImport, Outcome
from orders.instruments.words import compact, words_of
from tradedesk.times import in_ist

logger = logging.getLogger(__name__)

MOST_GONE = Decimal("0.3")  # of an exchange, expired contracts not counted: more cannot be true
LARGEST = 10**9
# What an answer that breaks off or is no list looks like by the time it arrives here.
BROKEN = (BrokerError, OSError, ValueError, csv.Error, DataError)

COLUMNS = {
    "exchange": "varchar(12)",
    "symbol": "varchar(64)",
    "segment": "varchar(16)",
    "kind": "varchar(8)",
    "name": "varchar(120)",
    "underlying": "varchar(64)",
    "instrument_token": "bigint",
    "exchange_token": "varchar(20)",
    "expiry": "date",
    "strike": "numeric(14, 4)",
    "lot_size": "integer",
    "tick_size": "numeric(12, 4)",
    "compact": "varchar(64)",
    "family": "varchar(64)",
    "words": "varchar(300)",
}
MINE = [*COLUMNS, "has_contracts"]  # what an import writes, and compares


class Implausible(Exception):
    """This cannot be the whole list; the old master stays."""


class Reader:
    """Turns listed rows into lines of the table and counts those that cannot be one."""

    def __init__(self, rows: Iterable[Listed]) -> None:
        self.rows = rows
        self.unreadable = 0

    def lines(self) -> Iterator[tuple[Any, ...]]:
        for row in self.rows:
            if is_sound(row):
                yield line_of(row)
            else:
                self.unreadable += 1


def import_master(
    master: str, rows: Iterable[Listed], *, at: datetime, accept_shrinkage: bool = False
) -> MasterImport:
    """Make the master what these rows say, or leave it as it was; either way write down which."""
    began = time.monotonic()
    record = MasterImport(master=master, at=at, outcome=Outcome.DONE)
    reader = Reader(rows)
    try:
        with transaction.atomic():
            bring_in(record, reader, accept_shrinkage=accept_shrinkage)
    except Implausible as refusal:
        record.outcome, record.error = Outcome.REFUSED, str(refusal)[:500]
    except BROKEN as error:
        record.outcome, record.error = Outcome.FAILED, said(error)
    if not record.is_done:
        record.added = record.changed = record.gone = 0
        logger.warning("Instruments of %s stay as they were: %s", master, record.error)
    record.unreadable = reader.unreadable
    record.seconds = Decimal(str(round(time.monotonic() - began, 3)))
    record.save()
    return record


def note_failure(master: str, error: BrokerError, *, at: datetime) -> MasterImport:
    """Write down that no list came."""
    record = MasterImport(master=master, at=at, outcome=Outcome.FAILED, error=said(error))
    logger.warning("Instruments of %s stay as they were: %s", master, record.error)
    record.save()
    return record


def said(error: Exception) -> str:
    """Write an error for people, with its name where its text alone says little."""
    text = str(error) if isinstance(error, BrokerError) else f"{type(error).__name__}: {error}"
    return text.replace("\x00", "")[:500]


def bring_in(record: MasterImport, reader: Reader, *, accept_shrinkage: bool) -> None:
    """Copy, judge, and only then touch what people read."""
    today = in_ist(record.at).date()
    with connection.cursor() as cursor:
        # Two imports of one master wait for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"master {record.master}"])
        # The planner does not know how many rows of this master there are: it would read the table
        # that is being filled once for each new row.
        cursor.execute("SET LOCAL enable_nestloop = off")
        copied = copy_in(cursor, reader)
        record.duplicates = drop_duplicates(cursor)
        record.rows = copied - record.duplicates
        if not record.rows:
            raise Implausible("the list is empty")
        mark_underlyings(cursor)
        if not accept_shrinkage:
            refuse_shrinkage(cursor, record.master, today)
        record.gone = retire(cursor, record.master, last_day_before(record, today))
        record.changed = renew(cursor, record.master)
        record.added = add(cursor, record.master, today)
        if record.added + record.changed + record.gone:
            cursor.execute("ANALYZE orders_instrument")


def copy_in(cursor: Any, reader: Reader) -> int:
    """Stream the rows into a table that ends with the transaction."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming")
    cursor.execute(
        f"CREATE TEMPORARY TABLE incoming (line bigserial, {columns}, "
        "has_contracts boolean NOT NULL DEFAULT false) ON COMMIT DROP"
    )
    copied = 0
    with cursor.copy(f"COPY incoming ({', '.join(COLUMNS)}) FROM STDIN") as copy:
        for line in reader.lines():
            copy.write_row(line)
            copied += 1
    cursor.execute("CREATE INDEX ON incoming (exchange, symbol)")
    cursor.execute("ANALYZE incoming")
    return copied


def drop_duplicates(cursor: Any) -> int:
    """Keep the first of several lines with one key."""
    cursor.execute(
        "DELETE FROM incoming AS later USING incoming AS first WHERE later.exchange = first.exchange "
        "AND later.symbol = first.symbol AND later.line > first.line"
    )
    return int(cursor.rowcount)


def mark_underlyings(cursor: Any) -> None:
    """Mark shares that contracts are written on: they come first when searched."""
    cursor.execute(
        "UPDATE incoming SET has_contracts = true WHERE expiry IS NULL AND family IN "
        "(SELECT family FROM incoming WHERE expiry IS NOT NULL)"
    )


def refuse_shrinkage(cursor: Any, master: str, today: date) -> None:
    """Refuse a list that lacks much of an exchange that has not expired."""
    cursor.execute(
        "SELECT exchange, count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM incoming WHERE "
        "incoming.exchange = known.exchange AND incoming.symbol = known.symbol)) "
        "FROM orders_instrument AS known WHERE master = %s AND is_active "
        "AND (expiry IS NULL OR expiry >= %s) GROUP BY exchange ORDER BY exchange",
        [master, today],
    )
    shrunk = [
        f"{gone} of {known} of {exchange} are gone"
        for exchange, known, gone in cursor.fetchall()
        if gone > MOST_GONE * known
    ]
    if shrunk:
        raise Implausible(", ".join(shrunk))


def last_day_before(record: MasterImport, today: date) -> date:
    """Tell the day of the list before this one."""
    before = MasterImport.objects.filter(master=record.master, outcome=Outcome.DONE).first()
    return in_ist(before.at).date() if before else today


def retire(cursor: Any, master: str, last_seen: date) -> int:
    """Mark what is not listed any more."""
    cursor.execute(
        "UPDATE orders_instrument AS known SET is_active = false, last_seen = %s "
        "WHERE master = %s AND is_active AND NOT EXISTS (SELECT FROM incoming WHERE "
        "incoming.exchange = known.exchange AND incoming.symbol = known.symbol)",
        [last_seen, master],
    )
    return int(cursor.rowcount)


def renew(cursor: Any, master: str) -> int:
    """Write what differs, and only that: a row that stays the same is not touched."""
    changes = ", ".join(f"{name} = incoming.{name}" for name in MINE)
    known, new = (", ".join(f"{table}.{name}" for name in MINE) for table in ("known", "incoming"))
    cursor.execute(
        f"UPDATE orders_instrument AS known SET {changes}, is_active = true, last_seen = NULL "  # noqa: S608
        "FROM incoming WHERE known.master = %s AND known.exchange = incoming.exchange "
        f"AND known.symbol = incoming.symbol AND (NOT known.is_active OR ({known}) IS DISTINCT FROM ({new}))",
        [master],
    )
    return int(cursor.rowcount)


def add(cursor: Any, master: str, today: date) -> int:
    """Add what was never listed before."""
    names = ", ".join(MINE)
    cursor.execute(
        f"INSERT INTO orders_instrument (master, is_active, first_seen, {names}) "  # noqa: S608
        f"SELECT %s, true, %s, {names} FROM incoming WHERE NOT EXISTS (SELECT FROM orders_instrument "
        "AS known WHERE known.master = %s AND known.exchange = incoming.exchange "
        "AND known.symbol = incoming.symbol)",
        [master, today, master],
    )
    return int(cursor.rowcount)


# Rows ----------------------------------------------------------------------------------------


def is_sound(row: Listed) -> bool:
    """Tell whether a row can be kept: the end of a torn list and garbage cannot."""
    texts = (
        (row.exchange, 12), (row.symbol, 64), (row.segment, 16), (row.kind, 8),
    )  # fmt: skip
    return (
        all(text and len(text) <= most and "\x00" not in text for text, most in texts)
        and row.instrument_token > 0
        and 1 <= row.lot_size < LARGEST
        and 0 <= row.tick_size < LARGEST
        and 0 <= (row.strike or 0) < LARGEST
    )


def line_of(row: Listed) -> tuple[Any, ...]:
    kind = kind_of(row)
    name = (row.name or "").replace("\x00", "")[:120]
    underlying = row.symbol if kind in CASH else (name or row.symbol)[:64]
    return (
        row.exchange, row.symbol, row.segment, kind, name, underlying, row.instrument_token,
        (row.exchange_token or "")[:20], row.expiry, row.strike, row.lot_size, row.tick_size,
        compact(row.symbol), compact(underlying), words_of(row),
    )  # fmt: skip


def kind_of(row: Listed) -> str:
    """Tell an index from a share: brokers list both as EQ."""
    return Kind.INDEX if row.segment == "INDICES" else row.kind
