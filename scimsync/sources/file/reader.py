"""The protocol for reading one file, whatever its format."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from scimsync.errors import SourceFormatError
from scimsync.sources.base import RejectedRows, RowLocation
from scimsync.sources.file.find import File

NOTHING: Mapping[str, str | None] = {}


class FileReader(Protocol):
    """Reads one file with DuckDB."""

    @property
    def file(self) -> File: ...

    def types(self) -> Mapping[str, str]:
        """Return the columns with their SQL types, in the order of the file."""
        ...

    def type_of(self, column: str) -> str | None:
        """Return the SQL type that `select` gives a column.

        None for one that the file does not have, if that is known without reading the file.
        """
        ...

    def repeated(self) -> Mapping[str, SourceFormatError]:
        """Return the names that several columns have, each with the error for using it."""
        ...

    def select(
        self,
        names: Sequence[str],
        rejected: RejectedRows | None = None,
        more: Mapping[str, str | None] = NOTHING,
    ) -> str:
        """Return SQL for the columns `names`, called c0, c1, …

        The values of `more` are further columns with their natural types, by the name to give them.
        A column that the file does not have is NULL. Without `rejected`, a row that cannot be used
        makes the statement fail. With it, such rows are left out and added to it, and a column
        `row` numbers the rows from 1.
        """
        ...

    def view(self, rejected: RejectedRows | None = None) -> str:
        """Return SQL for all columns by their own names and with natural types, for a query."""
        ...

    def is_reliable(self) -> bool:
        """Return whether `select` without `rejected` fails on each row that cannot be used."""
        ...

    def locate(self, rows: Collection[int]) -> Mapping[int, RowLocation]:
        """Return where rows of `select` are."""
        ...

    def explain(self, error: Exception) -> None:
        """Raise an error in plain words if DuckDB's `error` is about the file."""
        ...


def numbered(names: Sequence[str]) -> list[str]:
    """Return names that are all different: the second "Phone" becomes "Phone 2"."""
    result: list[str] = []
    for name in names:
        number, unique = 1, name
        while name and (unique in result or (number > 1 and unique in names)):
            number += 1
            unique = f"{name} {number}"
        result.append(unique)
    return result
