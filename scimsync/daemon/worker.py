"""Start the pushes and reconciliations of the daemon, one at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence, Set
from datetime import datetime, timedelta

from scimsync.config.models import Config
from scimsync.daemon.daemon_probes import DaemonProbes
from scimsync.daemon.dependencies import Dependencies
from scimsync.daemon.loaded_config import LoadedConfig
from scimsync.daemon.log_lines import log_push_started
from scimsync.daemon.metrics import DaemonMetrics
from scimsync.daemon.push_job import Cause, PushQueue, PushRequest, run_push
from scimsync.daemon.reconcile_job import run_reconcile
from scimsync.daemon.scheduler import PUSH_EXECUTOR
from scimsync.errors import Interrupted
from scimsync.run.cancellation import Cancellation

_LOG = logging.getLogger("scimsync")

PUSH, RECONCILE = "push", "reconcile"
"""Ids of jobs."""

RECONCILE_AGAIN = "reconcile-again"
"""The first word of the ids of jobs that request a reconciliation again."""

LONGEST_WAIT = timedelta(minutes=10)
"""How long a push waits for a source file that is still being written."""


class Worker:
    """Starts requested work in the thread of pushes.

    `loaded` returns the configuration in force, and `incomplete` the sources whose files are still
    being written, unless they have been for longer than a time.
    """

    def __init__(
        self,
        dependencies: Dependencies,
        loaded: Callable[[], LoadedConfig],
        incomplete: Callable[[datetime, timedelta], Set[str]],
        probes: DaemonProbes,
        metrics: DaemonMetrics,
    ) -> None:
        self._scheduler = dependencies.scheduler
        self._time = dependencies.time
        self._loaded = loaded
        self._incomplete = incomplete
        self._probes = probes
        self._metrics = metrics
        self._queue = PushQueue()
        self._to_reconcile: dict[str, None] = {}
        self._active: PushRequest | str | None = None  # a push, or the target that is reconciled
        self._cancellation = Cancellation()
        self._awaited_sources: set[str] = set()
        self._stopping = False

    @property
    def _config(self) -> Config:
        return self._loaded().config

    @property
    def is_idle(self) -> bool:
        """Whether neither a push nor a reconciliation is active."""
        return self._active is None

    def stop(self, why: Interrupted) -> None:
        """Start nothing new. The active work finishes its requests in flight."""
        self._stopping = True
        self._cancellation.cancel(why)

    def request(self, names: Sequence[str], cause: Cause) -> None:
        """Request a push of targets."""
        self._queue.add(names, cause)
        self._start_soon()

    def request_again(self, names: Sequence[str], cause: Cause, at: datetime) -> None:
        """Request a push of each of these targets at a later time."""
        for name in names:
            if name in self._config.targets:
                self._scheduler.run_at(at, f"again-{cause} {name}", self.request, [name], cause)

    def request_reconcile(self, names: Sequence[str] | None = None) -> None:
        """Request a reconciliation of targets (None: all) once no push is requested or active."""
        self._to_reconcile.update(dict.fromkeys(self._config.targets if names is None else names))
        self._start_soon()

    def start(self) -> None:
        """Start the requested work, unless other work is active."""
        if self._active is not None or self._stopping:
            return
        request = self._queue.take(list(self._config.targets))
        if request is not None and request.cause.reads:
            request = self._without_incomplete(request)
        if request is None:
            self._start_reconcile()
            return
        log_push_started(request)
        self._active = request
        self._probes.push_started()
        self._scheduler.add_job(
            run_push,
            args=(
                self._config,
                request,
                self._scheduler.now,
                self._record_progress,
                self._record_request,
                self._cancellation,
                self._time,
            ),
            id=PUSH,
            executor=PUSH_EXECUTOR,
        )

    def _without_incomplete(self, request: PushRequest) -> PushRequest | None:
        """Postpone the targets of `request` whose source files are still being written."""
        now = self._scheduler.now()
        incomplete = self._incomplete(now, LONGEST_WAIT)
        sources = self._loaded().sources
        waiting = [name for name in request.targets if incomplete & set(sources[name])]
        self.request_again(
            waiting, request.cause, now + max(self._config.schedule.quiet, timedelta(seconds=1))
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

    def _start_reconcile(self) -> None:
        name = next((one for one in self._to_reconcile if one in self._config.targets), None)
        if name is None:
            self._to_reconcile.clear()
            return
        del self._to_reconcile[name]
        self._scheduler.cancel(f"{RECONCILE_AGAIN} {name}")
        self._active = name
        self._probes.push_started("reconciliation")
        self._scheduler.add_job(
            run_reconcile,
            args=(
                self._config,
                name,
                self._scheduler.now,
                self._record_progress,
                self._record_request,
                self._cancellation,
                self._time,
            ),
            id=RECONCILE,
            executor=PUSH_EXECUTOR,
        )

    def ended(self) -> None:
        """Start the next requested work, or end the daemon, after recording the active work."""
        self._active = None
        self._probes.push_ended()
        if self._stopping:
            self._scheduler.shutdown()
        else:
            self._start_soon()

    def _record_progress(self, name: str, what: str, number: int, total: int | None = None) -> None:  # noqa: ARG002
        self._probes.push_progressed()

    def _record_request(self, target: str, method: str, status: int | None, seconds: float) -> None:
        self._probes.push_progressed()
        self._metrics.record_request(target, method, status, seconds)

    def _start_soon(self) -> None:
        self._scheduler.run_at(self._scheduler.now(), "start", self.start)
