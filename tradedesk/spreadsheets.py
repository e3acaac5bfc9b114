"""Files for spreadsheets: numbers plain, moments in full, and no text that acts as a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tradedesk.times import iso

# A cell that begins so is a formula to a spreadsheet, whoever typed it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - the wide ones too
BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets do not take the file for UTF-8


class Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Write the rows, the names of the columns first."""
    yield BYTE_ORDER_MARK
    yield from map(line, rows)


def line(row: Sequence[Any]) -> str:
    """Write one row."""
    written: str = csv.writer(Echo()).writerow([cell(value) for value in row])
    return written


def cell(value: Any) -> str:
    """Spell one value."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
