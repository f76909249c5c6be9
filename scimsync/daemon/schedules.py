"""The jobs that request pushes and reconciliations on a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from scimsync.daemon.dependencies import Dependencies
from scimsync.daemon.due_work import DueWork
from scimsync.daemon.loaded_config import LoadedConfig
from scimsync.daemon.pending_work import PendingWork
from scimsync.daemon.push_job import Cause
from scimsync.daemon.scheduler import ScheduleTrigger
from scimsync.daemon.worker import RECONCILE_AGAIN, Worker

MISSED_AFTER_S = 300
"""A scheduled time is missed if it passed longer ago, for example while the machine slept."""

_RECONCILE_TIMES = "reconcile-times"

_TARGET_JOBS = ("schedule", "due", RECONCILE_AGAIN, *(f"again-{cause}" for cause in Cause))
"""The first word of the ids of jobs for one target, before its name."""


class Schedules:
    """Adds jobs that request work of `worker`. `loaded` returns the configuration in force."""

    def __init__(
        self,
        dependencies: Dependencies,
        loaded: Callable[[], LoadedConfig],
        worker: Worker,
        due_work: DueWork,
    ) -> None:
        self._scheduler = dependencies.scheduler
        self._random = dependencies.random
        self._loaded = loaded
        self._worker = worker
        self._due_work = due_work

    def remove_unconfigured(self) -> None:
        """Remove the jobs of targets that are no longer configured."""
        for job in self._scheduler.get_jobs():
            what, _, name = job.id.partition(" ")
            if what in _TARGET_JOBS and name not in self._loaded().config.targets:
                job.remove()

    def add(self) -> None:
        """Add or replace the job of each target whose schedule is new, and of reconciliations."""
        chance = self._random
        for name in self._loaded().config.targets:
            trigger = self._loaded().trigger(name, chance)
            self._add(f"schedule {name}", trigger, self._worker.request, [name], Cause.SCHEDULE)
        trigger = self._loaded().reconcile_trigger(chance)
        self._add(_RECONCILE_TIMES, trigger, self._worker.request_reconcile)

    def _add(
        self, job_id: str, trigger: ScheduleTrigger, call: Callable[..., None], *args: object
    ) -> None:
        job = self._scheduler.get_job(job_id)
        if job is not None and job.trigger == trigger:
            return  # also keeps its jitter
        self._scheduler.cancel(job_id)
        self._scheduler.add_job(
            call,
            trigger,
            args,
            id=job_id,
            misfire_grace_time=None if self._loaded().config.schedule.catch_up else MISSED_AFTER_S,
        )

    def next_runs(self) -> dict[str, datetime | None]:
        """Return the next scheduled push of each target. Thread-safe."""
        jobs = {job.id: job for job in self._scheduler.get_jobs()}
        return {
            name: job.next_run_time if (job := jobs.get(f"schedule {name}")) is not None else None
            for name in self._loaded().config.targets
        }

    def add_due_work(self, pending: Mapping[str, PendingWork], now: datetime) -> None:
        """Add jobs that request the due work of targets when it is due."""
        for name, work in pending.items():
            uses_today = name in self._loaded().uses_today
            at = self._due_work.due_at(name, work, now, uses_today=uses_today)
            if at is None:
                self._scheduler.cancel(f"due {name}")
            else:
                self._scheduler.run_at(at, f"due {name}", self._worker.request, [name], Cause.DUE)

    def next_reconcile(self) -> datetime | None:
        """Return the time of the next scheduled reconciliation, or None if there is none."""
        job = self._scheduler.get_job(_RECONCILE_TIMES)
        return None if job is None else job.next_run_time
