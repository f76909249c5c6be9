"""SQLite as the state: one file beside sync.toml."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from scimsync.errors import StateError

BUSY_TIMEOUT_S = 30


def file_of(url: str, base_dir: Path) -> Path:
    """The file behind a `sqlite:///` URL; relative ones are relative to the folder of sync.toml."""
    database = make_url(url).database
    if not database or database == ":memory:":
        raise StateError(
            "sync.toml: state.url: the state must be a file",
            hint="for example sqlite:///scimsync.db",
        )
    return (base_dir / Path(database).expanduser()).absolute()


def create_private(path: Path) -> None:
    """Makes an empty file that only its owner can read (0600): the state holds personal data. So
    where a link leads, too."""
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StateError(
            f"{path}: the state database cannot be created: {error.strerror}",
            hint="[state] url in sync.toml says where it lies",
        ) from error


def engine_of(path: Path, *, durable: bool = True) -> Engine:
    """Opens `path`; one that is not `durable` need not outlive the process."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_S})
    synchronous = "FULL" if durable else "OFF"

    def connected(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # this module says BEGIN itself
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA temp_store=FILE")

    def begin(connection: Connection) -> None:
        # a read transaction that turns into a write one can fail at once in WAL mode; writers say
        # so from the start
        writing = connection.get_execution_options().get("scimsync_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)
    return engine


def use_wal(engine: Engine) -> None:
    """Who reads is not in the way of who writes; the file remembers it."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode=WAL")


def give_back_space(engine: Engine) -> None:
    """What was deleted leaves the file."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM")


def tables(connection: Connection) -> set[str]:
    """The names of all tables."""
    return set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))


def explain(error: DBAPIError, label: str) -> StateError:
    """What went wrong, in words."""
    reason = str(error.orig)
    if "locked" in reason:
        return StateError(
            f"{label}: the state database is locked by another process",
            hint="try again when it has ended",
        )
    if "readonly" in reason or "read-only" in reason or "unable to open" in reason:
        return StateError(
            f"{label}: the state database is read-only",
            hint="who runs scimsync must be able to write it, and its folder",
        )
    if "disk is full" in reason:
        return StateError(
            f"{label}: the disk is full",
            hint="nothing more was sent; what was, the next push looks up first",
        )
    if "not a database" in reason:
        return StateError(
            f"{label}: this file is not a SQLite database",
            hint="[state] url in sync.toml names the file",
        )
    return StateError(f"{label}: the state database failed: {reason}")
