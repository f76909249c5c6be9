"""The `date` filter: read a date in one of the forms that sources commonly use.

Without a format, it reads `2026-11-24`, the same followed by a time (`2026-11-24T10:00:00Z`,
`2026-11-24 10:00`) or by a time zone (`2026-11-24-08:00`, a date of XML Schema), `2026/11/24`,
`20261124`, and with dots, day first (`24.11.2026`). `24/11/2026` needs a format, because Europeans
and Americans read `03/04/2026` as different days. The result is the day as written: a time zone
after it does not change it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from scimsync.desired.expression_errors import UnusableValue, show

_YEAR_FIRST = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}.*|Z|[+-]\d{2}:\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T\d{4}.*)?", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: \d{1,2}:\d{2}.*)?", re.ASCII)
_SLASHED = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}(?: .*)?", re.ASCII)
_LONGEST = 100


def read_date(value: Any, format: str | None = None) -> date | None:  # noqa: A002 the filter's argument
    """Return the day that `value` names, or None if `value` is None or "".

    `format` is a strptime format: `date('%d/%m/%Y')`. Raise UnusableValue, with the accepted
    formats in its text, for anything else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        text = str(value).strip()
        if not text:
            return None
        if len(text) <= _LONGEST and (format is None or len(format) <= _LONGEST):
            return _read(text, format)
    raise UnusableValue(f"{show(value)} is not a date", code="SYNC-0322")


@lru_cache(maxsize=4096)
def _read(text: str, format: str | None) -> date:  # noqa: A002
    if format is not None:
        try:
            return datetime.strptime(text, format).replace(tzinfo=UTC).date()
        except ValueError:
            raise UnusableValue(
                f"{show(text)} is not a date of the format {show(format)}", code="SYNC-0322"
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
            f"{show(text)} is not a date such as 2026-11-24, 24.11.2026 or 20261124; other forms"
            " need their format: date('%d %b %Y')",
            code="SYNC-0322",
        )
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise UnusableValue(
            f"{show(text)} is not a date: there is no such day", code="SYNC-0322"
        ) from None
