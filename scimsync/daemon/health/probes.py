"""What the endpoint asks the daemon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProbeStatus:
    """The result of a probe; `detail` has no personal data."""

    ok: bool
    detail: str


class Probes(Protocol):
    """The daemon as its endpoint sees it.

    `liveness` and `readiness` are called in the server's thread and must answer from memory;
    `metrics` is called in another thread, one call at a time, and may read the state.
    """

    def liveness(self) -> ProbeStatus:
        """Return whether the process works; if not, restart it."""
        ...

    def readiness(self) -> ProbeStatus:
        """Return whether pushes can run."""
        ...

    def metrics(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        ...
