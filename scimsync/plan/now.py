"""The time of a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from scimsync.desired.times import RunDay
from scimsync.model.clock import ClockDoubt


@dataclass(frozen=True, slots=True)
class Now:
    """The time of a run: `time` is aware, and `today` is the day that expressions see.

    `today` knows the time, for expressions that use that. `doubt` is why the clock may be wrong.
    """

    time: datetime
    today: date
    doubt: ClockDoubt | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "today", RunDay.at(self.time, self.today))
