"""Read a query from a SQLite file, which is opened read-only and never created."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from scimsync.errors import SourceFormatError, SourceUnavailable
from scimsync.sources.sql.address import Address
from scimsync.sources.sql.cells import encode_rows, list_from_json
from scimsync.sources.sql.deadline import CONNECT_TIMEOUT_S
from scimsync.sources.sql.failures import Explainer
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
        with self._cursor() as cursor:
            return [name for name, *_ in cursor.description or ()]

    def read(
        self,
        path: Path,
        limit: int | None = None,
        wanted: Collection[str] | None = None,  # noqa: ARG002
    ) -> JsonRows:
        """See `Reader.read`. All columns are kept."""
        lists = self._explainer.spec.settings.lists
        with self._cursor() as cursor, new_private_bytes(path) as stream:
            names = tuple(name for name, *_ in cursor.description or ())
            converters = {at: list_from_json for at, name in enumerate(names) if name in lists}
            file = RowFile(stream, names)
            rows = cursor if limit is None else islice(cursor, limit)
            while batch := list(islice(rows, BATCH)):
                file.add(encode_rows(batch, converters))
        return JsonRows(path, names, file.digest, file.rows, file.longest)

    @contextmanager
    def _cursor(self) -> Iterator[sqlite3.Cursor]:
        """Yield a cursor that has begun to read, in a transaction of its own."""
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
            yield connection.execute(self._query)
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
