"""Collections in private temporary files, so that memory does not grow with their number of items.

SQLite keeps the first two megabytes of each in memory and the rest in a file without a name, which
disappears with the collection.
"""

from __future__ import annotations

import pickle
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


class TemporaryDatabase:
    """A private SQLite database with the tables of `schema`, made at its first use."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._connection: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        if self._connection is None:
            # a run may plan in one thread and store in another, one after the other
            self._connection = sqlite3.connect("", check_same_thread=False)
            self._connection.executescript(self._schema)
            self._close = weakref.finalize(self, self._connection.close)
        return self._connection

    @property
    def is_used(self) -> bool:
        """Whether anything may be in it."""
        return self._connection is not None

    def close(self) -> None:
        """Remove the file with all that is in it. The next use begins with empty tables."""
        if self._connection is not None:
            self._close()
            self._connection = None


class Query(Generic[Item]):
    """What a query finds, read again each time. `decode` returns the item of a row."""

    def __init__(
        self,
        database: TemporaryDatabase,
        statement: str,
        parameters: Sequence[str],
        decode: Callable[[tuple[Any, ...]], Item],
    ) -> None:
        self._database = database
        self._statement = statement
        self._parameters = parameters
        self._decode = decode

    def __iter__(self) -> Iterator[Item]:
        return map(self._decode, self._rows(self._statement))

    def __len__(self) -> int:
        counted = self._rows(f"SELECT count(*) FROM ({self._statement})")  # noqa: S608
        return sum(number for (number,) in counted)

    def _rows(self, statement: str) -> Iterator[tuple[Any, ...]]:
        if not self._database.is_used:
            return iter(())
        return self._database.connection.execute(statement, self._parameters)


class DiskList(Generic[Item]):
    """Items in the order in which they were added."""

    def __init__(self) -> None:
        self._database = TemporaryDatabase("CREATE TABLE item (id INTEGER PRIMARY KEY, packed)")
        self._length = 0

    def add(self, items: Iterable[Item]) -> None:
        """Add items at the end."""
        cursor = self._database.connection.executemany(
            "INSERT INTO item (packed) VALUES (?)", ((packed(item),) for item in items)
        )
        self._length += max(cursor.rowcount, 0)

    def __iter__(self) -> Iterator[Item]:
        if self._length:
            rows = self._database.connection.execute("SELECT packed FROM item ORDER BY id")
            yield from (unpacked(content) for (content,) in rows)

    def __len__(self) -> int:
        return self._length

    def clear(self) -> None:
        """Remove all items."""
        self._database.close()
        self._length = 0


class DiskMap(Generic[Item]):
    """Items by their keys, which are texts."""

    def __init__(self) -> None:
        self._database = TemporaryDatabase(
            "CREATE TABLE item (key TEXT PRIMARY KEY, packed) WITHOUT ROWID"
        )

    def __setitem__(self, key: str, item: Item) -> None:
        self._database.connection.execute(
            "INSERT OR REPLACE INTO item VALUES (?, ?)", (key, packed(item))
        )

    def __getitem__(self, key: str) -> Item:
        row = self._row(key)
        if row is None:
            raise KeyError(key)
        item: Item = unpacked(row[0])
        return item

    def __contains__(self, key: object) -> bool:
        return self._row(key) is not None

    def get(self, key: str) -> Item | None:
        """Return the item of a key, or None."""
        row = self._row(key)
        return None if row is None else unpacked(row[0])

    def clear(self) -> None:
        """Remove all items."""
        self._database.close()

    def _row(self, key: object) -> tuple[bytes] | None:
        if not self._database.is_used:
            return None
        rows = self._database.connection.execute("SELECT packed FROM item WHERE key = ?", (key,))
        row: tuple[bytes] | None = rows.fetchone()
        return row


def packed(value: object) -> bytes:
    """Return a value as bytes for a file that only this process can open."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def unpacked(content: bytes) -> Any:
    """Return the value of `packed`, equal in all its types."""
    return pickle.loads(content)  # noqa: S301 - this process wrote it
