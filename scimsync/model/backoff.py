"""How long a failed operation or target waits for its next try.

No delay exceeds `LONGEST`. A later time was written by a clock that ran ahead, and counts as past.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeGuard

LONGEST = timedelta(hours=20)
"""Less than a day, so that a nightly run never misses its turn by a few seconds."""

CLOCK_TOLERANCE = timedelta(minutes=5)


def retry_delay(failures: int) -> timedelta:
    """Return the delay after `failures` failures in a row: five minutes, doubled each time."""
    return min(timedelta(minutes=5 << min(failures - 1, 12)), LONGEST)


def delivery_pause(failures: int, longest: timedelta, asked_s: float | None = None) -> timedelta:
    """Return the delay after a number of failed deliveries: a minute, doubled each time.

    It is at least `asked_s`, the seconds that the receiver requests, and at most `longest`.
    """
    own = timedelta(minutes=1 << min(failures - 1, 20))
    asked = timedelta(seconds=min(asked_s or 0.0, longest.total_seconds()))  # any number may come
    return min(max(own, asked), longest)


def is_waiting(until: datetime | None, now: datetime) -> TypeGuard[datetime]:
    """Return whether a delay that ends at `until` has not passed. None means no delay."""
    return until is not None and now < until <= latest_plausible(now)


def latest_plausible(now: datetime) -> datetime:
    """Return the latest time that a delay which started by `now` can end."""
    return now + LONGEST + CLOCK_TOLERANCE
