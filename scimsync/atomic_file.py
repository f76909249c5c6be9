"""Write files atomically: they exist completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600
"""The mode of a file that only its owner may read."""


def write_atomically(path: Path, chunks: Iterable[bytes], mode: int = PRIVATE) -> int:
    """Write `chunks` to a file beside `path` and move it there. Return the number of chunks.

    The file has the permissions `mode`, whatever the umask. Raise OSError.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.unlink(missing_ok=True)  # a killed process with this id may have left one
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            count = 0
            for chunk in chunks:
                file.write(chunk)
                count += 1
            file.flush()
            os.fsync(descriptor)
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return count
