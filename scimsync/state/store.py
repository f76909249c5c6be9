"""Open the state database: find it, check the version of its tables, upgrade them.

`Store.read()` and `Store.write()` give connections inside a transaction; the other modules of this
package are functions over such a connection. Anything specific to one kind of database is in
`sqlite`, `postgresql` and `bulk`.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    event,
    insert,
    text,
)
from sqlalchemy.exc import DBAPIError

from scimsync.errors import StateError
from scimsync.state import sqlite
from scimsync.state.tables import metadata

SCHEMA_VERSION = "0035"
"""The newest migration that this program knows; a test compares it with `migrations/versions`."""

LOCK_TIMEOUT_S = 30

_VERSION_TABLE = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32)),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where Alembic keeps the version."""

_VERSION = "SELECT version_num, (SELECT count(*) FROM link WHERE 1 = 0) FROM alembic_version"


_users: Counter[Engine] = Counter()
"""How many open stores use an engine."""

_users_lock = Lock()


class Store:
    """An open state database.

    Threads may share it; each `read` or `write` takes a connection of its own. `label` is its name
    in messages. `path` is its file, None for a database server. `is_scratch` is set for an empty
    database that replaces one that does not exist yet.
    """

    def __init__(
        self,
        engine: Engine,
        label: str,
        path: Path | None = None,
        *,
        is_scratch: bool = False,
        check_write: Callable[[Connection], None] = lambda _connection: None,
        identity: sqlite.FileIdentity | None = None,
    ) -> None:
        self.engine = engine
        self.label = label
        self.path = path
        self.is_scratch = is_scratch
        self._check_write = check_write
        self._identity = identity

    def fenced(self, check_write: Callable[[Connection], None]) -> Store:
        """Return this store with a check that starts each write transaction.

        An error from `check_write` ends the transaction before anything is written.
        """
        return Store(
            self.engine, self.label, self.path, check_write=check_write, identity=self._identity
        )

    def remember_file(self) -> None:
        """Let `require_same_file` compare with the file as it is now."""
        if self.path is not None:
            self._identity = sqlite.identity_of(self.path)

    def require_same_file(self) -> None:
        """Raise StateError if the file that was opened for writing is gone or was replaced.

        Without it, nothing that is sent from now on would be remembered.
        """
        if self._identity is None or self.path is None:
            return
        if sqlite.identity_of(self.path) != self._identity:
            raise StateError(
                f"{self.label}: the state database was deleted or replaced during the run",
                hint=(
                    "nothing more was sent; put the file back if you have it, and push again:"
                    " what was sent is found at the targets"
                ),
                code="SYNC-0422",
            )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one consistent state. Raise `StateError`."""
        self.require_same_file()  # or else SQLite would create an empty file
        with self.errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a transaction that the end of the block commits and an exception rolls back.

        Only one is open at a time. Raise `StateError` if the database cannot be used.
        """
        self.require_same_file()
        with (
            self.errors(),
            self.engine.connect().execution_options(scimsync_write=True) as connection,
            connection.begin(),
        ):
            self._check_write(connection)
            yield connection

    def close(self) -> None:
        """Close all connections, once no other store of this process uses the database."""
        with _users_lock:
            _users[self.engine] -= 1
            if _users[self.engine] <= 0:  # a store that `open_state` did not open is the only one
                del _users[self.engine]
                self.engine.dispose()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise errors of the database as `StateError`."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.Error) or self.is_file:
                raise sqlite.explain(error, self.label) from error
            from scimsync.state import postgresql

            raise postgresql.explain(error, self.label) from error

    @property
    def is_file(self) -> bool:
        """Whether this is SQLite."""
        return self.engine.dialect.name == "sqlite"

    def give_back_space(self) -> None:
        """Return the space of deleted rows to the file system. PostgreSQL does that by itself."""
        if self.is_file:
            with self.errors():
                sqlite.give_back_space(self.engine)


def open_state(
    url: str, base_dir: Path, *, create: bool, lock_timeout_s: int = LOCK_TIMEOUT_S
) -> Store:
    """Open the state database at `url`.

    `url` is `sqlite:///relative/to/base_dir.db` or `postgresql+psycopg://…`. With `create`, the
    database is created if it does not exist, and older tables are upgraded.

    Without `create`, nothing at the URL changes. An empty temporary database replaces one that does
    not exist. A database with older tables, or a SQLite file that cannot be opened because its
    folder is read-only, is read through a temporary copy, which cannot be written.

    A transaction waits `lock_timeout_s` seconds for another process.

    Raise StateError if the database cannot be opened, belongs to another program, or is newer than
    this program.
    """
    if url.startswith("sqlite:"):
        path = sqlite.file_of(url, base_dir)
        if not path.exists():
            if not create:
                return scratch_store()
            sqlite.create_private(path)
        store = _shared(Store(sqlite.engine_of(path, lock_timeout_s), str(path), path))
    else:
        from scimsync.state import postgresql

        engine = postgresql.engine_of(url, lock_timeout_s)
        store = _shared(Store(engine, postgresql.label_of(url)))
    try:
        return _for_writing(store) if create else _for_reading(store)
    except BaseException:
        store.close()
        raise


