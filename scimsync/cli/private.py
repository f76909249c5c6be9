"""Files that only their owner may read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from scimsync.errors import ConfigError


def write_private(path: Path, lines: Iterable[bytes]) -> int:
    """Writes a file (0600) that is there as a whole or not at all. Returns how many lines. Raises ConfigError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    number = 0
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for line in lines:
                file.write(line)
                number += 1
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: the file cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    return number
