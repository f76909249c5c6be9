"""DuckDB as this project uses it: offline, bounded in memory, in one private folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, TextIO

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY_LIMIT = "300MB"
_MOST_THREADS = 4
"""Each thread needs memory for each part of an expression: sixteen of them exceed the limit with
sixty columns."""


class Workspace:
    """A private folder (mode 0700) for copies of data and for data that DuckDB spills to disk.

    It is removed by `close`, or at the end of a `with` statement. The database is in memory, or in
    the file called `name` in the folder. `settings` add to those of DuckDB, or replace them.
    """

    def __init__(self, name: str | None = None, **settings: str | int | bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="scimsync-"))
        self._database = ":memory:" if name is None else str(self.folder / name)
        self._settings = settings
        self._count = 0
        self._connection: DuckDBPyConnection | None = None

    def new(self, suffix: str) -> Path:
        """Return a path in the folder that does not exist yet."""
        self._count += 1
        return self.folder / f"{self._count}{suffix}"

    @property
    def connection(self) -> DuckDBPyConnection:
        """The database, opened at first use. Extensions are never downloaded."""
        if self._connection is None:
            import duckdb

            self._connection = duckdb.connect(
                self._database,
                config={
                    "memory_limit": _MEMORY_LIMIT,
                    "threads": min(_MOST_THREADS, os.cpu_count() or 1),
                    "temp_directory": str(self.folder / "spill"),
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    "python_enable_replacements": False,
                    **self._settings,
                },
            )
        return self._connection

    def readable(self, path: Path) -> Path:
        """Return `path`, or a link to it if DuckDB would read its name as a glob."""
        if not any(sign in str(path) for sign in "*?["):
            return path
        link = self.new(path.suffix)
        link.symlink_to(path)
        return link

    def close(self) -> None:
        """Close the database and remove the folder."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def new_private_file(path: Path) -> Iterator[TextIO]:
    """Create `path` (mode 0600) and open it for UTF-8 text. Line breaks are written as they are."""
    with os.fdopen(_create(path), "w", encoding="utf-8", newline="") as stream:
        yield stream


@contextmanager
def new_private_bytes(path: Path) -> Iterator[BinaryIO]:
    """Create `path` (mode 0600) and open it for bytes."""
    with os.fdopen(_create(path), "wb") as stream:
        yield stream


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
