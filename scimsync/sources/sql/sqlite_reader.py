# ruff: noqa: S608 - SQL of the administrator and of numbered columns only
"""Read a query from a SQLite file, which is opened read-only and never created."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from scimsync.errors import SourceFormatError, SourceUnavailable
from scimsync.sources.duckdb_sql import name as identifier
from scimsync.sources.sql.address import Address
from scimsync.sources.sql.database_failures import Explainer
from scimsync.sources.sql.deadline import CONNECT_TIMEOUT_S
from scimsync.sources.sql.driver_rows import encode_rows, list_from_json
from scimsync.sources.sql.query import without_end
from scimsync.sources.sql.spooled import BATCH, JsonRows, RowFile
from scimsync.sources.workspace import new_private_bytes

_STEPS = 20_000
"""How many instructions of its virtual machine SQLite runs between two looks at the time."""


class SqliteReader:
    """A `Reader` for SQLite. `timeout_s` is the limit of the query."""

    def __init__(
        self, address: Address, query: str, timeout_s: float, explainer: Explainer
    ) -> None:
        self._file = address.file
        self._query = query
        self._timeout_s = timeout_s
        self._explainer = explainer

    def columns(self) -> list[str]:
        """See `Reader.columns`."""
        with self._connection() as connection:
            return _columns(connection, self._query)

    def read(
        self,
        path: Path,
        limit: int | None = None,
        wanted: Collection[str] | None = None,
    ) -> JsonRows:
        """See `Reader.read`. Only columns that are wanted are kept."""
        lists = self._explainer.spec.settings.lists
        with self._connection() as connection, new_private_bytes(path) as stream:
            names = tuple(_columns(connection, self._query))
            kept = tuple(name for name in names if wanted is None or name in wanted) or names
            can = limit is None and lists.keys().isdisjoint(kept)
            file = self._written_by_sqlite(connection, names, kept, stream) if can else None
            if file is None:
                stream.seek(0)
                stream.truncate()
                file = RowFile(stream, kept)
                cursor = connection.execute(_selecting(self._query, names, kept))
                converters = {at: list_from_json for at, name in enumerate(kept) if name in lists}
                rows = cursor if limit is None else islice(cursor, limit)
                while batch := list(islice(rows, BATCH)):
                    file.add(encode_rows(batch, converters))
        return JsonRows(path, names, file.digest, file.rows, file.longest, kept)

    def _written_by_sqlite(
        self,
        connection: sqlite3.Connection,
        names: Sequence[str],
        kept: Sequence[str],
        stream: BinaryIO,
    ) -> RowFile | None:
        """Let SQLite itself write rows as JSON, which takes less than half of the time.

        Return None if it cannot: it writes 15 digits of numbers with a fraction, and no bytes.
        """
        file = RowFile(stream, kept)
        cursor = connection.execute(_selecting(self._query, names, kept, as_json=True))
        while batch := [line for (line,) in cursor.fetchmany(BATCH)]:
            if None in batch or not _is_unicode(batch):
                return None
            file.add(batch)
        return file

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that reads, in a transaction of its own."""
        self._look_at_file()
        end = time.monotonic() + self._timeout_s
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(self._file))}?mode=ro",
                uri=True,
                timeout=min(self._timeout_s, CONNECT_TIMEOUT_S),
                isolation_level=None,
            )
        except sqlite3.Error as error:
            raise self._explainer.error(error, connecting=True) from None
        try:
            connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield connection
        except sqlite3.Error as error:
            if "file is not a database" in str(error):
                raise SourceFormatError(
                    f"{self._where}: {self._file} is not a SQLite database", code="SYNC-0248"
                ) from None
            raise self._explainer.error(error) from None
        finally:
            connection.close()

    def _look_at_file(self) -> None:
        """Raise SourceUnavailable if there is no file, and SourceFormatError for the state."""
        state = self._explainer.spec.state_file
        if not self._file.is_file():
            problem = "is not a file" if self._file.exists() else "no such file"
            raise SourceUnavailable(
                f"{self._where}: {problem}: {self._file}"
                if problem == "no such file"
                else f"{self._where}: {self._file} {problem}",
                code="SYNC-0248",
            )
        if state is not None and state.exists() and state.samefile(self._file):
            raise SourceFormatError(
                f"{self._where}: {self._file} is the state of scimsync itself",
                hint="name the database that contains your users",
                code="SYNC-0248",
            )

    @property
    def _where(self) -> str:
        return self._explainer.spec.setting("url")


def _columns(connection: sqlite3.Connection, query: str) -> list[str]:
    """Return the names of the columns, mostly without running the query."""
    found = _names(connection, f"select * from ({without_end(query)}\n) limit 0")
    lower = {name.lower() for name in found}
    if any(name.rpartition(":")[0] in lower for name in lower):
        # in a subquery, SQLite renames the second of two equal names to `name:1`
        return _names(connection, query)
    return found


def _names(connection: sqlite3.Connection, query: str) -> list[str]:
    return [name for name, *_ in connection.execute(query).description or ()]


def _is_unicode(lines: Sequence[bytes]) -> bool:
    try:
        b"".join(lines).decode()
    except UnicodeDecodeError:
        return False
    return True


def _selecting(
    query: str, names: Sequence[str], kept: Sequence[str], *, as_json: bool = False
) -> str:
    """Return a query for the columns `kept`, or for a JSON array of them; null if it cannot be.

    The columns have numbers instead of names, because two may differ only in case.
    """
    cells = [f"c{names.index(name)}" for name in kept]
    selected = ", ".join(
        cell if as_json else f"{cell} as {identifier(name)}"
        for cell, name in zip(cells, kept, strict=True)
    )
    if as_json:
        exact = " and ".join(f"typeof({cell}) in ('text', 'integer', 'null')" for cell in cells)
        selected = f"case when {exact} then cast(json_array({selected}) || char(10) as blob) end"
    numbered = ", ".join(f"c{at}" for at in range(len(names)))
    return f"with q({numbered}) as ({without_end(query)}\n) select {selected} from q"
