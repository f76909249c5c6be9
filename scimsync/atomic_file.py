"""Write files atomically: they exist completely or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PRIVATE = 0o600
"""The mode of a file that only its owner may read."""


def write_atomically(path: Path, chunks: Iterable[bytes], mode: int = PRIVATE) -> int:
    """Write `chunks` to a file beside `path` and move it there. Return the number of chunks.

    The file has the permissions `mode`, whatever the umask. Raise OSError.
    """
    with _partial_file(path, mode) as (partial, descriptor):
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            count = 0
            for chunk in chunks:
                file.write(chunk)
                count += 1
            file.flush()
            os.fsync(descriptor)
        partial.replace(path)
    return count


def check_writable(path: Path) -> None:
    """Check, as far as possible, that `write_atomically` would succeed. Raise OSError."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    with _partial_file(path, PRIVATE) as (_, descriptor):
        os.close(descriptor)


@contextmanager
def _partial_file(path: Path, mode: int) -> Iterator[tuple[Path, int]]:
    """Create a temporary file next to `path`; yield its path and a descriptor."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.unlink(missing_ok=True)  # a killed process with this id may have left one
        yield partial, os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
