"""Databases for tests of sources of type sql: PostgreSQL, MariaDB, and a SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from scimsync.jsontext import read_json
from scimsync.snapshot import compare
from scimsync.snapshot.index import StoredSnapshot
from scimsync.sources import SourceSpec
from scimsync.sources.sql import SqlSettings
from tests.servers.mariadb import MariaDb
from tests.servers.postgresql import Server

SqlSpec = SourceSpec[SqlSettings]
DATABASES = ("postgresql", "mariadb", "sqlite")


@dataclass(frozen=True)
class Database:
    """An empty database. `run` executes statements and returns the rows of the last one."""

    kind: str
    url: str
    run: Callable[..., list[tuple[Any, ...]]]

    def spec(self, folder: Path, query: str, **options: Any) -> SqlSpec:
        """Return `[sources.hr]` with this database."""
        return sql_spec(folder, **{"url": self.url, "query": query, **options})


def sql_spec(folder: Path, **options: Any) -> SqlSpec:
    """Return `[sources.hr]` of type sql in `folder`."""
    secret = options.pop("secret", None)
    state_file = options.pop("state_file", None)
    settings = SqlSettings.model_validate({"type": "sql", "key": "id", **options})
    more: dict[str, Any] = {} if secret is None else {"secret": secret}
    return SourceSpec("hr", settings, folder, state_file=state_file, **more)


def postgresql_database(server: Server) -> Database:
    """Create a database in PostgreSQL."""
    import psycopg

    url = server.create()

    def run(*statements: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return Database("postgresql", url, run)


def mariadb_database(server: MariaDb) -> Database:
    """Create a database in MariaDB."""
    name = server.create()

    def run(*statements: str) -> list[tuple[Any, ...]]:
        return server.run(*statements, database=name)

    return Database("mariadb", server.url(name), run)


def sqlite_database(folder: Path) -> Database:
    """Create a file with a database."""
    path = folder / "people.db"

    def run(*statements: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall()

    run("PRAGMA user_version = 1")
    return Database("sqlite", f"sqlite:///{path}", run)


def records(spec: SqlSpec, *columns: str) -> list[dict[str, Any]]:
    """Return the records of a source as a first push finds them, in the order of their keys."""
    snapshot = StoredSnapshot(spec.base_dir / "none.index.duckdb", list, 0, None)
    with compare(spec, columns or [c for c in spec.columns() if c != spec.key], snapshot) as found:
        assert found.problems == []
        return [
            read_json(change.data_json or "null") for batch in found.changes() for change in batch
        ]


def digest(spec: SqlSpec, *columns: str, last: str | None = None) -> tuple[str, bool]:
    """Return the digest of a comparison, and whether it found the data to be those of `last`."""
    snapshot = StoredSnapshot(spec.base_dir / "none.index.duckdb", list, 0, last)
    with compare(spec, columns, snapshot) as found:
        return found.digest, found.unchanged


SHORT = {"timeout": timedelta(seconds=1)}
