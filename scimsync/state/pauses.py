"""How long what fails is left alone, and when that is over.

No pause is longer than `LONGEST`. What is to end later than that was written by a clock that was
ahead, and is over.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, or_

from scimsync.model.backoff import latest_plausible


def still_lasts(until: Column[Any], now: datetime) -> ColumnElement[bool]:
    """The condition of the same name."""
    return and_(until > now, until <= latest_plausible(now))


def is_over(until: Column[Any], now: datetime) -> ColumnElement[bool]:
    """The condition that a pause is over; not where there was none."""
    return or_(until <= now, until > latest_plausible(now))
