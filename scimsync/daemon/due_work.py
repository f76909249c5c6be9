"""When a target needs a push although its sources have not changed.

The reasons are a retry, a deletion, a new day, a time that an expression waits for, and a target
that failed as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from scimsync.daemon.pending_work import PendingWork
from scimsync.daemon.push_job import Cause, PushResult
from scimsync.errors import Interrupted
from scimsync.model.backoff import is_waiting, retry_delay
from scimsync.run import TargetOutcome

SHORTEST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)

_TICK = timedelta(microseconds=1)


class DueWork:
    """`tried` maps a target to the time up to which due work has been tried.

    After pushes that changed nothing, a target pauses for longer and longer.
    """

    def __init__(self) -> None:
        self.tried: dict[str, datetime] = {}
        self._idle_pushes: dict[str, int] = {}
        self._paused_until: dict[str, datetime] = {}

    def clock_changed(self, now: datetime) -> None:
        """Forget times that lie in the future."""
        self.tried = {name: min(at, now) for name, at in self.tried.items()}
        self._paused_until.clear()

    def record(self, result: PushResult, names: Sequence[str]) -> None:
        """Record a push to the targets `names`: if it got that far, it tried what was due."""
        outcome = result.outcome
        for name in names:
            target = None if outcome is None else outcome.targets.get(name)
            if target is not None and target.blocked:
                target = None
            if target is not None:
                # a user that could not be planned is due since the start of this push
                self.tried[name] = result.started - _TICK
            changed = target is not None and bool(target.counts)
            idle = not changed and result.request.cause is Cause.DUE
            self._idle_pushes[name] = self._idle_pushes.get(name, 0) + 1 if idle else 0
            pause = SHORTEST_PAUSE * (1 << min(self._idle_pushes[name], 10))
            self._paused_until[name] = result.ended + min(pause, LONGEST_PAUSE)

    def retry_at(
        self, name: str, outcome: TargetOutcome, work: PendingWork, now: datetime
    ) -> datetime | None:
        """Return when to retry a target that failed as a whole, or None if it did not.

        A target that a guard or a source stopped waits for the source to change.
        """
        if outcome.error is None or outcome.blocked or isinstance(outcome.error, Interrupted):
            return None
        known = work.known
        at = known.quarantined_until or now + retry_delay(max(known.failures, 1))
        self._paused_until[name] = at
        return at

    def due_at(
        self, name: str, work: PendingWork, now: datetime, *, uses_today: bool
    ) -> datetime | None:
        """Return when a target has due work next, or None.

        `uses_today`: its expressions depend on the date, so it is due when a day begins.
        """
        if is_waiting(work.known.quarantined_until, now):
            return work.known.quarantined_until
        times = [work.due_at, work.known.changes_at]
        last = [at for at in (work.known.ran_at, self.tried.get(name)) if at is not None]
        if uses_today and last:
            times.append(_midnight_after(max(last)))
        due = min((at for at in times if at is not None), default=None)
        paused_until = self._paused_until.get(name)
        return due if due is None or paused_until is None else max(due, paused_until)


def _midnight_after(moment: datetime) -> datetime:
    """Return when the next day begins in the time zone of the machine, as expressions see it."""
    day = moment.astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return (day + timedelta(days=1)).astimezone()
