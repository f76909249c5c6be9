"""When targets have work that needs no source: somebody's next try or deletion, a new day, a target
that failed as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from scimsync.daemon.agenda import Agenda
from scimsync.daemon.inquiry import Standing
from scimsync.daemon.jobs import Cause, Ran
from scimsync.errors import Interrupted
from scimsync.model.backoff import is_waiting, retry_delay

FIRST_REST = timedelta(minutes=1)
LONGEST_REST = timedelta(hours=1)

_TICK = timedelta(microseconds=1)


class Deadlines:
    """`tried`: up to when what was due has been tried, by target. After pushes that moved nothing a
    target rests, ever longer."""

    def __init__(self) -> None:
        self.tried: dict[str, datetime] = {}
        self._idle: dict[str, int] = {}
        self._rests_until: dict[str, datetime] = {}

    def clock_was_set(self, now: datetime) -> None:
        """Nothing lies in the future."""
        self.tried = {name: min(at, now) for name, at in self.tried.items()}
        self._rests_until.clear()

    def ran(self, ran: Ran, names: Sequence[str]) -> None:
        """A push to the targets `names` has ended. It has tried what was due when it began, if it
        came so far."""
        for name in names:
            target = (
                None
                if ran.outcome is None or ran.outcome.guard is not None
                else ran.outcome.targets.get(name)
            )
            if target is not None:
                # who could not be planned is due since then, and is looked at again
                self.tried[name] = ran.began - _TICK
            moved = target is not None and bool(target.counts)
            self._idle[name] = (
                0 if moved or ran.job.cause is not Cause.DUE else self._idle.get(name, 0) + 1
            )
            self._rests_until[name] = ran.ended + min(
                FIRST_REST * (1 << min(self._idle[name], 10)), LONGEST_REST
            )

    def set(
        self, agenda: Agenda, known: Mapping[str, Standing], days: frozenset[str], now: datetime
    ) -> None:
        """Tells the agenda when each target has something to do. `days` are those whose expressions
        see the day."""
        for name, one in known.items():
            until = one.known.quarantined_until
            if is_waiting(until, now):
                agenda.due(name, until)
                continue
            last = max(
                (at for at in (one.known.ran_at, self.tried.get(name)) if at is not None),
                default=None,
            )
            times = [
                one.due_at,
                _midnight_after(last) if name in days and last is not None else None,
            ]
            due = min((at for at in times if at is not None), default=None)
            rest = self._rests_until.get(name)
            agenda.due(name, rest if due is not None and rest is not None and due < rest else due)

    def set_retries(
        self, agenda: Agenda, known: Mapping[str, Standing], ran: Ran, now: datetime
    ) -> None:
        """Tells the agenda when targets that failed as a whole in `ran` are tried again, and that
        the others are not."""
        for name, target in (ran.outcome.targets if ran.outcome is not None else {}).items():
            if name not in known or isinstance(target.error, Interrupted):
                continue
            fared = known[name].known
            again = fared.quarantined_until or now + retry_delay(max(fared.failures, 1))
            agenda.retry(name, None if target.error is None else again)
            if target.error is not None:
                self._rests_until[name] = again


def _midnight_after(moment: datetime) -> datetime:
    """When the next day begins on this machine, as expressions see it."""
    day = moment.astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return (day + timedelta(days=1)).astimezone()
