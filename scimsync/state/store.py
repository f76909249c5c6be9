"""Opening the state database: where it lies, who may read it, which version its tables have.

`Store.read()` and `Store.write()` give connections inside a transaction; everything else in this package is functions over
such a connection. What only one kind of database knows (pragmas, upserts) stands in this module and in `upsert`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    Text,
    Update,
    bindparam,
    create_engine,
    event,
    func,
    select,
    text,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from scimsync.errors import StateError
from scimsync.state.tables import metadata

SCHEMA_VERSION = "0002"
"""The newest migration that this program knows; a test compares it with `migrations/versions`."""

BUSY_TIMEOUT_S = 30


class Store:
    """An open state database. Threads may share it; each `read` or `write` takes a connection of its own."""

    def __init__(self, engine: Engine, path: Path | None) -> None:
        self.engine = engine
        self.path = path

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state. Raises `StateError`."""
        with self.errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back on an exception. Raises `StateError`."""
        with (
            self.errors(),
            self.engine.connect().execution_options(scimsync_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors of the database come out as `StateError`, in words."""
        try:
            yield
        except DatabaseError as error:
            raise _explain(error, self.path) from error


def open_state(url: str, base_dir: Path, *, create: bool) -> Store:
    """Opens the state database at `url` (`sqlite:///relative/to/base_dir.db`) and brings its tables up to date.

    Without `create` nothing is written: a database that is not there yet is stood in for by an empty one in memory, and one
    with older tables is refused. Raises `StateError` when it cannot be opened, is not scimsync's, or is newer than this program.
    """
    path = sqlite_path(url, base_dir)
    if not path.exists():
        if not create:
            return scratch_store()
        _create_private(path)
    store = Store(_sqlite_engine(f"sqlite:///{path}"), path)
    try:
        version = _version(store)
        if version is None and not create:
            store.close()
            return scratch_store()
        if create:
            _use_wal(store)  # not before it is known to be ours
        _check_version(store, version, upgrade=create)
    except BaseException:
        store.close()
        raise
    return store


def scratch_store() -> Store:
    """An empty store that leaves nothing behind: SQLite keeps it in memory and spills to an unlinked file."""
    directory = tempfile.TemporaryDirectory(prefix="scimsync-")
    path = Path(directory.name) / "scratch.db"
    engine = _sqlite_engine(f"sqlite:///{path}", durable=False)
    store = Store(engine, path)
    _use_wal(store)
    metadata.create_all(engine)
    event.listen(engine, "engine_disposed", lambda _engine: directory.cleanup())
    return store


def sqlite_path(url: str, base_dir: Path) -> Path:
    """The file behind a `sqlite:///` URL; relative ones are relative to the folder of sync.toml."""
    database = make_url(url).database
    if not database or database == ":memory:":
        raise StateError("sync.toml: state.url: the state must be a file", hint="for example sqlite:///scimsync.db")
    return (base_dir / Path(database).expanduser()).absolute()


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, keep: Sequence[str] = ()) -> None:
    """Inserts `rows`; where the primary key exists, the columns named in the rows are overwritten, but for `keep`.

    All rows must name the same columns. They travel as one JSON text: a statement for each row would let go of Python's lock
    and take it again thousands of times, beside a thread that is busy sending.
    """
    if not rows:
        return
    names = tuple(rows[0])
    text = _as_json(names, rows)
    if text is None:
        connection.execute(_insert(table, names, tuple(keep), bulk=False), [dict(row) for row in rows])
    else:
        connection.execute(_insert(table, names, tuple(keep), bulk=True), {"rows": text})


def update_by_id(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, known: Sequence[str] = ()) -> None:
    """Updates the rows of the same `id`, all with the same columns; of the columns `known`, None leaves what is there."""
    if not rows:
        return
    names = tuple(rows[0])
    text = _as_json(names, rows)
    for one in [text] if text is not None else [_as_json(names, [row], nul="\N{REPLACEMENT CHARACTER}") for row in rows]:
        connection.execute(_update(table, names, tuple(known)), {"rows": one})


