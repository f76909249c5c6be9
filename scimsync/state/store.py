"""Opening the state database: where it lies, who may read it, which version its tables have.

`Store.read()` and `Store.write()` give connections inside a transaction; everything else in this
package is functions over such a connection. What only one kind of database knows stands in
`sqlite`, `postgresql` and `bulk`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError

from scimsync.errors import StateError
from scimsync.state import sqlite
from scimsync.state.tables import metadata

SCHEMA_VERSION = "0006"
"""The newest migration that this program knows; a test compares it with `migrations/versions`."""

_SCRATCH = "nothing stored yet"


class Store:
    """An open state database. Threads may share it; each `read` or `write` takes a connection of
    its own.

    `label` is how messages call it; `path` is its file, None for a database server.
    """

    def __init__(
        self,
        engine: Engine,
        label: str,
        path: Path | None = None,
        check_write: Callable[[Connection], None] = lambda _connection: None,
    ) -> None:
        self.engine = engine
        self.label = label
        self.path = path
        self._check_write = check_write

    def fenced(self, check_write: Callable[[Connection], None]) -> Store:
        """Return this store with a check that starts each write transaction.

        What `check_write` raises ends the transaction before anything is written.
        """
        return Store(self.engine, self.label, self.path, check_write)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state. Raises `StateError`."""
        with self.errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back on an exception. One at a
        time. Raises `StateError`."""
        with (
            self.errors(),
            self.engine.connect().execution_options(scimsync_write=True) as connection,
            connection.begin(),
        ):
            self._check_write(connection)
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors of the database come out as `StateError`, in words."""
        try:
            yield
        except DBAPIError as error:
            if self.is_file:
                raise sqlite.explain(error, self.label) from error
            from scimsync.state import postgresql

            raise postgresql.explain(error, self.label) from error

    @property
    def is_file(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def give_back_space(self) -> None:
        """What was deleted leaves the disk; PostgreSQL does that by itself."""
        if self.is_file:
            with self.errors():
                sqlite.give_back_space(self.engine)


def open_state(url: str, base_dir: Path, *, create: bool) -> Store:
    """Opens the state database at `url` (`sqlite:///relative/to/base_dir.db`,
    `postgresql+psycopg://…`) and brings its tables up to date.

    Without `create` nothing is written: a database that is not there yet is stood in for by an
    empty one in memory, and one with older tables is refused. Raises `StateError` when it cannot be
    opened, is not scimsync's, or is newer than this program.
    """
    if url.startswith("sqlite:"):
        path = sqlite.file_of(url, base_dir)
        if not path.exists():
            if not create:
                return scratch_store()
            sqlite.create_private(path)
        store = Store(sqlite.engine_of(path), str(path), path)
    else:
        from scimsync.state import postgresql

        store = Store(postgresql.engine_of(url), postgresql.label_of(url))
    try:
        version = _version(store)
        if version is None and not create:
            store.close()
            return scratch_store()
        if create and store.is_file:
            with store.errors():
                sqlite.use_wal(store.engine)  # not before it is known to be ours
        _check_version(store, version, upgrade=create)
    except BaseException:
        store.close()
        raise
    return store


def scratch_store() -> Store:
    """An empty store that leaves nothing behind: SQLite keeps it in memory and spills to an
    unlinked file."""
    directory = tempfile.TemporaryDirectory(prefix="scimsync-")
    path = Path(directory.name) / "scratch.db"
    engine = sqlite.engine_of(path, durable=False)
    sqlite.use_wal(engine)
    metadata.create_all(engine)
    event.listen(engine, "engine_disposed", lambda _engine: directory.cleanup())
    return Store(engine, _SCRATCH, path)


def is_scratch(store: Store) -> bool:
    """Whether a store stands in for one that is not there yet."""
    return store.label == _SCRATCH


def shown_state(url: str) -> str:
    """A state URL as messages show it: a file's name, or a URL without its password."""
    if url.startswith("sqlite:"):
        return url.removeprefix("sqlite:///")
    from scimsync.state.postgresql import label_of

    return label_of(url)


def _check_version(store: Store, version: str | None, *, upgrade: bool) -> None:
    if version == SCHEMA_VERSION:
        return
    if version is not None and version > SCHEMA_VERSION:
        raise StateError(
            f"{store.label}: the state was written by a newer scimsync (tables {version}, this"
            f" program knows {SCHEMA_VERSION})",
            hint="upgrade scimsync, or point [state] url at another database",
        )
    if not upgrade:
        raise StateError(
            f"{store.label}: the state was written by an older scimsync (tables {version}, this"
            f" program has {SCHEMA_VERSION})",
            hint="the next push upgrades it, or scimsync state upgrade now",
        )
    from scimsync.state.migrate import upgrade as run_migrations

    run_migrations(store)


def _version(store: Store) -> str | None:
    if store.is_file:
        tables = sqlite.tables
    else:
        from scimsync.state.postgresql import tables
    with store.read() as connection:
        names = tables(connection)
        if not names:
            return None
        if "alembic_version" not in names or "link" not in names:
            raise StateError(
                f"{store.label}: this database is not scimsync's",
                hint=(
                    "[state] url in sync.toml names the file"
                    if store.is_file
                    else (
                        "it needs a database or a schema of its own:"
                        " …?options=-csearch_path%3Dscimsync"
                    )
                ),
            )
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))
