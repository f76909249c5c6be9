"""Handle the result of a push or a reconciliation: metrics, log, alerts, and retries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from scimsync.daemon.dependencies import Dependencies
from scimsync.daemon.due_work import DueWork
from scimsync.daemon.loaded_config import LoadedConfig
from scimsync.daemon.log_lines import log_push_result, log_reconciled
from scimsync.daemon.metrics import DaemonMetrics
from scimsync.daemon.notifier import Notifier
from scimsync.daemon.notify import (
    Finding,
    drift_findings,
    findings_of_blocked,
    findings_of_error,
    findings_of_push,
)
from scimsync.daemon.push_job import PushRequest, PushResult
from scimsync.daemon.reconcile_job import ReconcileResult
from scimsync.daemon.worker import RECONCILE_AGAIN, Worker
from scimsync.errors import ConfigError, Interrupted, LeaseHeld, ScimsyncError, StateError
from scimsync.model.backoff import retry_delay
from scimsync.run import RunOutcome

LEASE_RETRY_AFTER = timedelta(seconds=15)
"""When a push is tried again after it found another run active."""

STATE_RETRY_AFTER = timedelta(minutes=1)
"""When a push is tried again after the state database was unavailable."""


class Results:
    """Records results, and requests failed work again.

    `loaded` returns the configuration in force.
    """

    def __init__(
        self,
        dependencies: Dependencies,
        loaded: Callable[[], LoadedConfig],
        worker: Worker,
        due_work: DueWork,
        metrics: DaemonMetrics,
        notifier: Notifier,
    ) -> None:
        self._scheduler = dependencies.scheduler
        self._personal = dependencies.personal
        self._loaded = loaded
        self._worker = worker
        self._due_work = due_work
        self._metrics = metrics
        self._notifier = notifier
        self._reconcile_failures: dict[str, int] = {}
        self._config_errors = 0

    def record_reconcile(self, result: ReconcileResult) -> None:
        """Record the result of a reconciliation: in the log, and in alerts."""
        if not isinstance(result.error, StateError):
            log_reconciled(result, personal=self._personal)
        self._retry_reconcile(result)
        if result.done is not None:
            findings = drift_findings([result.done])
            self._notifier.update(lambda _: findings)

    def record_push(self, result: PushResult) -> None:
        """Record the result of a push: in metrics, in the log, and in alerts."""
        request = result.request
        self._metrics.record_run(request.cause, result.label, result.seconds)
        # other targets were removed from sync.toml while it ran
        names = [name for name in request.targets if name in self._loaded().config.targets]
        self._due_work.record(result, names)
        personal = self._personal
        if result.outcome is not None:
            for name, target in result.outcome.targets.items():
                self._metrics.record_operations(name, target.operations)
            self._retry_misconfigured(request, result.outcome)
            log_push_result(result, findings_of_blocked(result.outcome), personal=personal)
            find = partial(
                findings_of_push,
                self._loaded().config,
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

    def _retry_misconfigured(self, request: PushRequest, outcome: RunOutcome) -> None:
        """Request another push of targets that a secret or a missing column has stopped."""
        names = [
            name
            for name, target in outcome.targets.items()
            if isinstance(target.error, ConfigError)
        ]
        self._config_errors = self._config_errors + 1 if names else 0
        if names:
            again = self._scheduler.now() + retry_delay(self._config_errors)
            self._worker.request_again(names, request.cause, again)

    def _retry(self, request: PushRequest, error: Exception, names: Sequence[str]) -> None:
        """Request another push to replace one that could not run.

        Targets that the error does not affect do not have to wait.
        """
        now = self._scheduler.now()
        if isinstance(error, LeaseHeld):
            self._worker.request_again(request.targets, request.cause, now + LEASE_RETRY_AFTER)
        elif isinstance(error, StateError):
            self._worker.request_again(request.targets, request.cause, now + STATE_RETRY_AFTER)
        elif isinstance(error, ConfigError):
            self._config_errors += 1
            again = now + retry_delay(self._config_errors)
            self._worker.request_again(request.targets, request.cause, again)
        elif isinstance(error, ScimsyncError) and error.source is not None:
            sources = self._loaded().sources
            others = [name for name in names if error.source not in sources[name]]
            self._worker.request(others, request.cause)

    def _findings_of(self, request: PushRequest, error: Exception) -> list[Finding]:
        sources = dict.fromkeys(
            source for name in request.targets for source in self._loaded().sources.get(name, ())
        )
        source = error.source if isinstance(error, ScimsyncError) else None
        return findings_of_error(request.targets, list(sources), error, source)

    def _retry_reconcile(self, result: ReconcileResult) -> None:
        """Request another reconciliation if one could not read its target or the state."""
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
            f"{RECONCILE_AGAIN} {name}",
            self._reconcile_again,
            name,
        )

    def _reconcile_again(self, name: str) -> None:
        if self._loaded().config.schedule.reconcile:
            self._worker.request_reconcile([name])
