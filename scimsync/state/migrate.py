"""Bring the tables of a state database up to this program's version, with Alembic.

A database that is written is upgraded in place: a SQLite file after a backup beside it. For reading
alone, a temporary copy is upgraded and the database stays as it is.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, event, insert, select, text

from scimsync.state import sqlite
from scimsync.state.many_rows import stream
from scimsync.state.store import SCHEMA_VERSION, Store, temporary_store

_LOG = logging.getLogger("scimsync")

_BATCH = 1000


def upgrade_in_place(store: Store) -> None:
    """Run the missing migrations in one transaction.

    A SQLite file is copied first, to `FILE.VERSION.backup`, which only its owner can read. For
    PostgreSQL no copy is made.
    """
    with store.write() as connection:
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
        if version == SCHEMA_VERSION:  # by another process, while this one waited
            return
        if store.path is None:
            kept = "in one transaction; scimsync makes no backup of a PostgreSQL database"
        else:
            backup = store.path.with_name(f"{store.path.name}.{version}.backup")
            with store.errors():
                sqlite.back_up(store.path, backup)
            kept = f"the state as it was before is in {backup}"
        _migrate(connection, SCHEMA_VERSION)
    _LOG.warning(
        "%s: tables upgraded from version %s to %s; %s", store.label, version, SCHEMA_VERSION, kept
    )


def upgraded_copy(store: Store, version: str) -> Store:
    """Return a temporary copy of a database with tables of `version`, upgraded."""
    copy = temporary_store(store.label)
    try:
        if store.path is not None:
            with store.errors():
                sqlite.copy(store.path, copy.engine)
        else:
            _copy_rows(store, copy, version)
        with copy.write() as connection:
            _migrate(connection, SCHEMA_VERSION)
    except BaseException:
        copy.close()
        raise
    return copy


def _copy_rows(store: Store, copy: Store, version: str) -> None:
    tables = MetaData()

    def make_generic(_inspector: object, _table: object, column: Any) -> None:
        column["type"] = column["type"].as_generic()

    event.listen(tables, "column_reflect", make_generic)
    with store.read() as connection, copy.write() as to:
        _migrate(to, version)
        tables.reflect(to)
        for table in tables.sorted_tables:
            if table.name != "alembic_version":
                for rows in stream(connection, _BATCH, select(table)).mappings().partitions():
                    to.execute(insert(table), [dict(row) for row in rows])


def _migrate(connection: Connection, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, version)
