"""What is made once for all tests of a process, because making it again for each says nothing more
about the program.

Only in this process: a program that a test starts takes nothing from here. Nor do the tests in
tests/state, which are about some of it; one of them shows that a state made here is what the
migrations make.
"""

from __future__ import annotations

from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from scimsync.state import migrate, sqlite
from scimsync.state.store import Store

real_upgrade = migrate.upgrade
real_engine_of = sqlite.engine_of


def make_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, as long as `monkeypatch` lasts."""
    _compiled_statements(monkeypatch)
    monkeypatch.setattr(migrate, "upgrade", copied_upgrade)
    # a process that is killed loses nothing of it; only who pulls the plug could tell
    monkeypatch.setattr(
        sqlite, "engine_of", lambda path, *, durable=True: real_engine_of(path, durable=False)
    )


def _compiled_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement is compiled once for all engines of one kind, as it is for all connections of one
    engine (40 ms a push)."""
    compiled: LRUCache[Any, Any] = LRUCache(5000)
    begin = Engine.__init__

    def begin_with_it(self: Engine, *arguments: Any, **more: Any) -> None:
        begin(self, *arguments, **more)
        self._compiled_cache = compiled

    monkeypatch.setattr(Engine, "__init__", begin_with_it)
    monkeypatch.setattr(DefaultDialect, "__eq__", lambda self, other: type(self) is type(other))
    monkeypatch.setattr(DefaultDialect, "__hash__", lambda self: hash(type(self)))


def copied_upgrade(store: Store) -> None:
    """As `migrate.upgrade`, but the tables of a new SQLite file are copied (30 ms)."""
    if store.is_file:
        with store.write() as connection:
            if not sqlite.tables(connection):
                for statement in _statements():
                    connection.exec_driver_sql(statement)
                return
    real_upgrade(store)


@cache
def _statements() -> tuple[str, ...]:
    """SQL that makes the tables of an empty state, as the migrations have made them."""
    with TemporaryDirectory(prefix="scimsync-") as place:
        path = Path(place) / "made.db"
        store = Store(real_engine_of(path), str(path), path)
        real_upgrade(store)
        with closing(store), store.read() as connection:
            raw: Any = connection.connection.dbapi_connection
            return tuple(
                one for one in raw.iterdump() if one not in ("BEGIN TRANSACTION;", "COMMIT;")
            )
