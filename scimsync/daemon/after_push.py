"""Alerts, notifications, events and metrics after a single push; the daemon has its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from scimsync.audit.events import export_events
from scimsync.config.models import Config
from scimsync.daemon.metrics import PushMetrics
from scimsync.daemon.metrics_file import source_changes, write_metrics
from scimsync.daemon.notify import (
    Finding,
    deliver,
    findings_of_error,
    findings_of_push,
    stale_findings,
    update_alerts,
)
from scimsync.errors import LeaseHeld, ScimsyncError
from scimsync.run import RunOutcome
from scimsync.run.compile import compile_target
from scimsync.state.store import Store, open_state
from scimsync.transport.observer import Observer, ignore

CAUSE = "command"


class AfterPush:
    """Make one before a push of the targets `names` (none: all), and report its result to it.

    Metrics are written to `metrics_file` unless it is None. `whole`: the push covers all users;
    `reads`: it reads its sources.

    Raises ConfigError if there is a metrics file and prometheus-client is not installed.
    """

    def __init__(
        self,
        config: Config,
        names: Sequence[str],
        metrics_file: Path | None,
        clock: Callable[[], datetime],
        *,
        whole: bool,
        reads: bool,
    ) -> None:
        self._config = config
        self._names = [name for name in config.targets if not names or name in names]
        self._metrics_file = metrics_file
        self._metrics = None if metrics_file is None else PushMetrics()
        self._clock = clock
        self._whole = whole
        self._reads = reads
        self._started = time.monotonic()

    @property
    def observer(self) -> Observer:
        """What the push calls after each request."""
        return ignore if self._metrics is None else self._metrics.record_request

    def done(self, outcome: RunOutcome) -> None:
        """Report that the push completed.

        Raise ConfigError if the metrics file cannot be written, StateError.
        """
        sources = outcome.sources if self._reads else ()
        self._report(
            outcome.outcome,
            lambda store: findings_of_push(
                self._config,
                self._names,
                sources,
                outcome,
                store,
                self._clock(),
                whole=self._whole and self._reads,
            ),
        )

    def failed(self, error: Exception) -> None:
        """Report that the push ended with `error`.

        Raise ConfigError if the metrics file cannot be written, StateError.
        """
        source = error.source if isinstance(error, ScimsyncError) else None
        self._report(
            "busy" if isinstance(error, LeaseHeld) else "error",
            lambda _: findings_of_error(self._names, self._sources(), error, source),
        )

    def _report(self, outcome: str, find: Callable[[Store], list[Finding]]) -> None:
        seconds = time.monotonic() - self._started
        store = open_state(self._config.state_url, self._config.base_dir, create=True)
        try:
            now = self._clock()
            changed = source_changes(self._config)
            findings = [*find(store), *stale_findings(self._config, changed, now)]
            update_alerts(store, self._config, findings, now)
            export_events(store, self._config, now, clock=self._clock)
            if self._metrics is not None and self._metrics_file is not None:
                self._metrics.record_run(CAUSE, outcome, seconds)
                write_metrics(self._metrics_file, self._metrics, self._config, store, now, changed)
            if self._config.notify.to:
                deliver(store, self._config, now, clock=self._clock)
        finally:
            store.close()

    def _sources(self) -> list[str]:
        used = {
            source
            for name in self._names
            for source in compile_target(self._config, name).all_sources
        }
        return [name for name in self._config.sources if name in used]
