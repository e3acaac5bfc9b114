"""Tables that are cut by month, so that old months can be put away whole. A net catches what has no month."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import connection

TABLES = ("orders_taskevent", "orders_heard")
AHEAD = 3  # months made before they come


def month_after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


def ensure(at: datetime, tables: Sequence[str] = TABLES) -> list[str]:
    """Make the parts of this month and the next few; give the names of those that are new."""
    made = []
    year, month = at.astimezone(UTC).year, at.astimezone(UTC).month
    for _ in range(AHEAD + 1):
        after = month_after(year, month)
        for table in tables:
            name = f"{table}_{year}_{month:02}"
            if name not in existing(table):
                create(table, name, (year, month), after)
                made.append(name)
        year, month = after
    return made


def create(table: str, name: str, begins: tuple[int, int], ends: tuple[int, int]) -> None:
    since, until = (f"{year}-{month:02}-01 00:00+00" for year, month in (begins, ends))
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} "
            f"FOR VALUES FROM ('{since}') TO ('{until}')"
        )


def existing(table: str) -> list[str]:
    """Name the parts that a table has, its net included."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname FROM pg_inherits "
            "JOIN pg_class child ON child.oid = inhrelid "
            "JOIN pg_class parent ON parent.oid = inhparent "
            "WHERE parent.relname = %s ORDER BY 1",
            [table],
        )
        return [name for (name,) in cursor.fetchall()]


def lacking(at: datetime) -> list[str]:
    """Name what next month would miss: it is the desk's own work to make it in time."""
    year, month = month_after(at.astimezone(UTC).year, at.astimezone(UTC).month)
    wanted = {table: f"{table}_{year}_{month:02}" for table in TABLES}
    return [name for table, name in wanted.items() if name not in existing(table)]
