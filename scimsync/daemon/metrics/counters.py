"""Metrics that this process counts, in a registry of prometheus_client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from scimsync import __version__
from scimsync.daemon.extras import require_extra
from scimsync.model.operations import Action, OperationStatus

if TYPE_CHECKING:
    from prometheus_client import Metric

CAUSES = ("schedule", "file", "due", "start", "command")
OUTCOMES = ("done", "failed", "stopped", "interrupted", "busy", "error")
FINAL_STATUSES = (OperationStatus.APPLIED, OperationStatus.FAILED, OperationStatus.SKIPPED)
"""An operation without a final status is completed, and counted, by a later run."""

RUNS_HELP = "Runs, by what started them and how they ended."
OPERATIONS_HELP = "Operations on accounts and groups, by result."

_RUN_BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)
_REQUEST_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class PushMetrics:
    """Requests and durations of the pushes of this process. Thread-safe.

    Raises ConfigError if prometheus-client is not installed.
    """

    def __init__(self) -> None:
        require_extra("prometheus_client", "metrics")
        from prometheus_client import CollectorRegistry, Counter, Histogram, Info
        from prometheus_client.metrics import disable_created_metrics

        disable_created_metrics()  # the names are a contract, and *_created is not in it
        self.registry = CollectorRegistry()
        version = Info("scimsync_build", "The version of scimsync.", registry=self.registry)
        version.info({"version": __version__})
        self._requests = Counter(
            "scimsync_requests",
            "Requests sent to targets, by the HTTP status of the response (none: no response).",
            ("target", "method", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "scimsync_request_duration_seconds",
            "Time until targets responded to a request.",
            ("target", "method"),
            buckets=_REQUEST_BUCKETS,
            registry=self.registry,
        )
        self._run_seconds = Histogram(
            "scimsync_run_duration_seconds",
            "Duration of runs.",
            ("cause",),
            buckets=_RUN_BUCKETS,
            registry=self.registry,
        )

    def record_request(self, target: str, method: str, status: int | None, seconds: float) -> None:
        """Count a request; `status` is None if no response arrived within `seconds`.

        A `scimsync.transport.observer.Observer`.
        """
        self._requests.labels(target, method, "none" if status is None else str(status)).inc()
        self._request_seconds.labels(target, method).observe(seconds)

    def record_run(self, cause: str, outcome: str, seconds: float) -> None:  # noqa: ARG002 - the daemon counts outcomes
        """Record that a run ended: one of `CAUSES`, one of `OUTCOMES`."""
        self._run_seconds.labels(cause).observe(seconds)

    def add_collector(self, collect: Callable[[], Iterable[Metric]]) -> None:
        """Add metric families that `collect` returns at each exposition."""
        self.registry.register(_Collector(collect))

    def expose(self) -> bytes:
        """Return all metrics in the text format of Prometheus (version 0.0.4).

        Raise whatever a collector raises, because partial figures would look complete.
        """
        from prometheus_client import generate_latest

        return generate_latest(self.registry)


class DaemonMetrics(PushMetrics):
    """Metrics of a daemon: also runs, operations, its configuration and its process.

    Counters start at zero with the process.
    """

    def __init__(self) -> None:
        super().__init__()
        from prometheus_client import Counter, Gauge, ProcessCollector

        self._runs = Counter(
            "scimsync_runs", RUNS_HELP, ("cause", "outcome"), registry=self.registry
        )
        # increase() sees a step from 0 to 1, but not one from nothing to 1: an alert would miss
        # the first failure
        for cause in CAUSES:
            for outcome in OUTCOMES:
                self._runs.labels(cause, outcome)
        self._operations = Counter(
            "scimsync_operations",
            OPERATIONS_HELP,
            ("target", "action", "outcome"),
            registry=self.registry,
        )
        self._config_ok = Gauge(
            "scimsync_config_reload_successful",
            "Whether the last load of sync.toml succeeded.",
            registry=self.registry,
        )
        self._config_loaded = Gauge(
            "scimsync_config_loaded_timestamp_seconds",
            "When the sync.toml in force was loaded.",
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def record_run(self, cause: str, outcome: str, seconds: float) -> None:
        """Count a run and record its duration: one of `CAUSES`, one of `OUTCOMES`."""
        super().record_run(cause, outcome, seconds)
        self._runs.labels(cause, outcome).inc()

    def record_operations(self, target: str, counts: Mapping[tuple[str, str], int]) -> None:
        """Count the operations of a run at `target`: (action, status) -> number.

        Operations without a final status are not counted.
        """
        for action in Action:
            for status in FINAL_STATUSES:
                number = counts.get((action.value, status.value), 0)
                self._operations.labels(target, action.value, status.value).inc(number)

    def record_config(self, ok: bool, at: datetime) -> None:
        """Record that sync.toml was loaded at `at`, or could not be and the previous one stays."""
        self._config_ok.set(ok)
        if ok:
            self._config_loaded.set(at.timestamp())


class _Collector:
    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()
