"""SIGINT and SIGTERM: the first lets what is in flight come to its end, the second ends the process at once.

Ending at once is safe, since the journal holds what was sent; ending in order only leaves less for the next run to look up.
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


@contextmanager
def interruptible(stop: Callable[[Interrupted], None]) -> Iterator[None]:
    """Within the block, in the main thread's event loop, the first signal calls `stop`, and the second kills the process."""
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
