"""What tables of a panel share: columns that sort, tabs, and choices that filter; all on the server."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from orders.panels import Panel

type By = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table; with `by` its head sorts the rows."""

    label: str
    name: str = ""
    look: str = ""
    by: By | None = None
    is_spoken: bool = False  # its head is for those who hear the page


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a column as it stands: where a click leads, and how the rows are sorted by it."""

    label: str
    look: str
    is_spoken: bool
    href: str = ""
    aria_sort: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A view of a panel, with how much stands in it."""

    name: str
    href: str
    count: int | None
    is_here: bool


def heads(panel: Panel, columns: Iterable[Column], first: str) -> list[Head]:
    """Give the heads; `first` is how the rows stand when nobody asked otherwise."""
    asked = sorting(panel, columns, first)
    name, is_falling = asked.lstrip("-"), asked.startswith("-")
    found = []
    for column in columns:
        is_here = bool(column.by) and column.name == name
        other = column.name if is_here and is_falling else f"-{column.name}"
        found.append(
            Head(
                label=column.label,
                look=column.look,
                is_spoken=column.is_spoken,
                href=panel.link(sort=other) if column.by else "",
                aria_sort=("descending" if is_falling else "ascending") if is_here else "",
            )
        )
    return found


def sorting(panel: Panel, columns: Iterable[Column], first: str) -> str:
    """Read by what the rows are to be sorted; what is no column is as if nobody had asked."""
    asked = panel.query.get("sort", "")
    known = {column.name for column in columns if column.by}
    return asked if asked.removeprefix("-") in known else first


def in_order(panel: Panel, columns: Sequence[Column], rows: Sequence[Any], first: str) -> list[Any]:
    """Sort the rows; what has no value stands last, whichever way."""
    asked = sorting(panel, columns, first)
    by = next(column.by for column in columns if column.by and column.name == asked.lstrip("-"))
    assert by is not None
    valued = [(value, row) for row in rows if (value := by(row)) is not None]
    valued.sort(key=lambda one: one[0], reverse=asked.startswith("-"))
    return [row for _, row in valued] + [row for row in rows if by(row) is None]


def matches(text: str, *values: str) -> bool:
    """Tell whether every word of a filter stands somewhere in these."""
    there = " ".join(values).lower()
    return all(word in there for word in text.lower().split())
