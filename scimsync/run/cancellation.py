"""Cancel a run: finish requests in flight, and send nothing new.

SIGINT and SIGTERM cancel the run in the main thread, and a second signal ends the process at once.
A run in another thread is cancelled through its `Cancellation`. Ending at once is safe, because the
journal contains what was sent. Ending in order leaves less for the next run to look up.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scimsync.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_LOG = logging.getLogger("scimsync")


class Cancellation:
    """A handle that ends a run from another thread, whether or not it has begun to send."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Callable[[Interrupted], None] | None = None
        self.why: Interrupted | None = None

    def cancel(self, why: Interrupted) -> None:
        """Let the run send nothing new. Further calls have no effect."""
        with self._lock:
            if self.why is None:
                self.why = why
                if self._stop is not None:
                    self._stop(why)

    @contextmanager
    def calling(self, stop: Callable[[Interrupted], None]) -> Iterator[None]:
        """Call `stop` in the running event loop when the run is cancelled, or was before."""
        loop = asyncio.get_running_loop()

        def stop_in_loop(why: Interrupted) -> None:
            loop.call_soon_threadsafe(stop, why)

        with self._lock:
            self._stop = stop_in_loop
            if self.why is not None:
                stop(self.why)
        try:
            yield
        finally:
            with self._lock:
                self._stop = None


@contextmanager
def cancellable(
    stop: Callable[[Interrupted], None], cancellation: Cancellation | None = None
) -> Iterator[None]:
    """Let `cancellation` call `stop` while the block runs.

    Without one, and in the main thread, the first signal calls it, and the second ends the process.
    """
    if cancellation is not None:
        with cancellation.calling(stop):
            yield
        return
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def interrupt(number: signal.Signals) -> None:
        for signal_number in SIGNALS:
            loop.remove_signal_handler(signal_number)
            signal.signal(signal_number, signal.SIG_DFL)
        _LOG.warning(
            "interrupted: finishing requests in flight; press Ctrl-C again to stop immediately"
        )
        stop(Interrupted("interrupted", number=number, hint="the next push continues from here"))

    for number in SIGNALS:
        loop.add_signal_handler(number, interrupt, number)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
