"""The time for which at least one request waits for its response."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic


class BusyTime:
    """A stopwatch that runs while any of several overlapping waits does. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._waits = 0
        self._since = 0.0
        self._before = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let the stopwatch run during the block."""
        if not self._waits:
            self._since = self._clock()
        self._waits += 1
        try:
            yield
        finally:
            self._waits -= 1
            if not self._waits:
                self._before += self._clock() - self._since

    @property
    def seconds(self) -> float:
        """The seconds for which the stopwatch has run."""
        return self._before + (self._clock() - self._since if self._waits else 0.0)
