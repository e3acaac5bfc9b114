"""The monthly parts of what grows for ever: how large they are, and putting old ones away."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction

from accounts.brokers.errors import TradedeskError
from orders.engine import partitions

TABLES = {"events": "orders_taskevent", "inbox": "orders_heard"}
GUARDS = {"events": "orders_events_are_final", "inbox": "orders_heard_is_final"}
MONTH = re.compile(r"(?P<year>20\d\d)-(?P<month>0[1-9]|1[0-2])")
PATIENCE = "5s"  # for whoever reads or writes the table now


class NotPutAway(TradedeskError):
    """The month stays where it is; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One month of a table; the net, which holds what has no month, has an empty one."""

    table: str
    name: str
    month: str
    rows: int
    size: int
    is_detached: bool


def parts() -> list[Part]:
    """Give every part, those that were put away too."""
    return [part for table in TABLES for part in parts_of(table)]


def parts_of(table: str) -> list[Part]:
    stem = TABLES[table]
    attached = set(partitions.existing(stem))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() "
            "AND tablename ~ %s ORDER BY 1",
            [rf"^{stem}_(net|20\d\d_\d\d)$"],
        )
        names = [name for (name,) in cursor.fetchall()]
        found = []
        for name in names:
            cursor.execute(
                f"SELECT count(*), pg_total_relation_size(%s::regclass) FROM {name}",  # noqa: S608 - ours
                [name],
            )
            rows, size = cursor.fetchone()
            month = name.removeprefix(f"{stem}_").replace("_", "-")
            part = Part(
                table=table,
                name=name,
                month="" if month == "net" else month,
                rows=rows,
                size=size,
                is_detached=name not in attached,
            )
            found.append(part)
    return found


def check(table: str, month: str, at: datetime) -> str:
    """Give the name of the part, if it is one that can be put away."""
    if not MONTH.fullmatch(month):
        raise NotPutAway(f"{month}: write a month like 2026-08.")
    if month >= f"{at.astimezone(UTC):%Y-%m}":
        raise NotPutAway(f"{month} is not over. Only months that are past can be put away.")
    name = f"{TABLES[table]}_{month.replace('-', '_')}"
    found = next((one for one in parts_of(table) if one.name == name), None)
    if found is None:
        raise NotPutAway(f"There is no part {name}. `months list` shows those there are.")
    if found.is_detached:
        raise NotPutAway(f"{name} is put away already.")
    return name


@transaction.atomic
def detach(table: str, month: str, at: datetime) -> str:
    """Take a past month out of its table. Its rows stay in a table of their own, as final as before."""
    name = check(table, month, at)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute(f"ALTER TABLE {TABLES[table]} DETACH PARTITION {name}")
        guard = GUARDS[table]  # the table's own went with it
        cursor.execute(
            f"CREATE TRIGGER {guard} BEFORE UPDATE OR DELETE ON {name} "
            f"FOR EACH ROW EXECUTE FUNCTION {guard}()"
        )
    return name
