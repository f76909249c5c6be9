"""Times as people read and write them: local, to the second, and how long ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})\s*(s|m|min|h|d|w)")


def local(moment: datetime | None) -> str:
    """A time in the local zone: `2026-11-24 10:00:03`."""
    return "-" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def length(seconds: float) -> str:
    """A length of time in its two largest units: `0.4 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    for size, name, small, small_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // small
            return (
                f"{whole // size} {name} {rest} {small_name}" if rest else f"{whole // size} {name}"
            )
    return f"{whole} s"


def distance(moment: datetime, now: datetime) -> str:
    """How far a time is from now, in its largest unit: `3 h ago`, `in 12 min`, `now`."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if abs(seconds) >= size:
            number = round(abs(seconds) / size)
            return f"in {number} {name}" if seconds > 0 else f"{number} {name} ago"
    return "now"


def parse_when(text: str, now: datetime) -> datetime | None:
    """A point in time: `2026-11-24`, `2026-11-24T10:00` (local where no zone is given), or so long
    before `now`: `3h`, `2d`.

    None for what is neither.
    """
    back = _DURATION.fullmatch(text.strip().lower())
    try:
        if back is not None:
            return now - timedelta(**{_UNITS[back[2]]: int(back[1])})
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError):
        return None
