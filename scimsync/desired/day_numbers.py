"""The filters `filetime`, `epoch`, and `excel_date`: read a day that a source writes as a number.

The first two are moments, which become days in UTC or in the time zone of the argument `tz`, such
as `Europe/Berlin`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from scimsync.desired.expression_errors import UnusableValue, show
from scimsync.desired.times import ZonedDay, zone_of

_FILETIME_START = datetime(1601, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = (0, 2**63 - 1)
"""The values of accountExpires for an account that never expires (Active Directory Schema,
attribute Account-Expires)."""
_UNITS: Mapping[str, int] = {"s": 1_000_000, "ms": 1000}
"""Microseconds in a unit."""
_EXCEL_START = date(1899, 12, 30)
_EXCEL_DAYS = range(61, 2_958_466)
"""1 March 1900 to the end of 9999. Excel counts a 29 February 1900 before that."""

_INTEGER = re.compile(r"-?\d{1,20}", re.ASCII)
_DECIMAL = re.compile(r"(-?\d{1,20})(?:\.\d{1,20})?", re.ASCII)
_ODATA = re.compile(r"/Date\((-?\d{1,20})(?:[+-]\d{4})?\)/", re.ASCII)


def read_filetime(value: Any, tz: str | None = None) -> date | None:
    """Return the day of a Windows FILETIME: the number of 100 nanoseconds since 1601 in UTC.

    Return None if `value` is empty, or 0 or 9223372036854775807, which mean "never" in Active
    Directory. Raise UnusableValue for anything else.
    """
    text = _text(value)
    if text is None:
        return None
    if _INTEGER.fullmatch(text):
        ticks = int(text)
        if ticks in _NEVER:
            return None
        if ticks > 0 and (day := _day(_FILETIME_START, ticks // 10, tz)):
            return day
    raise UnusableValue(f"{show(value)} is not a FILETIME", code="SYNC-0322")


def read_epoch(value: Any, unit: str = "s", tz: str | None = None) -> date | None:
    """Return the day of a number of seconds since 1970 in UTC, or None if `value` is empty.

    With the `unit` `"ms"`, it is a number of milliseconds, which may also be written as in OData 2:
    `/Date(1767225600000)/`. Raise UnusableValue for anything else.
    """
    if not isinstance(unit, str) or unit not in _UNITS:
        raise UnusableValue(
            f"epoch knows the units 's' and 'ms', not {show(unit)}", code="SYNC-0322"
        )
    text = _text(value)
    if text is None:
        return None
    match = (_ODATA.fullmatch(text) if unit == "ms" else None) or _DECIMAL.fullmatch(text)
    if match is not None:
        number = int(match[1])
        if day := _day(_EPOCH, number * _UNITS[unit], tz):
            return day
        if unit == "s" and _day(_EPOCH, number * _UNITS["ms"], tz):
            raise UnusableValue(
                f"{show(value)} is too large for a number of seconds; epoch('ms') reads"
                " milliseconds",
                code="SYNC-0322",
            )
    what = "seconds" if unit == "s" else "milliseconds"
    raise UnusableValue(f"{show(value)} is not a number of {what} since 1970", code="SYNC-0322")


def read_excel_date(value: Any) -> date | None:
    """Return the day that Excel writes as a number, such as 46023, or None if `value` is empty.

    A fraction is the time of the day. Raise UnusableValue for anything else, such as numbers below
    61, which Excel counts differently.
    """
    text = _text(value)
    if text is None:
        return None
    match = _DECIMAL.fullmatch(text)
    if match is not None and int(match[1]) in _EXCEL_DAYS:
        return _EXCEL_START + timedelta(days=int(match[1]))
    raise UnusableValue(f"{show(value)} is not the number of a day in Excel", code="SYNC-0322")


def _text(value: Any) -> str | None:
    """Return a text or a number as text, or None if it is empty; raise UnusableValue for others."""
    if value is None:
        return None
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value).strip() or None
    str(value)  # raises UndefinedError, with the reason, for what the record lacks
    raise UnusableValue(f"{show(value)} is not a day as a number", code="SYNC-0322")


def _day(start: datetime, microseconds: int, tz: str | None) -> date | None:
    """Return the day so long after `start`, or None if it is in no year from 1 to 9999."""
    zone = UTC if tz is None else zone_of(tz)
    try:
        day = (start + timedelta(microseconds=microseconds)).astimezone(zone).date()
    except OverflowError:
        return None
    return day if tz is None else ZonedDay.of(day, zone)
