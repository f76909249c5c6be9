"""What the reading of any one file offers, whatever its format."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scimsync.sources.files import File

MAX_REPORTED = 1_000
"""Bad rows that are told one by one."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is left out. `key` is None if nobody can tell whose row it is; `cells` are the
    row's values by column and `fields`, where they may have slipped, all of them, to find out whose
    it may be. `label` names the file; `row` puts rows in order where there are no lines."""

    label: str
    line: int | None
    row: int | None
    key: str | None
    detail: str
    cells: Mapping[str, object] = field(hash=False)
    fields: frozenset[str]


class BadRows:
    """The rows left out in reading, the first `MAX_REPORTED` of them in full."""

    def __init__(self) -> None:
        self.rows: list[BadRow] = []
        self.count = 0

    def add(self, row: BadRow) -> None:
        self.count += 1
        if len(self.rows) < MAX_REPORTED:
            self.rows.append(row)


class Table(Protocol):
    """One file as DuckDB reads it."""

    @property
    def file(self) -> File: ...

    def types(self) -> Mapping[str, str]:
        """Column name -> SQL type, in the order of the file."""
        ...

    def type_of(self, column: str) -> str | None:
        """SQL type that `select` gives a column; None for one that the file lacks, if that can be
        told without reading it."""
        ...

    def select(self, names: Sequence[str], bad: BadRows | None = None) -> str:
        """SQL for the columns `names`, called c0, c1, …; a column that the file lacks is NULL.

        Without `bad`, a bad row makes the statement fail. With `bad`, bad rows are left out and
        added to it, and a column `row` numbers the rows from 1.
        """
        ...

    def view(self, bad: BadRows | None = None) -> str:
        """SQL for all columns by their own names and with types that compare as expected, for use
        in a query."""
        ...

    def lines(self, rows: Collection[int]) -> Mapping[int, int]:
        """Row numbers of `select` -> lines of the file, from 1; without those that have no line."""
        ...

    def explain(self, error: Exception) -> None:
        """Raise what is wrong with the file in words for people, if it is this file that DuckDB
        failed on."""
        ...
