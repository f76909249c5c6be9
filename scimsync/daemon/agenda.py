"""What is to be done next, and when: schedules, what was missed, what is due, what a file has asked
for.

It knows no clock: every method is told the time. Times that have come are taken once, however late
that is; a run that is at work when they come is followed by another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from random import Random

from scimsync.config.schedule import Schedule, Timing, first_after
from scimsync.daemon.jobs import Cause, Job

_ORDER = (Cause.FILE, Cause.SCHEDULE, Cause.START)
"""Of several reasons to read the sources the first is told."""


@dataclass(slots=True)
class _Target:
    """One target's times. `scheduled` is its next push, `asked` are reasons to push and from when
    on, `due` is when it has work that needs no source, and `retry` when it is tried again after it
    failed as a whole."""

    timings: Sequence[Timing]
    scheduled: datetime | None = None
    caught_up: bool = False
    asked: dict[Cause, datetime] | None = None
    due: datetime | None = None
    retry: datetime | None = None


class Agenda:
    """The times of all targets of a sync.toml. `chance` is for jitter."""

    def __init__(
        self, schedule: Schedule, targets: Sequence[str], zone: tzinfo, chance: Random
    ) -> None:
        self._zone = zone
        self._jitter = schedule.jitter
        self._catch_up = schedule.catch_up
        self._chance = chance
        self._targets = {
            name: _Target(schedule.targets.get(name, schedule.push)) for name in targets
        }

    def begin(self, now: datetime, last_runs: Mapping[str, datetime | None]) -> None:
        """Begins anew at `now`, after a start, a reload, or a clock that was set: what was missed
        since the last run is done at once, unless `catch_up` is off. A target that never was pushed
        to has missed nothing."""
        for name, target in self._targets.items():
            last = last_runs.get(name)
            missed = (
                None
                if last is None or last > now
                else first_after(target.timings, last, self._zone)
            )
            target.caught_up = self._catch_up and missed is not None and missed <= now
            target.scheduled = now if target.caught_up else self._next(target, now)

    def take_over(self, before: Agenda) -> None:
        """What is pending in the agenda of another sync.toml stays so, for targets that there still
        are; so do times that are the same as there, be they late by chance."""
        for name, old in before._targets.items():
            if (target := self._targets.get(name)) is None:
                continue
            target.asked, target.due, target.retry = old.asked, old.due, old.retry
            if (target.timings, self._zone, self._jitter) == (
                old.timings,
                before._zone,
                before._jitter,
            ):
                target.scheduled, target.caught_up = old.scheduled, old.caught_up

    def shift(self, by: timedelta) -> None:
        """The clock was set by so much: what is pending comes after the same time as before."""
        for target in self._targets.values():
            target.asked = {cause: at + by for cause, at in (target.asked or {}).items()}
            target.retry = None if target.retry is None else target.retry + by

    def ask(self, names: Sequence[str], cause: Cause, at: datetime) -> None:
        """A push to these targets is wanted at `at`."""
        for name in names:
            if (target := self._targets.get(name)) is not None:
                asked = target.asked or {}
                asked[cause] = min(at, asked.get(cause, at))
                target.asked = asked

    def again(self, job: Job, at: datetime) -> None:
        """A job that could not begin is wanted again at `at`."""
        if job.cause.reads:
            self.ask(job.targets, job.cause, at)
            return
        for name in job.targets:
            if name in self._targets:
                self.retry(name, at)

    def due(self, name: str, at: datetime | None) -> None:
        """When a target has work that needs no source; None for never."""
        self._targets[name].due = at

    def retry(self, name: str, at: datetime | None) -> None:
        """When a target that failed as a whole is tried again; None where it did not."""
        self._targets[name].retry = at

    def take(self, now: datetime) -> Job | None:
        """What is to be done now, once. Targets that need their sources read go first, all of them
        in one push."""
        reads = {
            name: cause for name in self._targets if (cause := self._reason(name, now)) is not None
        }
        if reads:
            for name in reads:
                self._forget(name, now)
            return Job(tuple(reads), min(reads.values(), key=_ORDER.index))
        waiting = [
            name
            for name, one in self._targets.items()
            if _is_over(one.due, now) or _is_over(one.retry, now)
        ]
        for name in waiting:
            self._targets[name].due = self._targets[name].retry = None
        return Job(tuple(waiting), Cause.DUE) if waiting else None

    def next_time(self) -> datetime | None:
        """When something is to be done next."""
        times = [
            time
            for one in self._targets.values()
            for time in (one.scheduled, one.due, one.retry, *(one.asked or {}).values())
            if time is not None
        ]
        return min(times, default=None)

    def next_runs(self) -> dict[str, datetime | None]:
        """Target -> when it is pushed to by schedule."""
        return {name: one.scheduled for name, one in self._targets.items()}

    def _reason(self, name: str, now: datetime) -> Cause | None:
        target = self._targets[name]
        reasons = {cause for cause, at in (target.asked or {}).items() if at <= now}
        if _is_over(target.scheduled, now):
            reasons.add(Cause.START if target.caught_up else Cause.SCHEDULE)
        return min(reasons & set(_ORDER), key=_ORDER.index, default=None)

    def _forget(self, name: str, now: datetime) -> None:
        """Everything that a push which begins now does for a target."""
        target = self._targets[name]
        target.asked = {cause: at for cause, at in (target.asked or {}).items() if at > now}
        if _is_over(target.due, now):
            target.due = None
        if _is_over(target.scheduled, now):
            target.scheduled, target.caught_up = self._next(target, now), False

    def _next(self, target: _Target, now: datetime) -> datetime | None:
        found = first_after(target.timings, now, self._zone)
        if found is None or not self._jitter:
            return found
        return found + timedelta(seconds=self._chance.uniform(0, self._jitter.total_seconds()))


def _is_over(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
