"""Time zones and times of day: `now`, days in a time zone, and when a comparison changes.

`now` is compared with a day as the day that it is in the time zone of the other one, so that
`start | date(tz='Europe/Vienna') <= now` becomes true when that day begins in Vienna. A comparison
with the time notes when its result may change next, so that a record is evaluated again then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from scimsync.desired.expression_errors import UnusableValue, show

_ONE_DAY = timedelta(days=1)


class RunDay(date):
    """The day of a run, with its moment."""

    moment: datetime | None = None

    @classmethod
    def at(cls, moment: datetime, day: date) -> Self:
        """Return the day `day`, on which a run happens at `moment` (aware)."""
        self = cls(day.year, day.month, day.day)
        self.moment = moment
        return self

    @classmethod
    def moment_of(cls, day: date) -> datetime:
        """Return the moment of a run on `day`; that is noon in UTC if only the day is known."""
        if isinstance(day, cls) and day.moment is not None:
            return day.moment
        return datetime.combine(day, time(12), UTC)


class ZonedDay(date):
    """A day in a time zone."""

    zone: tzinfo | None = None

    @classmethod
    def of(cls, day: date, zone: tzinfo) -> Self:
        """Return `day` in `zone`."""
        self = cls(day.year, day.month, day.day)
        self.zone = zone
        return self


@dataclass(slots=True)
class NextChange:
    """When the results of comparisons with the time may change next: the earliest moment."""

    at: datetime | None = None

    def add(self, moment: datetime) -> None:
        """Note one moment."""
        if self.at is None or moment < self.at:
            self.at = moment


@dataclass(frozen=True, slots=True, eq=False)
class RunTime:
    """`now` in expressions: the moment of the run. `today` is its day in local time."""

    moment: datetime
    today: date
    changes: NextChange = field(default_factory=NextChange)

    def day(self, zone: tzinfo | None) -> date:
        """Return the day that it is in `zone`, or in local time, until the next one begins."""
        day = self.today if zone is None else self.moment.astimezone(zone).date()
        self._note(_begin(day + _ONE_DAY, zone))
        return day if zone is None else ZonedDay.of(day, zone)

    def compared(self, compare: Callable[[Any, Any], Any], other: Any, *, is_left: bool) -> bool:
        """Return the result of a comparison with a time or a day.

        Raise UnusableValue for anything else.
        """
        if isinstance(other, RunTime):
            return bool(compare(self.moment, other.moment))
        if isinstance(other, datetime):
            self._note(other)
            self._note(other + timedelta(microseconds=1))
            mine: Any = self.moment
        elif isinstance(other, date):
            zone = other.zone if isinstance(other, ZonedDay) else None
            mine = self.today if zone is None else self.moment.astimezone(zone).date()
            self._note(_begin(other, zone))
            if other < date.max:
                self._note(_begin(other + _ONE_DAY, zone))
        else:
            raise UnusableValue(
                f"now is compared with a day or a time, not {show(other)}; | date makes text a"
                " day, | datetime a time",
                code="SYNC-0163",
            )
        return bool(compare(mine, other) if is_left else compare(other, mine))

    def _note(self, moment: datetime) -> None:
        if moment > self.moment:
            self.changes.add(moment)


class Today(date):
    """`today` in expressions that use time zones: compared with a day in a zone, it is there."""

    run: RunTime | None = None

    @classmethod
    def of(cls, run: RunTime) -> Self:
        """Return the local day of a run."""
        self = cls(run.today.year, run.today.month, run.today.day)
        self.run = run
        return self


def compared_with_time(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> bool | None:
    """Return the result of a comparison in which `now` or a day in a time zone takes part.

    None if neither does. Raise UnusableValue for a day and a time.
    """
    if isinstance(left, Today) and left.run is not None and isinstance(right, ZonedDay):
        left = left.run
    if isinstance(right, Today) and right.run is not None and isinstance(left, ZonedDay):
        right = right.run
    if isinstance(left, RunTime):
        return left.compared(compare, right, is_left=True)
    if isinstance(right, RunTime):
        return right.compared(compare, left, is_left=False)
    if isinstance(left, date) and isinstance(right, date):
        times = {isinstance(left, datetime), isinstance(right, datetime)}
        if len(times) == 2:
            raise UnusableValue(
                "a day cannot be compared with a time; a time is compared with now",
                code="SYNC-0163",
            )
    return None


def zone_of(name: object) -> tzinfo:
    """Return the time zone called `name`, or raise UnusableValue."""
    try:
        return _known_zone(str(name) if isinstance(name, str) else "")
    except (KeyError, ValueError, OSError):
        raise UnusableValue(
            f"{show(name)} is not a time zone such as Europe/Berlin", code="SYNC-0322"
        ) from None


@lru_cache(maxsize=64)
def _known_zone(name: str) -> tzinfo:
    return ZoneInfo(name)


def _begin(day: date, zone: tzinfo | None) -> datetime:
    """Return when a day begins in `zone`, or in local time."""
    begin = datetime.combine(day, time(), zone)
    try:
        return begin.astimezone(UTC)
    except OverflowError:  # the first or the last day that there is
        return begin.replace(tzinfo=UTC)
