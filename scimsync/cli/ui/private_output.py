"""Files that a command writes for their owner only, such as saved plans and exports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from scimsync.atomic_file import write_atomically
from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.run.compile import source_spec
from scimsync.sources import matches
from scimsync.state.sqlite import file_of


def write_private(path: Path, lines: Iterable[bytes], config: Config) -> int:
    """Write a file (mode 0600) that exists as a whole or not at all. Return the number of lines.

    Raise ConfigError, also for a file that scimsync reads or works with.
    """
    try:
        for what, needed in _needed_files(config):
            if path.exists() and needed.exists() and path.samefile(needed):
                raise ConfigError(
                    f"{path} is {what} and was not changed",
                    hint="write to another file",
                    code="SYNC-0906",
                )
        if path.exists() and not path.is_file():  # such as /dev/stdout, which is not to be replaced
            with path.open("wb") as stream:
                return sum(1 for line in lines if stream.write(line) >= 0)
        return write_atomically(path, lines)
    except OSError as error:
        raise ConfigError(
            f"{path}: the file cannot be written: {error.strerror}", code="SYNC-0907"
        ) from error


def _needed_files(config: Config) -> Iterator[tuple[str, Path]]:
    """Give what a file is, and the file."""
    yield "the configuration", config.path
    if config.state_url.startswith("sqlite:"):
        yield "the state database", file_of(config.state_url, config.base_dir)
    for name in config.sources:
        for pattern in source_spec(config, name).watch():
            for file in matches(config.base_dir, pattern):
                yield f"a file of the source {name}", file
