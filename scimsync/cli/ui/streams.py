"""Handle standard streams that are closed, or that lead to a full disk or a closed pipe.

A command ends with the first failed write to stdout. Failed writes to stderr are ignored, so that a
push continues even if its progress cannot be shown.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CLOSED = 128 + signal.SIGPIPE
"""The exit code if the reader of a pipe has closed it."""


class OutputFailed(Exception):
    """Stdout cannot be written. Not an OSError, so that handlers of OSError do not catch it."""

    def __init__(self, error: OSError, file: _File) -> None:
        super().__init__(error.strerror)
        self._file = file
        self.reason = error.strerror or str(error)
        self.by_reader = error.errno == errno.EPIPE

    @property
    def exit_code(self) -> int:
        """The exit code of a command that could not write its output."""
        return _CLOSED if self.by_reader else 1

    def drop_rest(self) -> None:
        """Drop the contents of buffers, and all later writes."""
        self._file.drops = True


class _File(io.FileIO):
    """A standard stream. A failed write raises OutputFailed if `tells`, or else loses the data."""

    def __init__(self, descriptor: int, *, tells: bool) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._tells = tells
        self.drops = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write bytes, and return their number. Raise OutputFailed."""
        size = memoryview(data).nbytes
        if self.drops or not size:
            return size
        try:
            return super().write(data)
        except OSError as error:
            if self._tells:
                raise OutputFailed(error, self) from error
            return size


def guard_streams() -> None:
    """Make failed writes to stdout raise OutputFailed, and ignore failed writes to stderr."""
    sys.stdout = _usable(sys.stdout, sys.__stdout__, tells=True)
    sys.stderr = _usable(sys.stderr, sys.__stderr__, tells=False)


def _usable(stream: TextIO | None, first: TextIO | None, *, tells: bool) -> TextIO:
    """Return the stream to use; `first` is the one that the process began with."""
    if stream is None:  # it was closed before the program began
        return Path(os.devnull).open("w", encoding="utf-8")
    if stream is first and isinstance(stream, io.TextIOWrapper):
        return _guarded(stream, tells=tells)
    return stream


def _guarded(stream: io.TextIOWrapper, *, tells: bool) -> io.TextIOWrapper:
    file = _File(stream.fileno(), tells=tells)
    return io.TextIOWrapper(
        file if stream.write_through else io.BufferedWriter(file),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
