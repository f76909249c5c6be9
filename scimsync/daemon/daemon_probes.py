"""Whether the daemon works, for its probes and the watchdog of systemd."""

from __future__ import annotations

import threading
from collections.abc import Callable

from scimsync.daemon.health import ProbeStatus
from scimsync.daemon.scheduler import JobScheduler

STUCK_AFTER_S = 60.0
"""The main loop runs at least every few seconds."""

PUSH_STUCK_AFTER_S = 3600.0
"""A push reports progress with every batch and request; the longest silence is the comparison of a
large source."""


class DaemonProbes:
    """Answers the probes, from the rounds of the scheduler and the progress of the active push."""

    def __init__(self, scheduler: JobScheduler, metrics: Callable[[], bytes]) -> None:
        self._scheduler = scheduler
        self._metrics = metrics
        self._lock = threading.Lock()
        self._progress_at: float | None = None
        self._active = "push"
        self._problem: str | None = None
        self._stopping = False

    def push_started(self, what: str = "push") -> None:
        """Expect progress of a push, or of what else runs in its place, from now on."""
        with self._lock:
            self._active = what
            self._progress_at = self._scheduler.steady_s

    def push_progressed(self) -> None:
        """Record progress of the active push. Thread-safe."""
        with self._lock:
            if self._progress_at is not None:
                self._progress_at = self._scheduler.steady_s

    def push_ended(self) -> None:
        """Expect no more progress."""
        with self._lock:
            self._progress_at = None

    def set_problem(self, problem: str | None) -> None:
        """Set why pushes cannot run, or None if they can."""
        self._problem = problem

    def stopping(self) -> None:
        """Report from now on that no push starts."""
        self._stopping = True

    def liveness(self) -> ProbeStatus:
        """Return whether the main loop and the active push make progress."""
        if (silent_s := self._scheduler.silent_s) > STUCK_AFTER_S:
            return ProbeStatus(False, f"the main loop has not run for {silent_s:.0f} s")
        with self._lock:
            progress_at, what = self._progress_at, self._active
        if progress_at is None:
            return ProbeStatus(True, "idle")
        silent_s = self._scheduler.steady_s - progress_at
        if silent_s > PUSH_STUCK_AFTER_S:
            return ProbeStatus(
                False, f"the active {what} has made no progress for {silent_s:.0f} s"
            )
        return ProbeStatus(True, f"a {what} is running")

    def readiness(self) -> ProbeStatus:
        """Return whether pushes can run."""
        if self._stopping:
            return ProbeStatus(False, "the daemon is stopping")
        if self._problem is not None:
            return ProbeStatus(False, self._problem)
        return ProbeStatus(True, "pushes run as scheduled")

    def metrics(self) -> bytes:
        """Return all metrics. Raise StateError."""
        return self._metrics()
