"""How long what fails is left alone, and when that is over.

No pause is longer than `LONGEST`. What is to end later than that was written by a clock that was
ahead, and is over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeGuard

from sqlalchemy import Column, ColumnElement, and_, or_

LONGEST = timedelta(hours=20)
"""Not a day, so that a nightly run never misses a turn by seconds."""

_CLOCKS_AGREE_WITHIN = timedelta(minutes=5)


def pause_after(failures: int) -> timedelta:
    """How long somebody who keeps failing is left alone: five minutes, doubled each time, at most
    `LONGEST`."""
    return min(timedelta(minutes=5 << min(failures - 1, 12)), LONGEST)


def lasts(until: datetime | None, now: datetime) -> TypeGuard[datetime]:
    """Whether a pause that ends at `until` (None: there is none) is not over."""
    return until is not None and now < until <= _latest(now)


def still_lasts(until: Column[Any], now: datetime) -> ColumnElement[bool]:
    """The condition of the same name."""
    return and_(until > now, until <= _latest(now))


def is_over(until: Column[Any], now: datetime) -> ColumnElement[bool]:
    """The condition that a pause is over; not where there was none."""
    return or_(until <= now, until > _latest(now))


def _latest(now: datetime) -> datetime:
    return now + LONGEST + _CLOCKS_AGREE_WITHIN
