"""Points in time and durations, as people write and read them."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import pairwise

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
UNITS = tuple(_SECONDS)
"""The units of durations."""

LONG_UNITS = ("h", "d", "w")
"""The units of durations in which `m` could be taken for months."""

_DURATION = re.compile(r"(\d{1,6})\s*(s|m|min|h|d|w)")

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
"""What durations are printed in, the largest unit first."""


def parse_duration(text: str, units: Collection[str] = UNITS) -> timedelta | None:
    """Return a duration such as `90s`, `15m`, `12h`, `30d` or `8w`, at most a million weeks.

    Return None if `text` is not a duration, or has a unit that is not in `units`.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or match[2] not in units:
        return None
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def parse_past(text: str, now: datetime) -> datetime | None:
    """Return a point in time: `2026-11-24`, `2026-11-24T10:00`, or as long before `now` as `3h`.

    A time without a zone is local. Return None if `text` is none of these.
    """
    try:
        ago = parse_duration(text.lower())
        return datetime.fromisoformat(text.strip()).astimezone() if ago is None else now - ago
    except (ValueError, OverflowError, OSError):
        return None


def format_duration(duration: timedelta | float) -> str:
    """Return a duration (a number is of seconds) in its two largest units.

    For example `0.4 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
    """
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    for (unit, size), (small_unit, small_size) in pairwise(_UNITS):
        if whole >= size:
            rest = whole % size // small_size
            large = f"{whole // size} {unit}"
            return f"{large} {rest} {small_unit}" if rest else large
    return f"{whole} s"


def format_relative(moment: datetime, now: datetime) -> str:
    """Return how far `moment` is from `now`, in the largest unit: `3 h ago`, `in 12 min`, `now`."""
    seconds = (moment - now).total_seconds()
    for unit, size in _UNITS:
        if abs(seconds) >= size:
            count = round(abs(seconds) / size)
            return f"in {count} {unit}" if seconds > 0 else f"{count} {unit} ago"
    return "now"


def format_local(moment: datetime | None) -> str:
    """Return a time in the local zone, `2026-11-24 10:00:03`; `-` for None."""
    return "-" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
