"""Append tokens to a file, one a line, and each one only once."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scimsync.atomic_file import PRIVATE
from scimsync.audit.events.destination import Delivery, EventToken
from scimsync.audit.events.token import jti_of

_BEGINNING = re.compile(rb"eyJ[A-Za-z0-9_.-]*")
"""The form of a token that was not written completely."""

_LOOK_BACK = 64 * 1024
"""How many bytes before the length of a batch are searched for tokens of an earlier attempt."""


class TokenFile:
    """The file `path`. It is created with access for its owner only."""

    batch = 200
    keeps_order = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: set[str | None] | None = None

    def deliver(self, tokens: Sequence[EventToken]) -> Delivery:
        """Append tokens and wait until they are on the disk.

        The first batch may repeat a batch of a process that was killed after writing it.
        """
        try:
            self._append(tokens)
        except OSError as error:
            self._written = None  # some of them may be on the disk
            return Delivery(failure=f"cannot write the file: {error.strerror}")
        return Delivery([token.operation_id for token in tokens])

    def close(self) -> None:
        """Do nothing: the file is open only while a batch is written."""

    def _append(self, tokens: Sequence[EventToken]) -> None:
        existed = self._path.exists()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, PRIVATE)
        try:
            if not existed:
                os.fchmod(descriptor, PRIVATE)  # whatever the umask
            if self._written is None:
                size = sum(len(token.compact) + 1 for token in tokens)
                self._written = _last_tokens(descriptor, size)
            new = [token for token in tokens if token.jti not in self._written]
            lines = [token.compact + b"\n" for token in new]
            _write_all(descriptor, b"".join(lines))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not existed:
            _sync_folder(self._path.parent)


def check_writable(path: Path) -> None:
    """Raise OSError if tokens cannot be appended to `path`. Create nothing."""
    if path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))
    elif not path.parent.is_dir():
        raise FileNotFoundError(2, os.strerror(2), str(path.parent))
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(13, os.strerror(13), str(path.parent))


def _last_tokens(descriptor: int, size: int) -> set[str | None]:
    """Return the `jti` of the last tokens, and remove a token that was not written completely.

    `size` is the size of the tokens to be written, in bytes.
    """
    end = os.fstat(descriptor).st_size
    begin = max(0, end - size - _LOOK_BACK)
    text = os.pread(descriptor, end - begin, begin)
    *lines, rest = text.split(b"\n")
    if _BEGINNING.fullmatch(rest):
        os.ftruncate(descriptor, end - len(rest))
    elif rest:
        _write_all(descriptor, b"\n")
    return {jti_of(line) for line in lines}


def _write_all(descriptor: int, text: bytes) -> None:
    """Write all of `text`, or nothing. Raise OSError."""
    before = os.fstat(descriptor).st_size
    left = memoryview(text)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, before)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
