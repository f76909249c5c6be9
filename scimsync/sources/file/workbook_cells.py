"""The text of a cell of a workbook: as a person sees it, if that is known."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

_DIGITS = 15
"""The significant digits of a number in Excel (Microsoft's specifications and limits of Excel)."""

_EXACT = 10**_DIGITS


def cell_text(value: object) -> str:
    """Return the text of a cell.

    Whole numbers have no decimals, and others as many as Excel keeps. Dates and times are ISO 8601,
    durations are hours, minutes and seconds, and booleans are `true` and `false`.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return _rounded(value).isoformat().removesuffix("000")
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, time):
        moment = _rounded(datetime.combine(date(2000, 1, 1), value))
        return moment.time().isoformat().removesuffix("000")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    text = f"{value:.{_DIGITS}g}"
    return f"{Decimal(text):f}" if "e" in text else text


def _rounded(value: datetime) -> datetime:
    """Return a time to the millisecond: Excel stores days as floating-point numbers."""
    milliseconds = round(value.microsecond / 1000)
    return value.replace(microsecond=0) + timedelta(milliseconds=milliseconds)


def _duration(value: timedelta) -> str:
    sign = "-" if value < timedelta() else ""
    minutes, seconds = divmod(round(abs(value).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours:02}:{minutes:02}:{seconds:02}"
