"""Write rows of CSV that a spreadsheet shows as they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from scimsync.formatting import printable

_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula (owasp.org, CSV Injection)."""


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a line of CSV for each row, in the form of `csv_cell`."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for row in rows:
        writer.writerow([csv_cell(value) for value in row])
        yield stream.getvalue()
        stream.seek(0)
        stream.truncate()


def csv_cell(value: object) -> object:
    """Return a value as a cell: times in ISO 8601, text without control characters.

    Text that a spreadsheet would read as a formula gets a leading apostrophe.
    """
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if value.lstrip(" ").startswith(_BEGINNINGS) else text