def _shared(store: Store) -> Store:
    """Count a store among the users of its engine, which threads may share."""
    with _users_lock:
        _users[store.engine] += 1
    return store


def _for_writing(store: Store) -> Store:
    version = _version(store)
    if store.is_file:
        with store.errors():
            sqlite.use_wal(store.engine)  # not before it is known to be ours
    if version is None:
        _create_tables(store)
    elif version != SCHEMA_VERSION:
        from scimsync.state import migrate

        migrate.upgrade_in_place(store)
    store.remember_file()
    return store


def _create_tables(store: Store) -> None:
    """Create the tables of an empty database, as the migrations would."""
    with store.write() as connection:
        if not _tables(connection):  # another process may have created them meanwhile
            metadata.create_all(connection, checkfirst=False)
            _VERSION_TABLE.create(connection)
            connection.execute(insert(_VERSION_TABLE).values(version_num=SCHEMA_VERSION))


def _for_reading(store: Store) -> Store:
    opened = store
    try:
        version = _version(opened)
    except sqlite.ReadOnlyStateError:
        opened = _copy_of_file(store)
        version = _version(opened)
    if version is None:
        store.close()
        return scratch_store()
    if version != SCHEMA_VERSION:
        from scimsync.state import migrate

        opened = migrate.upgraded_copy(opened, version)
    if opened is store:
        return store
    store.close()
    return opened.fenced(_refuse_write)


def _copy_of_file(store: Store) -> Store:
    """Return a temporary copy of a SQLite file that cannot be opened where it is."""
    copy = temporary_store(store.label)
    assert store.path is not None and copy.path is not None  # noqa: S101, PT018 - both are files
    sqlite.copy_files(store.path, copy.path)
    return copy


def _refuse_write(_connection: Connection) -> None:
    raise StateError(
        "this is a temporary copy of the state: the state is read-only, or has older tables",
        hint="scimsync state upgrade upgrades the tables",
        code="SYNC-0609",
    )


def temporary_store(label: str) -> Store:
    """Return a store without tables, in a file of a private folder that is deleted on close."""
    directory = tempfile.TemporaryDirectory(prefix="scimsync-")
    path = Path(directory.name) / "state.db"
    engine = sqlite.temporary_engine(path)
    event.listen(engine, "engine_disposed", lambda _engine: directory.cleanup())
    return Store(engine, label, path)


def scratch_store() -> Store:
    """Return an empty store that leaves nothing behind."""
    store = temporary_store("nothing stored yet")
    store.is_scratch = True
    sqlite.use_wal(store.engine)
    metadata.create_all(store.engine)
    return store


def shown_state(url: str) -> str:
    """Return a state URL for messages: the name of a file, or a URL without its password."""
    if url.startswith("sqlite:"):
        return url.removeprefix("sqlite:///")
    from scimsync.state.postgresql import label_of

    return label_of(url)


def _version(store: Store) -> str | None:
    """Return the version of the tables, None for an empty database.

    Raise StateError for a database of another program or of a newer version.
    """
    try:
        with store.engine.connect() as connection:
            row = connection.execute(text(_VERSION)).first()
    except DBAPIError:  # no such table, or an error that happens again
        row = None
    if row is None:
        if _is_empty(store):
            return None
        raise StateError(
            f"{store.label}: this database belongs to another program",
            hint=(
                "[state] url in sync.toml names the file"
                if store.is_file
                else ("use a separate database or schema: …?options=-csearch_path%3Dscimsync")
            ),
            code="SYNC-0604",
        )
    version = str(row.version_num)
    if version > SCHEMA_VERSION:
        raise StateError(
            f"{store.label}: the state was written by a newer scimsync (tables {version}, this"
            f" program knows {SCHEMA_VERSION})",
            hint="upgrade scimsync, or point [state] url at another database",
            code="SYNC-0608",
        )
    return version


def _is_empty(store: Store) -> bool:
    with store.read() as connection:
        return not _tables(connection)


def _tables(connection: Connection) -> set[str]:
    if connection.dialect.name == "sqlite":
        return sqlite.tables(connection)
    from scimsync.state import postgresql

    return postgresql.tables(connection)
