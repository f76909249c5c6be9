"""What this process counts while it works. No part of it needs prometheus-client."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scimsync.daemon.metrics.totals import (
    OPERATIONS,
    REQUEST_SECONDS,
    REQUESTS,
    RUN_SECONDS,
    RUNS,
    Counter,
    Histogram,
    Labels,
    Spread,
    Totals,
    spread_of,
)
from scimsync.model.operations import Action, OperationStatus

CAUSES = ("schedule", "file", "due", "start", "command")
OUTCOMES = ("done", "failed", "stopped", "interrupted", "busy", "error")
ENDS = (OperationStatus.APPLIED, OperationStatus.FAILED, OperationStatus.SKIPPED)
"""What becomes of operations; one without an outcome is finished, and counted, by a later run."""


@dataclass(frozen=True, slots=True)
class Plans:
    """What only a daemon knows: whether its sync.toml is the one that lies there and since when,
    and when it pushes next.

    None where it has not been told yet.
    """

    config_ok: bool | None = None
    config_loaded_at: datetime | None = None
    next_runs: Mapping[str, datetime | None] = field(default_factory=dict)


class Figures:
    """Counters of this process, from zero. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # from 0 to 1 is a step that increase() sees, from nothing to 1 is not: an alert would miss
        # the first failure
        self._counts: dict[tuple[Counter, Labels], float] = {
            (RUNS, (cause, end)): 0.0 for cause in CAUSES for end in OUTCOMES
        }
        self._spreads: dict[tuple[Histogram, Labels], Spread] = {}
        self._plans = Plans()

    def request(self, target: str, method: str, status: int | None, seconds: float) -> None:
        """A request was sent to `target`; `status` is None where no answer came within `seconds`.
        An `Observer` of a run."""
        with self._lock:
            self._count(REQUESTS, (target, method, "none" if status is None else str(status)))
            self._observe(REQUEST_SECONDS, (target, method), seconds)

    def operations(
        self,
        target: str,
        counts: Mapping[tuple[str, str], int] | Mapping[tuple[str, OperationStatus], int],
    ) -> None:
        """What a run did at `target`: (action, status in the journal) -> number. Operations without
        an outcome do not count."""
        with self._lock:
            for action in Action:
                for end in ENDS:
                    self._count(OPERATIONS, (target, action.value, end.value), 0)
            for (name, status), number in counts.items():
                if status in ENDS:
                    self._count(OPERATIONS, (target, str(name), str(status)), number)

    def run(self, cause: str, outcome: str, seconds: float) -> None:
        """A run has ended: one of `CAUSES`, one of `OUTCOMES`."""
        with self._lock:
            self._count(RUNS, (cause, outcome))
            self._observe(RUN_SECONDS, (cause,), seconds)

    def reloaded(self, ok: bool, at: datetime) -> None:
        """The daemon has read sync.toml at `at`; it works by what it read before where that was not
        `ok`."""
        with self._lock:
            self._plans = Plans(
                ok, at if ok else self._plans.config_loaded_at, self._plans.next_runs
            )

    def planned(self, next_runs: Mapping[str, datetime | None]) -> None:
        """When the daemon pushes next: target -> moment, None for never by itself."""
        with self._lock:
            self._plans = Plans(
                self._plans.config_ok, self._plans.config_loaded_at, dict(next_runs)
            )

    def totals(self) -> Totals:
        """Counters and histograms as they are now."""
        with self._lock:
            return Totals(dict(self._counts), dict(self._spreads))

    def plans(self) -> Plans:
        """What the daemon has told."""
        with self._lock:
            return self._plans

    def _count(self, counter: Counter, labels: Labels, number: float = 1.0) -> None:
        self._counts[counter, labels] = self._counts.get((counter, labels), 0.0) + number

    def _observe(self, histogram: Histogram, labels: Labels, seconds: float) -> None:
        one, known = spread_of(histogram, seconds), self._spreads.get((histogram, labels))
        self._spreads[histogram, labels] = one if known is None else known + one
