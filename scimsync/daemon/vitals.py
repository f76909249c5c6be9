"""Whether the daemon is alive and does its work, as its health page and systemd's watchdog ask."""

from __future__ import annotations

import threading
from collections.abc import Callable

from scimsync.daemon.health import ProbeStatus

STUCK_AFTER_S = 60.0
"""The main loop turns at least every few seconds; without a turn for so long it is stuck."""

PUSH_STUCK_AFTER_S = 3600.0
"""A push says how far it is with every batch and every request; the longest silence is the
comparison of a large source."""


class Vitals:
    """Signs of life, from the main loop and from the push that it has started. `steady` gives
    seconds that never jump."""

    def __init__(self, steady: Callable[[], float], metrics: Callable[[], bytes]) -> None:
        self._steady = steady
        self._metrics = metrics
        self._lock = threading.Lock()
        self._turned_at = steady()
        self._progress_at: float | None = None
        self._trouble: str | None = None
        self._stopping = False

    def turned(self) -> None:
        """The main loop goes round."""
        self._turned_at = self._steady()

    def working(self, *, on: bool) -> None:
        """A push begins, or has ended."""
        with self._lock:
            self._progress_at = self._steady() if on else None

    def progressed(self) -> None:
        """The push at work goes on."""
        with self._lock:
            if self._progress_at is not None:
                self._progress_at = self._steady()

    def troubled(self, why: str | None) -> None:
        """Why it cannot do its work at the moment; None where it can."""
        self._trouble = why

    def stopping(self) -> None:
        """It takes on nothing new."""
        self._stopping = True

    def liveness(self) -> ProbeStatus:
        """Whether anything moves."""
        now = self._steady()
        if now - self._turned_at > STUCK_AFTER_S:
            return ProbeStatus(
                False, f"the main loop has not turned for {now - self._turned_at:.0f} s"
            )
        with self._lock:
            progress = self._progress_at
        if progress is not None and now - progress > PUSH_STUCK_AFTER_S:
            return ProbeStatus(False, f"the push at work has not moved for {now - progress:.0f} s")
        return ProbeStatus(True, "idle" if progress is None else "a push is at work")

    def readiness(self) -> ProbeStatus:
        """Whether pushes can be done."""
        if self._stopping:
            return ProbeStatus(False, "it is stopping")
        if self._trouble is not None:
            return ProbeStatus(False, self._trouble)
        return ProbeStatus(True, "pushes are done as planned")

    def metrics(self) -> bytes:
        """Its figures."""
        return self._metrics()
