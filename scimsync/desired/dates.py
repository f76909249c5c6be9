"""The filters `date` and `datetime`: read a date in one of the forms that sources commonly use.

Without a format, it reads `2026-11-24`, the same followed by a time (`2026-11-24T10:00:00Z`,
`2026-11-24 10:00`) or by a time zone (`2026-11-24-08:00`, a date of XML Schema), `2026/11/24`,
`20261124`, and with dots, day first (`24.11.2026`). `24/11/2026` needs a format, because Europeans
and Americans read `03/04/2026` as different days. The result is the day as written: a time zone
after it does not change it, unless the argument `tz` says of which time zone the day is.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import Any

from scimsync.desired.expression_errors import UnusableValue, show
from scimsync.desired.times import RunTime, ZonedDay, zone_of

_YEAR_FIRST = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}.*|Z|[+-]\d{2}:\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T\d{4}.*)?", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: \d{1,2}:\d{2}.*)?", re.ASCII)
_SLASHED = re.compile(r"\d{1,2}[/-]\d{1,2}[/-]\d{2,4}(?: .*)?", re.ASCII)
_DOTTED_TIME = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})((?: \d{2}:\d{2}.*)?)", re.ASCII)
_OFFSET = re.compile(r":\d{2}.*(?:Z|[+-]\d{2}:?\d{2})$", re.ASCII | re.IGNORECASE)
_LONGEST = 100


def read_date(
    value: Any,
    format: str | None = None,  # noqa: A002 the filter's argument
    tz: str | None = None,
) -> date | None:
    """Return the day that `value` names, or None if `value` is None or "".

    `format` is a strptime format: `date('%d/%m/%Y')`. With `tz`, the day is one in this time zone,
    and a value with a time and an offset is the day that it was there. Raise UnusableValue, with
    the accepted formats in its text, for anything else.
    """
    if value is None or value == "":
        return None
    if tz is not None:
        return _in_zone(value, format, zone_of(tz))
    if isinstance(value, RunTime):
        return value.day(None)
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


def read_datetime(
    value: Any,
    format: str | None = None,  # noqa: A002 the filter's argument
    tz: str | None = None,
) -> datetime | None:
    """Return the moment that `value` names, or None if `value` is None or "".

    A value without an offset is a time in the time zone `tz`, and without a time the beginning of
    the day. `format` is a strptime format. Raise UnusableValue for anything else.
    """
    if value is None or value == "":
        return None
    zone = None if tz is None else zone_of(tz)
    if isinstance(value, datetime):
        return _aware(value, zone, value)
    if isinstance(value, date):
        return _aware(datetime.combine(value, time()), zone, value.isoformat())
    text = value.strip() if isinstance(value, str) else value
    if text == "":
        return None
    if not isinstance(text, str) or len(text) > _LONGEST or len(format or "") > _LONGEST:
        raise UnusableValue(f"{show(value)} is not a time", code="SYNC-0322")
    return _aware(_moment(text, format), zone, text)


def _aware(moment: datetime, zone: tzinfo | None, shown: object) -> datetime:
    if moment.tzinfo is not None:
        return moment.astimezone(zone or UTC)
    if zone is None:
        raise UnusableValue(
            f"{show(shown)} does not say in which time zone: write datetime(tz='Europe/Berlin')",
            code="SYNC-0322",
        )
    return moment.replace(tzinfo=zone)


def _in_zone(value: Any, format: str | None, zone: tzinfo) -> date | None:  # noqa: A002
    if isinstance(value, RunTime):
        return value.day(zone)
    moment = value if isinstance(value, datetime) else None
    if isinstance(value, str) and len(value) <= _LONGEST and _OFFSET.search(value.strip()):
        with suppress(UnusableValue):
            moment = _moment(value.strip(), format)
    if moment is not None and moment.tzinfo is not None:
        return ZonedDay.of(moment.astimezone(zone).date(), zone)
    day = read_date(value, format)
    return None if day is None else ZonedDay.of(day, zone)


@lru_cache(maxsize=4096)
def _moment(text: str, format: str | None) -> datetime:  # noqa: A002
    """Return the time that a text names, aware if it has an offset."""
    try:
        if format is not None:
            return datetime.strptime(text, format)  # noqa: DTZ007 - it may have an offset
        dotted = _DOTTED_TIME.fullmatch(text)
        if dotted is not None:
            day, month, year, rest = dotted.groups()
            text = f"{year}-{month:0>2}-{day:0>2}{rest}"
        return datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        other = (
            "of the format " + show(format) if format is not None else "such as 2026-11-24 18:00"
        )
        raise UnusableValue(f"{show(text)} is not a time {other}", code="SYNC-0322") from None


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
