"""The daemon: a table of jobs of one scheduler, and the functions that they run.

| job | runs | does |
| --- | --- | --- |
| `files` | twice a second | looks for changed source files and a changed sync.toml |
| `schedule NAME` | at the times of the target | requests a push |
| `due NAME` | when a retry or deletion is due, or a day begins | requests a push of due work |
| `again-CAUSE NAME` | after a push that could not run | requests the push again |
| `start` | on each request | starts the push of all requested targets, or else a reconciliation |
| `push` | in its own thread | pushes |
| `reconcile-times` | at the times of `[schedule] reconcile` | requests a reconciliation |
| `reconcile-again NAME` | after a reconciliation that failed | requests it again |
| `reconcile` | in the thread of pushes, never beside one | reads a target back |
| `ended` | after a push or a reconciliation | records its result |
| `state` | every minute | reads due work, which other processes may change |
| `reload` | on SIGHUP, or when sync.toml has changed | loads sync.toml |
| `outbox`, `summary` | see `notifier` | notify receivers |
| `events` | when events wait, see `event_export` | exports them |
| `watchdog` | if systemd wants it | tells systemd that the daemon is alive |

What has to survive the process is in the state database, so it may be killed at any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent

from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.daemon_probes import DaemonProbes
from scimsync.daemon.daemon_state import existing_state, state_at_start
from scimsync.daemon.dependencies import Dependencies
from scimsync.daemon.due_work import DueWork
from scimsync.daemon.event_export import EVENTS, EventExporter
from scimsync.daemon.health import HealthEndpoint
from scimsync.daemon.loaded_config import LoadedConfig, load_config
from scimsync.daemon.log_lines import (
    log_next_reconcile,
    log_next_runs,
    log_push_result,
    log_push_started,
    log_reconciled,
)
from scimsync.daemon.metrics import DaemonMetrics, next_run_gauge, state_gauges
from scimsync.daemon.notifier import OUTBOX, Notifier
from scimsync.daemon.notify import (
    Finding,
    config_finding,
    drift_findings,
    findings_of_blocked,
    findings_of_error,
    findings_of_push,
    forget_unconfigured,
)
from scimsync.daemon.pending_work import PendingWork, read_pending_work, unchanged_sources
from scimsync.daemon.push_job import (
    Cause,
    PushQueue,
    PushRequest,
    PushResult,
    log_bug,
    run_push,
)
from scimsync.daemon.reconcile_job import ReconcileResult, run_reconcile
from scimsync.daemon.scheduler import PUSH_EXECUTOR, ScheduleTrigger, every
from scimsync.daemon.watches import Watches
from scimsync.errors import ConfigError, Interrupted, LeaseHeld, ScimsyncError, StateError
from scimsync.model.backoff import is_waiting, retry_delay
from scimsync.run import RunOutcome
from scimsync.run.cancellation import Cancellation
from scimsync.state import reconciliations
from scimsync.state.store import Store

if TYPE_CHECKING:
    from prometheus_client import Metric

_LOG = logging.getLogger("scimsync")

MISSED_AFTER_S = 300
"""A scheduled time is missed if it passed longer ago, for example while the machine slept."""

LONGEST_WAIT = timedelta(minutes=10)
"""How long a push waits for a source file that is still being written."""

LEASE_RETRY_AFTER = timedelta(seconds=15)
"""When a push is tried again after it found another run active."""

STATE_RETRY_AFTER = timedelta(minutes=1)
"""When a push is tried again after the state database was unavailable."""

BUG_RETRY_AFTER = timedelta(seconds=15)
"""When a job runs again after an unexpected error."""

_RECONCILE, _RECONCILE_TIMES = "reconcile", "reconcile-times"
"""Ids of jobs."""

_RECONCILE_AGAIN = "reconcile-again"
_TARGET_JOBS = ("schedule", "due", _RECONCILE_AGAIN, *(f"again-{cause}" for cause in Cause))
"""The first word of the ids of jobs for one target, before its name."""

_DAEMON = "daemon"
"""The subject of alerts about the daemon itself."""


class Daemon:
    """Runs by the sync.toml at `path`. Raises ConfigError if it cannot be used."""

    def __init__(self, path: Path, dependencies: Dependencies) -> None:
        self._path = path.absolute()
        self._dependencies = dependencies
        self._scheduler = dependencies.scheduler
        self._systemd = dependencies.systemd
        self._loaded = load_config(self._path, dependencies)
        self._metrics = DaemonMetrics()
        self._metrics.add_collector(self._gauges)
        self.probes = DaemonProbes(self._scheduler, self._metrics.expose)
        self._endpoint = HealthEndpoint(self.probes)
        self._notifier = Notifier(self._scheduler, self._open_state, self._state_failed)
        self._events = EventExporter(self._scheduler, self._open_state, self._state_failed)
        self._queue = PushQueue()
        self._to_reconcile: dict[str, None] = {}
        self._reconcile_failures: dict[str, int] = {}
        self._active: PushRequest | str | None = None  # a push, or the target that is reconciled
        self._cancellation = Cancellation()
        self._due_work = DueWork()
        self._awaited_sources: set[str] = set()
        self._config_errors = 0
        self._failing_jobs: set[str] = set()
        self._stopping = False

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._loaded.config

    def stop(self, number: int) -> None:
        """Stop after requests in flight have finished. Signal handlers may call this."""
        self._scheduler.call_soon(partial(self._stop, number))

    def reload(self) -> None:
        """Load sync.toml again. Signal handlers may call this."""
        self._scheduler.call_soon(partial(self._run_soon, "reload", self._reload))

    def run(self) -> None:
        """Work until it is stopped. Raise ConfigError and StateError if it cannot start."""
        self._endpoint.serve_at(self.config.health)
        try:
            self._scheduler.start()
            self._start()
            self._systemd.ready()
            self._scheduler.run()
        finally:
            if self._scheduler.running:
                self._scheduler.shutdown()
            self._endpoint.stop()
        _LOG.info("stopped")

    # Start and reload

    def _start(self) -> None:
        """Add the jobs; request what was missed or left unfinished. Raise StateError."""
        now = self._scheduler.now()
        with state_at_start(self.config) as store:
            forget_unconfigured(store, self.config)
            pending = read_pending_work(store, self.config, self._loaded.sources, {})
            unchanged = unchanged_sources(store, self.config)
            with store.read() as connection:
                reconciled = reconciliations.last_reconciliations(connection, [*pending])
            self._notifier.start(self.config, store)
        self._watches = Watches(self.config, self._path, unchanged)
        self._add_jobs(now)
        for name, work in pending.items():
            known = work.known
            if work.unfinished or self._loaded.missed(name, known.ran_at, now):
                self._request([name], Cause.START)
            if known.failures:
                until = known.quarantined_until
                self._request_again([name], Cause.DUE, until if is_waiting(until, now) else now)
        self._request_reconcile(
            [
                name
                for name, last in reconciled.items()
                if self._loaded.missed_reconcile(last.at, now)
            ]
        )
        self._schedule_due_work(pending, now)
        self._config_loaded()
        self._notifier.update(lambda _: [Finding(Event.ERROR, _DAEMON)])

    def _add_jobs(self, now: datetime) -> None:
        scheduler, dependencies = self._scheduler, self._dependencies
        scheduler.on_clock_change = self._clock_changed
        scheduler.add_listener(self._job_ended, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        jobs: list[tuple[str, Callable[[], None], timedelta]] = [
            ("files", self._look_at_files, dependencies.file_interval),
            ("state", self._read_state, dependencies.state_interval),
        ]
        if self._systemd.ping_every_s is not None:
            interval = timedelta(seconds=self._systemd.ping_every_s)
            jobs.append(("watchdog", self._ping_systemd, interval))
        for job_id, call, interval in jobs:
            scheduler.add_job(call, every(interval), id=job_id, next_run_time=now)
        self._add_schedules()

    def _add_schedules(self) -> None:
        """Add or replace the job of each target whose schedule is new, and of reconciliations."""
        chance = self._dependencies.random
        for name in self.config.targets:
            trigger = self._loaded.trigger(name, chance)
            self._add_schedule(f"schedule {name}", trigger, self._request, [name], Cause.SCHEDULE)
        trigger = self._loaded.reconcile_trigger(chance)
        self._add_schedule(_RECONCILE_TIMES, trigger, self._request_reconcile)

    def _add_schedule(
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
            misfire_grace_time=None if self.config.schedule.catch_up else MISSED_AFTER_S,
        )

    def _reload(self) -> None:
        """Load sync.toml again. One that is invalid changes nothing."""
        self._systemd.reloading()
        self._watches.watch_config_again()
        name = self._path.name
        try:
            loaded = load_config(self._path, self._dependencies)
            self._check_state_url(loaded.config)
            self._endpoint.serve_at(loaded.config.health)
        except ConfigError as error:
            _LOG.error(
                "%s is invalid; the previous configuration stays in force [SYNC-0801]\n%s",
                name,
                error,
            )
            self._metrics.record_config(ok=False, at=self._scheduler.now())
            finding = config_finding(error, name)
            self._notifier.update(lambda _: [finding])
        else:
            self._use(loaded)
        self._systemd.ready()

    def _check_state_url(self, config: Config) -> None:
        """Raise ConfigError for another state: due work is in the one that the daemon opened."""
        if config.state_url != self.config.state_url:
            place = config.where("state", "url")
            raise ConfigError(
                f"{place}: the state cannot change while the daemon runs",
                code="SYNC-0804",
                hint="restart the daemon",
            )

    def _use(self, loaded: LoadedConfig) -> None:
        self._loaded = loaded
        pending: dict[str, PendingWork] = {}
        unchanged: dict[str, bool] = {}
        try:
            with self._open_state() as store:
                forget_unconfigured(store, self.config)
                pending = read_pending_work(
                    store, self.config, loaded.sources, self._due_work.tried
                )
                unchanged = unchanged_sources(store, self.config)
                self._notifier.start(self.config, store)
        except StateError as error:
            self._state_failed(error)
        watches = Watches(self.config, self._path, unchanged)
        watches.continue_from(self._watches)
        self._watches = watches
        for job in self._scheduler.get_jobs():
            what, _, name = job.id.partition(" ")
            if what in _TARGET_JOBS and name not in self.config.targets:
                job.remove()
        self._add_schedules()
        self._schedule_due_work(pending, self._scheduler.now())
        _LOG.info("%s reloaded", self._path.name)
        self._config_loaded()

    def _config_loaded(self) -> None:
        self._metrics.record_config(ok=True, at=self._scheduler.now())
        log_next_runs(self._next_runs())
        reconcile_job = self._scheduler.get_job(_RECONCILE_TIMES)
        log_next_reconcile(None if reconcile_job is None else reconcile_job.next_run_time)
        self._notifier.update(lambda _: [Finding(Event.CONFIG, self._path.name)])

    def _next_runs(self) -> dict[str, datetime | None]:
        """Return the next scheduled push of each target. Thread-safe."""
        jobs = {job.id: job for job in self._scheduler.get_jobs()}
        return {
            name: job.next_run_time if (job := jobs.get(f"schedule {name}")) is not None else None
            for name in self.config.targets
        }

    def _clock_changed(self, seconds: float) -> None:
        _LOG.warning("the system clock changed by %+.0f s; rescheduling [SYNC-0803]", seconds)
        now = self._scheduler.now()
        self._due_work.clock_changed(now)
        self._scheduler.modify_job("state", next_run_time=now)

    # Requests for pushes

    def _look_at_files(self) -> None:
        now = self._scheduler.now()
        if self._watches.config.look(now):
            self._reload()
        for name in self._watches.sources.look(now):
            if self.config.schedule.watch:
                _LOG.info("%s: source files changed", name)
                targets = [target for target, of in self._loaded.sources.items() if name in of]
                self._request(targets, Cause.FILE)
        if next_look := self._watches.next_look(now):
            job = self._scheduler.get_job("files")
            if job is not None and next_look < job.next_run_time:
                job.modify(next_run_time=next_look)

    def _request(self, names: Sequence[str], cause: Cause) -> None:
        self._queue.add(names, cause)
        self._run_soon("start", self._start_push)

    def _request_again(self, names: Sequence[str], cause: Cause, at: datetime) -> None:
        for name in names:
            if name in self.config.targets:
                self._scheduler.run_at(at, f"again-{cause} {name}", self._request, [name], cause)

    def _run_soon(self, job_id: str, call: Callable[..., object], *args: object) -> None:
        self._scheduler.run_at(self._scheduler.now(), job_id, call, *args)

    # Pushes

    def _start_push(self) -> None:
        if self._active is not None or self._stopping:
            return
        request = self._queue.take(list(self.config.targets))
        if request is not None and request.cause.reads:
            request = self._without_incomplete(request)
        if request is None:
            self._start_reconcile()
            return
        log_push_started(request)
        self._active = request
        self.probes.push_started()
        self._scheduler.add_job(
            run_push,
            args=(
                self.config,
                request,
                self._scheduler.now,
                self._record_progress,
                self._record_request,
                self._cancellation,
                self._dependencies.time,
            ),
            id="push",
            executor=PUSH_EXECUTOR,
        )

    def _without_incomplete(self, request: PushRequest) -> PushRequest | None:
        """Postpone the targets of `request` whose source files are still being written."""
        now = self._scheduler.now()
        incomplete = self._watches.incomplete(now, LONGEST_WAIT)
        sources = self._loaded.sources
        waiting = [name for name in request.targets if incomplete & set(sources[name])]
        self._request_again(
            waiting, request.cause, now + max(self.config.schedule.quiet, timedelta(seconds=1))
        )
        awaited = incomplete & {source for name in waiting for source in sources[name]}
        for source in sorted(awaited - self._awaited_sources):
            _LOG.info(
                "%s: still being written; pushes wait for it up to %d minutes",
                source,
                LONGEST_WAIT.seconds // 60,
            )
        self._awaited_sources = (self._awaited_sources | awaited) & incomplete
        ready = tuple(name for name in request.targets if name not in waiting)
        return PushRequest(ready, request.cause) if ready else None

    def _push_ended(self, result: PushResult) -> None:
        try:
            self._record_result(result)
        finally:
            self._became_idle()

    def _became_idle(self) -> None:
        """Start what is requested next, or end the daemon."""
        self._active = None
        self.probes.push_ended()
        if self._stopping:
            self._scheduler.shutdown()
        else:
            self._run_soon("start", self._start_push)

    # Reconciliations

    def _request_reconcile(self, names: Sequence[str] | None = None) -> None:
        """Request that targets (None: all) are read back, once no push is requested or active."""
        self._to_reconcile.update(dict.fromkeys(self.config.targets if names is None else names))
        self._run_soon("start", self._start_push)

    def _start_reconcile(self) -> None:
        name = next((one for one in self._to_reconcile if one in self.config.targets), None)
        if name is None:
            self._to_reconcile.clear()
            return
        del self._to_reconcile[name]
        self._scheduler.cancel(f"{_RECONCILE_AGAIN} {name}")
        self._active = name
        self.probes.push_started("reconciliation")
        self._scheduler.add_job(
            run_reconcile,
            args=(
                self.config,
                name,
                self._scheduler.now,
                self._record_progress,
                self._record_request,
                self._cancellation,
                self._dependencies.time,
            ),
            id=_RECONCILE,
            executor=PUSH_EXECUTOR,
        )

    def _reconcile_ended(self, result: ReconcileResult) -> None:
        try:
            if isinstance(result.error, StateError):
                self._state_failed(result.error)
            else:
                log_reconciled(result, personal=self._dependencies.personal)
            self._retry_reconcile(result)
            if result.done is not None:
                findings = drift_findings([result.done])
                self._notifier.update(lambda _: findings)
        finally:
            self._became_idle()

    def _retry_reconcile(self, result: ReconcileResult) -> None:
        """Request a reconciliation again that could not read its target, or the state."""
        name, error = result.target, result.error
        if isinstance(error, Interrupted) or not isinstance(error, ScimsyncError):
            self._reconcile_failures.pop(name, None)
            return
        if isinstance(error, StateError):
            delay = STATE_RETRY_AFTER
        else:
            failures = self._reconcile_failures[name] = self._reconcile_failures.get(name, 0) + 1
            delay = retry_delay(failures)
        self._scheduler.run_at(
            self._scheduler.now() + delay,
            f"{_RECONCILE_AGAIN} {name}",
            self._reconcile_again,
            name,
        )

    def _reconcile_again(self, name: str) -> None:
        if self._loaded.config.schedule.reconcile:
            self._request_reconcile([name])

    def _record_result(self, result: PushResult) -> None:
        request = result.request
        self._metrics.record_run(request.cause, result.label, result.seconds)
        # other targets were removed from sync.toml while it ran
        names = [name for name in request.targets if name in self.config.targets]
        self._due_work.record(result, names)
        personal = self._dependencies.personal
        if result.outcome is not None:
            for name, target in result.outcome.targets.items():
                self._metrics.record_operations(name, target.operations)
            self._retry_misconfigured(request, result.outcome)
            log_push_result(result, findings_of_blocked(result.outcome), personal=personal)
            find = partial(
                findings_of_push,
                self.config,
                names,
                result.outcome.sources,
                result.outcome,
                # due work says nothing about the file that a guard has stopped
                now=self._scheduler.now(),
                whole=request.cause.reads or result.outcome.guard is not None,
                patient=True,
            )
            self._notifier.update(find)
        elif result.error is not None:
            findings = self._findings_of(request, result.error)
            log_push_result(result, findings, personal=personal)
            self._notifier.update(lambda _: findings)
            self._retry(request, result.error, names)
        self._read_state(result)

    def _retry_misconfigured(self, request: PushRequest, outcome: RunOutcome) -> None:
        """Request a push of the targets again that a secret or a missing column has stopped."""
        names = [
            name
            for name, target in outcome.targets.items()
            if isinstance(target.error, ConfigError)
        ]
        self._config_errors = self._config_errors + 1 if names else 0
        if names:
            again = self._scheduler.now() + retry_delay(self._config_errors)
            self._request_again(names, request.cause, again)

    def _retry(self, request: PushRequest, error: Exception, names: Sequence[str]) -> None:
        """Request a push that could not run again.

        Targets that the error does not concern need not wait.
        """
        now = self._scheduler.now()
        if isinstance(error, LeaseHeld):
            self._request_again(request.targets, request.cause, now + LEASE_RETRY_AFTER)
        elif isinstance(error, StateError):
            self._request_again(request.targets, request.cause, now + STATE_RETRY_AFTER)
        elif isinstance(error, ConfigError):
            self._config_errors += 1
            again = now + retry_delay(self._config_errors)
            self._request_again(request.targets, request.cause, again)
        elif isinstance(error, ScimsyncError) and error.source is not None:
            sources = self._loaded.sources
            others = [name for name in names if error.source not in sources[name]]
            self._request(others, request.cause)

    def _findings_of(self, request: PushRequest, error: Exception) -> list[Finding]:
        sources = dict.fromkeys(
            source for name in request.targets for source in self._loaded.sources.get(name, ())
        )
        source = error.source if isinstance(error, ScimsyncError) else None
        return findings_of_error(request.targets, list(sources), error, source)

    def _record_progress(self, name: str, what: str, number: int, total: int | None = None) -> None:  # noqa: ARG002
        self.probes.push_progressed()

    def _record_request(self, target: str, method: str, status: int | None, seconds: float) -> None:
        self.probes.push_progressed()
        self._metrics.record_request(target, method, status, seconds)

    # The state

    def _open_state(self) -> AbstractContextManager[Store]:
        return existing_state(self.config)

    def _state_failed(self, error: StateError) -> None:
        self.probes.set_problem("the state database is unavailable")
        _LOG.error("%s", error)

    def _read_state(self, result: PushResult | None = None) -> None:
        """Schedule due work, and retries of targets that failed in `result`."""
        now = self._scheduler.now()
        try:
            with self._open_state() as store:
                pending = read_pending_work(
                    store, self.config, self._loaded.sources, self._due_work.tried
                )
        except StateError as error:
            self._state_failed(error)
            return
        if not self._failing_jobs and not (result and isinstance(result.error, StateError)):
            self.probes.set_problem(None)
        self._notifier.update(lambda _: self._watches.findings(now))
        self._events.schedule(self.config)
        if result is not None and result.outcome is not None:
            for name, target in result.outcome.targets.items():
                if name in pending:
                    again = self._due_work.retry_at(name, target, pending[name], now)
                    if again is not None:
                        self._request_again([name], Cause.DUE, again)
        self._schedule_due_work(pending, now)

    def _schedule_due_work(self, pending: Mapping[str, PendingWork], now: datetime) -> None:
        for name, work in pending.items():
            uses_today = name in self._loaded.uses_today
            at = self._due_work.due_at(name, work, now, uses_today=uses_today)
            if at is None:
                self._scheduler.cancel(f"due {name}")
            else:
                self._scheduler.run_at(at, f"due {name}", self._request, [name], Cause.DUE)

    def _gauges(self) -> list[Metric]:
        """Read the gauges. Called in another thread. Raise StateError."""
        with self._open_state() as store:
            gauges = state_gauges(
                self.config, store, self._scheduler.now(), self._watches.sources.changed_at()
            )
        return [*gauges, next_run_gauge(self._next_runs())]

    # The process

    def _ping_systemd(self) -> None:
        if self.probes.liveness().ok:
            self._systemd.alive()

    def _job_ended(self, event: JobExecutionEvent) -> None:
        """Continue after a job. Called in the thread of the job."""
        if event.exception is not None:
            self._scheduler.call_soon(partial(self._job_failed, event.job_id, event.exception))
        elif event.job_id == "push":
            self._run_soon("ended", self._push_ended, event.retval)
        elif event.job_id == _RECONCILE:
            self._run_soon("ended", self._reconcile_ended, event.retval)
        elif event.job_id == OUTBOX:
            self._run_soon("delivered", self._notifier.delivered, event.retval)
        elif event.job_id == EVENTS:
            self._run_soon("exported", self._events.exported, self.config, event.retval)
        elif event.job_id in self._failing_jobs:
            self._scheduler.call_soon(partial(self._job_recovered, event.job_id))

    def _job_failed(self, job_id: str, error: Exception) -> None:
        """Log and alert an unexpected error, and run the job again after a while."""
        log_bug(error)
        job = self._scheduler.get_job(job_id)
        if job is not None:
            job.modify(next_run_time=self._scheduler.now() + BUG_RETRY_AFTER)
        # a job that runs once cannot recover itself
        self._failing_jobs.add("state" if job is None else job_id)
        self.probes.set_problem("an unexpected error; see the log")
        finding = findings_of_error([], [], error, None, subject=_DAEMON)
        with suppress(Exception):  # alerting may be what fails
            self._notifier.update(lambda _: finding)

    def _job_recovered(self, job_id: str) -> None:
        self._failing_jobs.discard(job_id)
        if not self._failing_jobs:
            self.probes.set_problem(None)
            with suppress(Exception):
                self._notifier.update(lambda _: [Finding(Event.ERROR, _DAEMON)])

    def _stop(self, number: int) -> None:
        """Start nothing new; the active push finishes the requests in flight."""
        _LOG.info("stopping: finishing requests in flight")
        self._stopping = True
        self.probes.stopping()
        self._systemd.stopping()
        self._cancellation.cancel(
            Interrupted(
                "the daemon was stopped", number=number, hint="the next push continues from here"
            )
        )
        for job in self._scheduler.get_jobs():
            if job.id not in ("push", _RECONCILE, "ended", "watchdog"):
                job.remove()
        if self._active is None:
            self._scheduler.shutdown()
