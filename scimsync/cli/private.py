"""Files that only their owner may read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.sources.files import matches
from scimsync.state.sqlite import file_of


def write_private(path: Path, lines: Iterable[bytes], config: Config) -> int:
    """Writes a file (0600) that is there as a whole or not at all. Returns how many lines. Raises
    ConfigError, also for a file that scimsync works with."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        for what, ours in _precious(config):
            if path.exists() and ours.exists() and path.samefile(ours):
                raise ConfigError(
                    f"{path} is {what} and was left as it is", hint="write to another file"
                )
        if path.exists() and not path.is_file():  # such as /dev/stdout, which is not to be replaced
            with path.open("wb") as stream:
                return _write(stream, lines)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            number = _write(file, lines)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: the file cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return number


def _write(file: BinaryIO, lines: Iterable[bytes]) -> int:
    number = 0
    for line in lines:
        file.write(line)
        number += 1
    return number


def _precious(config: Config) -> Iterator[tuple[str, Path]]:
    """What a file is -> where it lies."""
    yield "the configuration", config.path
    if config.state_url.startswith("sqlite:"):
        yield "the state database", file_of(config.state_url, config.base_dir)
    for name, source in config.sources.items():
        for file in matches(config.base_dir, source.path) if source.path is not None else ():
            yield f"a file of the source {name}", file
