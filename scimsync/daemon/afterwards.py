"""What follows a push that cron or a person has started: its keepers are told, and its figures are
written for node_exporter.

The daemon does the same by itself all the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from scimsync.config.models import Config
from scimsync.daemon.metrics import Figures, standing, write_textfile
from scimsync.daemon.notify import (
    Finding,
    deliver,
    findings_of_error,
    findings_of_push,
    note,
    stale_findings,
)
from scimsync.errors import LeaseHeld, ScimsyncError
from scimsync.run import RunOutcome
from scimsync.run.compile import compile_target, file_spec
from scimsync.sources import changed_at
from scimsync.state.store import Store, open_state

CAUSE = "command"


class Afterwards:
    """Begun before a push of the targets `names`. `whole`: it is about everybody; `reads`: it reads
    its sources. Figures go to `metrics_file`, if there is one."""

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
        self.figures = Figures()
        self._config = config
        self._names = [name for name in config.targets if not names or name in names]
        self._metrics_file = metrics_file
        self._clock = clock
        self._whole = whole
        self._reads = reads
        self._began = time.monotonic()

    def done(self, outcome: RunOutcome) -> None:
        """It came to its end. Raises ConfigError where the metrics file cannot be written,
        StateError."""
        self.figures.run(CAUSE, outcome.outcome, time.monotonic() - self._began)
        for name, target in outcome.targets.items():
            self.figures.operations(name, target.operations)
        sources = self._sources() if self._reads else []
        self._tell(
            lambda store: findings_of_push(
                self._config,
                self._names,
                sources,
                outcome,
                store,
                whole=self._whole and self._reads,
            )
        )

    def failed(self, error: Exception) -> None:
        """It ended by `error`. Raises ConfigError where the metrics file cannot be written,
        StateError."""
        word = "busy" if isinstance(error, LeaseHeld) else "error"
        self.figures.run(CAUSE, word, time.monotonic() - self._began)
        source = error.source if isinstance(error, ScimsyncError) else None
        self._tell(lambda _: findings_of_error(self._names, self._sources(), error, source))

    def _tell(self, find: Callable[[Store], list[Finding]]) -> None:
        store = open_state(self._config.state_url, self._config.base_dir, create=True)
        try:
            now = self._clock()
            changed = {
                name: at
                for name in self._config.sources
                if (at := changed_at(file_spec(self._config, name))) is not None
            }
            note(
                store,
                self._config,
                [*find(store), *stale_findings(self._config, changed, now)],
                now,
            )
            if self._metrics_file is not None:
                write_textfile(
                    self._metrics_file, self.figures, standing(self._config, store, now, changed)
                )
            if self._config.notify.to:
                deliver(store, self._config, now, clock=self._clock)
        finally:
            store.close()

    def _sources(self) -> list[str]:
        of = {
            source
            for name in self._names
            for source in compile_target(self._config, name).all_sources
        }
        return [name for name in self._config.sources if name in of]
