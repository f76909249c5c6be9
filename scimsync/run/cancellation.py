"""How a run is ended from outside: what is in flight comes to its end, and nothing more is sent.

By SIGINT and SIGTERM, of which the second ends the process at once, or by whoever started the run
in a thread of its own.

Ending at once is safe, since the journal holds what was sent; ending in order only leaves less for
the next run to look up.
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
    """Ends a run from another thread, whether it has begun to send or not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Callable[[Interrupted], None] | None = None
        self.why: Interrupted | None = None

    def interrupt(self, why: Interrupted) -> None:
        """From now on the run sends nothing new. Once is enough."""
        with self._lock:
            if self.why is None:
                self.why = why
                if self._stop is not None:
                    self._stop(why)

    @contextmanager
    def stopping(self, stop: Callable[[Interrupted], None]) -> Iterator[None]:
        """Within the block, which runs in an event loop, `stop` is called in that loop when it is
        time, or was before."""
        loop = asyncio.get_running_loop()

        def in_the_loop(why: Interrupted) -> None:
            loop.call_soon_threadsafe(stop, why)

        with self._lock:
            self._stop = in_the_loop
            if self.why is not None:
                stop(self.why)
        try:
            yield
        finally:
            with self._lock:
                self._stop = None


@contextmanager
def cancellable(
    stop: Callable[[Interrupted], None], interruption: Cancellation | None = None
) -> Iterator[None]:
    """Within the block `interruption` calls `stop`. Where there is none, and in the main thread,
    the first signal does, and the second kills the process."""
    if interruption is not None:
        with interruption.stopping(stop):
            yield
        return
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def interrupt(number: signal.Signals) -> None:
        for one in SIGNALS:
            loop.remove_signal_handler(one)
            signal.signal(one, signal.SIG_DFL)
        _LOG.warning("interrupted; what is in flight comes to its end (once more: at once)")
        stop(Interrupted("interrupted", number=number, hint="the next push goes on from here"))

    for number in SIGNALS:
        loop.add_signal_handler(number, interrupt, number)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])
