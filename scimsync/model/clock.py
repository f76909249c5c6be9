"""Doubts about the clock of this machine, by which nothing irreversible is decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST_GAP = timedelta(days=31)
"""A clock that is so far ahead of the last run may be wrong."""

TOLERANCE = timedelta(days=1)
"""Clocks that differ by less agree."""


@dataclass(frozen=True, slots=True)
class ClockDoubt:
    """Why no account is deleted by the clock in this run.

    `is_wrong`: there is evidence against the clock, so its time does not count.
    """

    why: str
    is_wrong: bool


def doubt_of_gap(last_run: datetime | None, now: datetime) -> ClockDoubt | None:
    """Return the doubt about a clock that is far from the time of the last run."""
    if last_run is None:
        return None
    if now < last_run - TOLERANCE:
        return ClockDoubt(
            f"the clock says {_shown(now)}, and the last run was at {_shown(last_run)}, later than"
            " that",
            is_wrong=True,
        )
    if now >= last_run + LONGEST_GAP:
        return ClockDoubt(
            f"the clock says {_shown(now)}, {(now - last_run).days} days after the last run",
            is_wrong=False,
        )
    return None


def doubt_of_date(date: datetime | None, now: datetime) -> ClockDoubt | None:
    """Return the doubt about a clock, given the Date of a response that arrived at `now`."""
    if date is None:
        return ClockDoubt("its responses have no Date header to compare the clock with", False)
    if abs(now - date) < TOLERANCE:
        return None
    return ClockDoubt(
        f"the clock says {_shown(now)}, and the Date header of the target {_shown(date)}",
        is_wrong=True,
    )


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
