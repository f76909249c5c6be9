"""Sleeping until something happens: a signal, the end of a push, or the time."""

from __future__ import annotations

import os
import select


class Waker:
    """`wait` returns when it is time, or when `wake` is called: from a signal handler, from another
    thread, or before."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def wake(self) -> None:
        """Ends the wait that is on, or the next one."""
        try:
            os.write(self._write, b"!")
        except OSError:  # the pipe is full: it is awake enough, or closed: nobody waits any more
            return

    def wait(self, seconds: float) -> None:
        """Sleeps for so long at most."""
        select.select([self._read], [], [], max(seconds, 0))
        try:
            while os.read(self._read, 1024):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        """Ends its use."""
        os.close(self._read)
        os.close(self._write)
