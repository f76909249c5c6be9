"""The `date` filter: read a date in the forms in which sources write it.

Without a format: `2026-11-24`, the same followed by a time (`2026-11-24T10:00:00Z`, `2026-11-24
10:00`), `2026/11/24`, `20261124`, and with dots the day first (`24.11.2026`). `24/11/2026` needs a
format, because `03/04/2026` is a different day in Europe and in America. The day is the one that is
written; a time zone does not move it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from scimsync.desired.expression_errors import UnusableValue, show

_YEAR_FIRST = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}.*)?", re.ASCII | re.IGNORECASE
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T\d{4}.*)?", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: \d{1,2}:\d{2}.*)?", re.ASCII)
_SLASHED = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}(?: .*)?", re.ASCII)


def read_date(value: Any, format: str | None = None) -> date | None:  # noqa: A002 the filter's argument
    """Return the day that `value` names; None for None and "".

    `format` is as in strptime: `date('%d/%m/%Y')`. Raises UnusableValue, with the forms that can be
    read, for anything else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        text = str(value).strip()
        if text:
            return _read(text, format)
        return None
    raise UnusableValue(f"{show(value)} is no date", code="SYNC-0322")


@lru_cache(maxsize=4096)
def _read(text: str, format: str | None) -> date:  # noqa: A002
    if format is not None:
        try:
            return datetime.strptime(text, format).replace(tzinfo=UTC).date()
        except ValueError:
            raise UnusableValue(
                f"{show(text)} is no date of the format {show(format)}", code="SYNC-0322"
            ) from None
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = match.group(1), match.group(3), match.group(4)
    elif match := _COMPACT.fullmatch(text):
        year, month, day = match.groups()
    elif match := _DOTTED.fullmatch(text):
        day, month, year = match.groups()
    elif _SLASHED.fullmatch(text):
        raise UnusableValue(
            f"{show(text)} can be read in two ways: write date('%d/%m/%Y') or date('%m/%d/%Y')",
            code="SYNC-0322",
        )
    else:
        raise UnusableValue(
            f"{show(text)} is no date; 2026-11-24, 24.11.2026 and 20261124 are, others need"
            " date('%d %b %Y')",
            code="SYNC-0322",
        )
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise UnusableValue(
            f"{show(text)} is no date: there is no such day", code="SYNC-0322"
        ) from None
