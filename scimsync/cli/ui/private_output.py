"""Files that a command writes for their owner only, such as saved plans and exports."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from scimsync.atomic_file import check_writable, write_atomically
from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.run.compile import source_spec
from scimsync.sources import matches
from scimsync.state.sqlite import file_of


def check_outputs(config: Config, *paths: Path | None) -> None:
    """Check, before the work begins, that `write_private` will be able to write these files.

    Raise ConfigError, including for a file that scimsync reads or works with.
    """
    for path in paths:
        if path is not None:
            check_output(path, config)


def check_output(path: Path, config: Config | None) -> None:
    """Check that a file can be written, and leave it as it is. Raise ConfigError."""
    try:
        if config is not None:
            _refuse_needed(path, config)
        if not _is_device(path):
            check_writable(path)
        elif not os.access(path, os.W_OK):  # to open a pipe would wait for its reader
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise unwritable(path, error) from error


def write_private(path: Path, lines: Iterable[bytes], config: Config) -> int:
    """Write a file (mode 0600) that exists as a whole or not at all. Return the number of lines.

    Raise ConfigError, including for a file that scimsync reads or works with.
    """
    try:
        _refuse_needed(path, config)
        if _is_device(path):
            with path.open("wb") as stream:
                return sum(1 for line in lines if stream.write(line) >= 0)
        return write_atomically(path, lines)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> ConfigError:
    """Return the error for a file that cannot be written."""
    folder = path.parent
    return ConfigError(
        f"{path}: the file cannot be written: {error.strerror}",
        hint=None if folder.exists() else f"create the folder {folder}",
        code="SYNC-0907",
    )


def _is_device(path: Path) -> bool:
    """Return whether `path` is a device or pipe, such as /dev/stdout, which is not replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _refuse_needed(path: Path, config: Config) -> None:
    for what, needed in _needed_files(config):
        if path.exists() and needed.exists() and path.samefile(needed):
            raise ConfigError(
                f"{path} is {what} and was not changed",
                hint="write to another file",
                code="SYNC-0906",
            )


def _needed_files(config: Config) -> Iterator[tuple[str, Path]]:
    """Yield a description of each file, and the file."""
    yield "the configuration", config.path
    if config.state_url.startswith("sqlite:"):
        yield "the state database", file_of(config.state_url, config.base_dir)
    for name in config.sources:
        for pattern in source_spec(config, name).watch():
            for file in matches(config.base_dir, pattern):
                yield f"a file of the source {name}", file