def _as_json(names: Sequence[str], rows: Sequence[Mapping[str, Any]], nul: str | None = None) -> str | None:
    """The rows as an array of arrays. None where a text holds NUL, at which SQLite's JSON functions would cut it off."""
    text = orjson.dumps([[_plain(row[name]) for name in names] for row in rows]).decode()
    if "\\u0000" in text:
        return None if nul is None else text.replace("\\u0000", nul)
    return text


def _plain(value: Any) -> Any:
    """A value as SQLAlchemy stores it in SQLite."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


@cache
def _insert(table: Table, names: tuple[str, ...], keep: tuple[str, ...], *, bulk: bool) -> Insert:
    statement = sqlite_insert(table)
    if bulk:
        # without `where`, SQLite takes ON CONFLICT for a join condition
        values = select(*(column for _, column in _columns(table, names))).where(true())
        statement = statement.from_select(list(names), values)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys and name not in keep}
    if changed:
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return statement.on_conflict_do_nothing(index_elements=keys)


@cache
def _update(table: Table, names: tuple[str, ...], known: tuple[str, ...]) -> Update:
    given = select(*(column.label(f"new_{name}") for name, column in _columns(table, names))).subquery()
    changed: dict[str, ColumnElement[Any]] = {name: given.c[f"new_{name}"] for name in names if name != "id"}
    for name in known:
        changed[name] = func.coalesce(changed[name], table.c[name])
    return update(table).where(table.c.id == given.c.new_id).values(changed)


def _columns(table: Table, names: Sequence[str]) -> list[tuple[str, ColumnElement[Any]]]:
    """The values of `_as_json` as columns."""
    rows = func.json_each(bindparam("rows", type_=Text())).table_valued("value")
    return [(name, type_coerce(func.json_extract(rows.c.value, f"$[{at}]"), table.c[name].type)) for at, name in enumerate(names)]


def _create_private(path: Path) -> None:
    """Makes an empty file that only its owner can read (0600): the state holds personal data."""
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


def _sqlite_engine(url: str, *, durable: bool = True) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    synchronous = "FULL" if durable else "OFF"

    def connected(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # this module says BEGIN itself
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA temp_store=FILE")

    def begin(connection: Connection) -> None:
        # a read transaction that turns into a write one can fail at once in WAL mode; writers say so from the start
        writing = connection.get_execution_options().get("scimsync_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)
    return engine


def _use_wal(store: Store) -> None:
    """Who reads is not in the way of who writes; the file remembers it."""
    with store.errors(), closing(store.engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode=WAL")


def _check_version(store: Store, version: str | None, *, upgrade: bool) -> None:
    if version == SCHEMA_VERSION:
        return
    if version is not None and version > SCHEMA_VERSION:
        raise StateError(
            f"{store.path}: the state was written by a newer scimsync (tables {version}, this program knows {SCHEMA_VERSION})",
            hint="upgrade scimsync, or point [state] url at another file",
        )
    if not upgrade:
        raise StateError(
            f"{store.path}: the state was written by an older scimsync (tables {version}, this program has {SCHEMA_VERSION})",
            hint="the next push upgrades it",
        )
    from scimsync.state.migrate import upgrade as run_migrations

    run_migrations(store)


def _version(store: Store) -> str | None:
    """The Alembic revision of the database; None for an empty one. Raises `StateError` for somebody else's database."""
    with store.read() as connection:
        names = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))
        if not names:
            return None
        if "alembic_version" not in names or "link" not in names:
            raise StateError(f"{store.path}: this database is not scimsync's", hint="[state] url in sync.toml names the file")
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def _explain(error: DatabaseError, path: Path | None) -> StateError:
    reason = str(error.orig)
    if isinstance(error, OperationalError) and "locked" in reason:
        return StateError(f"{path}: the state database is locked by another process", hint="try again when it has ended")
    if "readonly" in reason or "read-only" in reason:
        return StateError(f"{path}: the state database is read-only", hint="who runs scimsync must be able to write it")
    if "not a database" in reason:
        return StateError(f"{path}: this file is not a SQLite database", hint="[state] url in sync.toml names the file")
    return StateError(f"{path}: the state database failed: {reason}")
