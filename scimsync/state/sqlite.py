"""SQLite as the state database: one file beside sync.toml."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from scimsync.errors import StateError

FileIdentity = tuple[int, int]
"""Device and inode of a file."""


class ReadOnlyStateError(StateError):
    """The file cannot be opened, or cannot be written."""


def file_of(url: str, base_dir: Path) -> Path:
    """Return the file of a `sqlite:///` URL. A relative path starts at `base_dir`."""
    database = make_url(url).database
    if not database or database == ":memory:":
        raise StateError(
            "sync.toml: state.url: the state must be a file",
            hint="for example sqlite:///scimsync.db",
            code="SYNC-0121",
        )
    return (base_dir / Path(database).expanduser()).absolute()


def identity_of(path: Path) -> FileIdentity | None:
    """Return the identity of a file, whatever its name, or None if there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read (0600): the state holds personal data.

    A symbolic link is followed.
    """
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StateError(
            f"{path}: the state database cannot be created: {error.strerror}",
            hint="[state] url in sync.toml names the file",
            code="SYNC-0605",
        ) from error


@lru_cache(maxsize=4)
def engine_of(path: Path, lock_timeout_s: int) -> Engine:
    """Return the engine for the file `path`.

    It is kept after it is disposed of, and with it the statements that it has compiled: a daemon
    opens its state again and again.
    """
    return _new_engine(path, lock_timeout_s)


def temporary_engine(path: Path) -> Engine:
    """Return an engine for a file that need not survive a crash."""
    return _new_engine(path, durable=False)


def _new_engine(path: Path, lock_timeout_s: int = 30, *, durable: bool = True) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": lock_timeout_s})
    synchronous = "FULL" if durable else "OFF"

    def connected(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions start with the BEGIN below
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA temp_store=FILE")

    def begin(connection: Connection) -> None:
        # in WAL mode, a read transaction that is upgraded to a write transaction may fail at once
        writing = connection.get_execution_options().get("scimsync_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)
    return engine


def use_wal(engine: Engine) -> None:
    """Switch the file to WAL mode, in which readers do not block the writer."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode=WAL")


def give_back_space(engine: Engine) -> None:
    """Return the space of deleted rows to the file system."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM")


def tables(connection: Connection) -> set[str]:
    """Return the names of all tables."""
    return set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))


def copy(path: Path, to: Engine) -> None:
    """Copy the database `path`, as last committed, into an empty one. Raise sqlite3.Error."""
    with (
        closing(sqlite3.connect(path)) as source,
        closing(to.raw_connection()) as connection,
    ):
        target: Any = connection.driver_connection
        source.backup(target)


def back_up(path: Path, backup: Path) -> None:
    """Copy the database `path` to the file `backup`, which only its owner can read.

    An earlier file of this name is replaced. Raise sqlite3.Error and StateError.
    """
    part = backup.with_name(f"{backup.name}.part")
    part.unlink(missing_ok=True)
    create_private(part)
    engine = _new_engine(part)
    try:
        copy(path, engine)
    except BaseException:
        part.unlink()
        raise
    finally:
        engine.dispose()
    part.replace(backup)


def copy_files(path: Path, to: Path) -> None:
    """Copy a database file and its write-ahead log, without opening them.

    This reads a database that no process writes: SQLite cannot open a file in WAL mode in a folder
    that is read-only. Raise ReadOnlyStateError.
    """
    try:
        shutil.copyfile(path, to)
        log = path.with_name(f"{path.name}-wal")
        if log.exists():
            shutil.copyfile(log, to.with_name(f"{to.name}-wal"))
    except OSError as error:
        raise ReadOnlyStateError(
            f"{path}: the state database cannot be read: {error.strerror}", code="SYNC-0602"
        ) from error


def explain(error: DBAPIError | sqlite3.Error, label: str) -> StateError:
    """Return an error of SQLite as a StateError."""
    reason = str(error.orig if isinstance(error, DBAPIError) else error)
    if "locked" in reason:
        return StateError(
            f"{label}: the state database is locked by another process",
            hint="try again when it has ended",
            code="SYNC-0601",
        )
    if "readonly" in reason or "read-only" in reason or "unable to open" in reason:
        return ReadOnlyStateError(
            f"{label}: the state database is read-only",
            hint="the user that runs scimsync must be able to write the file and its folder",
            code="SYNC-0602",
        )
    if "disk is full" in reason:
        return StateError(
            f"{label}: the disk is full",
            hint="nothing more was sent; the next push checks what had been sent",
            code="SYNC-0603",
        )
    if "not a database" in reason:
        return StateError(
            f"{label}: this file is not a SQLite database",
            hint="[state] url in sync.toml names the file",
            code="SYNC-0604",
        )
    return StateError(f"{label}: the state database failed: {reason}", code="SYNC-0607")
