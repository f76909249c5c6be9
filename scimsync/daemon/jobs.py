"""The daemon: the jobs of one scheduler, and how they work together.

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

Everything that has to survive the process is in the state database, so the process may be killed at
any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from contextlib import AbstractContextManager
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
from scimsync.daemon.failing_jobs import DAEMON, FailingJobs
from scimsync.daemon.health import HealthEndpoint
from scimsync.daemon.loaded_config import LoadedConfig, load_config
from scimsync.daemon.log_lines import (
    log_next_reconcile,
    log_next_runs,
)
from scimsync.daemon.metrics import DaemonMetrics, next_run_gauge, state_gauges
from scimsync.daemon.notifier import OUTBOX, Notifier
from scimsync.daemon.notify import (
    Finding,
    config_finding,
    forget_unconfigured,
)
from scimsync.daemon.pending_work import PendingWork, read_pending_work, unchanged_sources
from scimsync.daemon.push_job import (
    Cause,
    PushResult,
)
from scimsync.daemon.reconcile_job import ReconcileResult
from scimsync.daemon.results import Results
from scimsync.daemon.scheduler import every
from scimsync.daemon.schedules import Schedules
from scimsync.daemon.watches import Watches
from scimsync.daemon.worker import PUSH, RECONCILE, Worker
from scimsync.errors import ConfigError, Interrupted, StateError
from scimsync.model.backoff import is_waiting
from scimsync.state import reconciliations
from scimsync.state.store import Store

if TYPE_CHECKING:
    from prometheus_client import Metric

_LOG = logging.getLogger("scimsync")


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
        self._due_work = DueWork()
        self._failing_jobs = FailingJobs(self._scheduler, self.probes, self._notifier)
        self._worker = Worker(
            dependencies,
            lambda: self._loaded,
            self._incomplete,
            self.probes,
            self._metrics,
        )
        self._schedules = Schedules(
            dependencies, lambda: self._loaded, self._worker, self._due_work
        )
        self._results = Results(
            dependencies,
            lambda: self._loaded,
            self._worker,
            self._due_work,
            self._metrics,
            self._notifier,
        )

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
                self._worker.request([name], Cause.START)
            if known.failures:
                until = known.quarantined_until
                self._worker.request_again(
                    [name], Cause.DUE, until if is_waiting(until, now) else now
                )
        self._worker.request_reconcile(
            [
                name
                for name, last in reconciled.items()
                if self._loaded.missed_reconcile(last.at, now)
            ]
        )
        self._schedules.add_due_work(pending, now)
        self._config_loaded()
        self._notifier.update(lambda _: [Finding(Event.ERROR, DAEMON)])

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
        self._schedules.add()

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
        self._schedules.remove_unconfigured()
        self._schedules.add()
        self._schedules.add_due_work(pending, self._scheduler.now())
        _LOG.info("%s reloaded", self._path.name)
        self._config_loaded()

    def _config_loaded(self) -> None:
        self._metrics.record_config(ok=True, at=self._scheduler.now())
        log_next_runs(self._schedules.next_runs())
        log_next_reconcile(self._schedules.next_reconcile())
        self._notifier.update(lambda _: [Finding(Event.CONFIG, self._path.name)])

    def _clock_changed(self, seconds: float) -> None:
        _LOG.warning("the system clock changed by %+.0f s; rescheduling [SYNC-0803]", seconds)
        now = self._scheduler.now()
        self._due_work.clock_changed(now)
        self._scheduler.modify_job("state", next_run_time=now)

    # Files

    def _incomplete(self, now: datetime, longest: timedelta) -> Set[str]:
        return self._watches.incomplete(now, longest)

    def _look_at_files(self) -> None:
        now = self._scheduler.now()
        if self._watches.config.look(now):
            self._reload()
        for name in self._watches.sources.look(now):
            if self.config.schedule.watch:
                _LOG.info("%s: source files changed", name)
                targets = [target for target, of in self._loaded.sources.items() if name in of]
                self._worker.request(targets, Cause.FILE)
        if next_look := self._watches.next_look(now):
            job = self._scheduler.get_job("files")
            if job is not None and next_look < job.next_run_time:
                job.modify(next_run_time=next_look)

    def _run_soon(self, job_id: str, call: Callable[..., object], *args: object) -> None:
        self._scheduler.run_at(self._scheduler.now(), job_id, call, *args)

    # Results

    def _push_ended(self, result: PushResult) -> None:
        try:
            self._results.record_push(result)
            self._read_state(result)
        finally:
            self._worker.ended()

    def _reconcile_ended(self, result: ReconcileResult) -> None:
        try:
            if isinstance(result.error, StateError):
                self._state_failed(result.error)
            self._results.record_reconcile(result)
        finally:
            self._worker.ended()

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
                        self._worker.request_again([name], Cause.DUE, again)
        self._schedules.add_due_work(pending, now)

    def _gauges(self) -> list[Metric]:
        """Read the gauges. Called in another thread. Raise StateError."""
        with self._open_state() as store:
            gauges = state_gauges(
                self.config, store, self._scheduler.now(), self._watches.sources.changed_at()
            )
        return [*gauges, next_run_gauge(self._schedules.next_runs())]

    # The process

    def _ping_systemd(self) -> None:
        if self.probes.liveness().ok:
            self._systemd.alive()

    def _job_ended(self, event: JobExecutionEvent) -> None:
        """Continue after a job. Called in the thread of the job."""
        if event.exception is not None:
            self._scheduler.call_soon(
                partial(self._failing_jobs.failed, event.job_id, event.exception)
            )
        elif event.job_id == PUSH:
            self._run_soon("ended", self._push_ended, event.retval)
        elif event.job_id == RECONCILE:
            self._run_soon("ended", self._reconcile_ended, event.retval)
        elif event.job_id == OUTBOX:
            self._run_soon("delivered", self._notifier.delivered, event.retval)
        elif event.job_id == EVENTS:
            self._run_soon("exported", self._events.exported, self.config, event.retval)
        elif event.job_id in self._failing_jobs:
            self._scheduler.call_soon(partial(self._failing_jobs.recovered, event.job_id))

    def _stop(self, number: int) -> None:
        """Start nothing new; the active push finishes the requests in flight."""
        _LOG.info("stopping: finishing requests in flight")
        self.probes.stopping()
        self._systemd.stopping()
        self._worker.stop(
            Interrupted(
                "the daemon was stopped", number=number, hint="the next push continues from here"
            )
        )
        for job in self._scheduler.get_jobs():
            if job.id not in (PUSH, RECONCILE, "ended", "watchdog"):
                job.remove()
        if self._worker.is_idle:
            self._scheduler.shutdown()
