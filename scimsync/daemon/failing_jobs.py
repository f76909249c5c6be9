"""Jobs of the daemon that end with an unexpected error: log, alert, and run them again."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from scimsync.config.notifications import Event
from scimsync.daemon.daemon_probes import DaemonProbes
from scimsync.daemon.notifier import Notifier
from scimsync.daemon.notify import Finding, findings_of_error
from scimsync.daemon.push_job import log_bug
from scimsync.daemon.scheduler import JobScheduler

BUG_RETRY_AFTER = timedelta(seconds=15)
"""When a job runs again after an unexpected error."""

DAEMON = "daemon"
"""The subject of alerts about the daemon itself."""


class FailingJobs:
    """The jobs whose last run failed."""

    def __init__(self, scheduler: JobScheduler, probes: DaemonProbes, notifier: Notifier) -> None:
        self._scheduler = scheduler
        self._probes = probes
        self._notifier = notifier
        self._failing: set[str] = set()

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._failing

    def __bool__(self) -> bool:
        return bool(self._failing)

    def failed(self, job_id: str, error: Exception) -> None:
        """Log and alert an unexpected error, and run the job again after a while."""
        log_bug(error)
        job = self._scheduler.get_job(job_id)
        if job is not None:
            job.modify(next_run_time=self._scheduler.now() + BUG_RETRY_AFTER)
        # a job that runs once cannot recover itself
        self._failing.add("state" if job is None else job_id)
        self._probes.set_problem("an unexpected error; see the log")
        finding = findings_of_error([], [], error, None, subject=DAEMON)
        with suppress(Exception):  # alerting may be what fails
            self._notifier.update(lambda _: finding)

    def recovered(self, job_id: str) -> None:
        """Record that a failed job has run without an error."""
        self._failing.discard(job_id)
        if not self._failing:
            self._probes.set_problem(None)
            with suppress(Exception):
                self._notifier.update(lambda _: [Finding(Event.ERROR, DAEMON)])
