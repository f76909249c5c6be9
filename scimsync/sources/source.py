# ruff: noqa: S608 - SQL of quoted names only
"""All files of a source as one table, whether they are matches of a glob or joined by a query."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from scimsync.errors import SourceFormatError
from scimsync.sources import query
from scimsync.sources.delimited import Delimited
from scimsync.sources.duck import Workspace, name, reason
from scimsync.sources.files import File, find
from scimsync.sources.jsonfile import Json
from scimsync.sources.parquet import Parquet
from scimsync.sources.spec import FileSpec
from scimsync.sources.table import BadRows, Table

_Reader = Callable[[FileSpec, File, Workspace], Table]
_READERS: dict[str, _Reader] = {
    "csv": Delimited,
    "tsv": Delimited,
    "json": Json,
    "ndjson": Json,
    "parquet": Parquet,
}
"""Format -> what reads it."""


@dataclass(frozen=True, slots=True)
class Part:
    """`sql` selects c0, c1, … (and `row`) as of `Table.select`; `types` are their SQL types, None
    where a column is missing."""

    sql: str
    types: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: a file, and the line if there are lines, else the number of the row in
    it, if it has one."""

    label: str
    line: int | None
    row: int | None

    def __str__(self) -> str:
        return (
            f"line {self.line}"
            if self.line is not None
            else f"row {self.row}"
            if self.row is not None
            else "another row"
        )


class Source(Protocol):
    """One table made of files."""

    @property
    def files(self) -> tuple[File, ...]: ...

    @property
    def label(self) -> str:
        """What the table is called in messages."""
        ...

    def columns(self) -> list[str]:
        """Names of the columns, in the order of the files."""
        ...

    def parts(self, names: Sequence[str], bad: BadRows | None = None) -> list[Part]:
        """The columns `names`, in parts that together are the table; `bad` as of `Table.select`."""
        ...

    def places(self, rows: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], Place]:
        """(part, row) -> where that is."""
        ...

    def explain(self, error: Exception) -> SourceFormatError:
        """What DuckDB's error means. Raises a better one where there is one."""
        ...


def open_source(spec: FileSpec, workspace: Workspace) -> Source:
    """Find the files of `spec` and read no more of them than their first bytes.

    Raises SourceUnavailable, SourceFormatError, GuardStop (a file of zero bytes).
    """
    return Files(spec, workspace) if spec.query is None else Query(spec, workspace)


class Files:
    """The file that `path` names, or all matches of a glob, with the union of their columns."""

    def __init__(self, spec: FileSpec, workspace: Workspace) -> None:
        self._spec = spec
        self.files = find(spec, spec.path)
        self.tables: list[Table] = [
            _READERS[file.format](spec, file, workspace) for file in self.files
        ]

    @property
    def label(self) -> str:
        return self.files[0].label if len(self.files) == 1 else self._spec.path

    def columns(self) -> list[str]:
        for table in self.tables:
            if self._spec.key not in table.types():
                raise missing(
                    self._spec, "key", self._spec.key, list(table.types()), table.file.label
                )
        return list(dict.fromkeys(column for table in self.tables for column in table.types()))

    def parts(self, names: Sequence[str], bad: BadRows | None = None) -> list[Part]:
        return [
            Part(table.select(names, bad), tuple(table.type_of(column) for column in names))
            for table in self.tables
        ]

    def places(self, rows: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], Place]:
        found: dict[tuple[int, int], Place] = {}
        for part, table in enumerate(self.tables):
            numbers = {row for at, row in rows if at == part}
            lines = table.lines(numbers) if numbers else {}
            found |= {(part, row): Place(table.file.label, lines.get(row), row) for row in numbers}
        return found

    def explain(self, error: Exception) -> SourceFormatError:
        for table in self.tables:
            table.explain(error)
        return SourceFormatError(f"{self._spec.setting('path')}: {self.label}: {reason(error)}")


class Query:
    """What `query` selects. Each file name in it becomes a view of that name."""

    def __init__(self, spec: FileSpec, workspace: Workspace) -> None:
        self._spec = spec
        self._workspace = workspace
        self._text, patterns = query.parse(spec, workspace)
        self.tables: dict[str, list[Table]] = {
            pattern: [
                _READERS[file.format](spec, file, workspace)
                for file in find(spec, pattern, "query")
            ]
            for pattern in patterns
        }
        self.files = tuple(table.file for tables in self.tables.values() for table in tables)
        self.label = "the result of the query"

    def columns(self) -> list[str]:
        columns = list(dict.fromkeys(self._described))
        if self._spec.key not in columns:
            raise missing(self._spec, "key", self._spec.key, columns, self.label)
        return columns

    def parts(self, names: Sequence[str], bad: BadRows | None = None) -> list[Part]:
        self._create_views(bad)
        found = list(self._described)
        at = {column: f"q{number}" for number, column in enumerate(found)}
        columns = [f"{at.get(column, 'null')} as c{number}" for number, column in enumerate(names)]
        # the rows of a query have no order of their own; any that is the same each time will do
        if bad is not None:
            columns.append(
                f"row_number() over (order by {', '.join(f'{q}::varchar' for q in at.values())})"
                " as row"
            )
        sql = f"select {', '.join(columns)} from ({self._text}\n) as q({', '.join(at.values())})"
        return [Part(sql, tuple(self._described.get(column) for column in names))]

    def places(self, rows: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], Place]:
        return dict.fromkeys(rows, Place(self.label, None, None))

    def explain(self, error: Exception) -> SourceFormatError:
        for tables in self.tables.values():
            for table in tables:
                table.explain(error)
        return self._wrong(error)

    @cached_property
    def _described(self) -> dict[str, str]:
        import duckdb

        self._create_views(None)
        try:
            found = self._workspace.connection.execute(f"describe {self._text}").fetchall()
        except duckdb.Error as error:
            raise self._wrong(error) from None
        names = [column for column, *_ in found]
        twice = sorted({column for column in names if names.count(column) > 1})
        if twice:
            raise SourceFormatError(
                f'{self._spec.setting("query")}: two columns are called "{twice[0]}"',
                hint="give one of them a name with AS",
            )
        return {column: kind for column, kind, *_ in found}

    def _create_views(self, bad: BadRows | None) -> None:
        import duckdb

        for pattern, tables in self.tables.items():
            parts = " union all by name ".join(table.view(bad) for table in tables)
            try:
                self._workspace.connection.execute(
                    f"create or replace temp view {name(pattern)} as {parts}"
                )
            except duckdb.Error as error:
                raise self._wrong(error) from None

    def _wrong(self, error: Exception) -> SourceFormatError:
        hints = [
            line.strip()
            for line in str(error).splitlines()
            if line.startswith(("Candidate", "Did you mean"))
        ]
        return SourceFormatError(f"{self._spec.setting('query')}: {reason(error)}", details=hints)


def missing(
    spec: FileSpec, option: str, column: str, found: Iterable[str], label: str
) -> SourceFormatError:
    """The error for a column that is not there: which were found, and which of them may be
    meant."""
    names = list(found)
    close = difflib.get_close_matches(column.lower(), [each.lower() for each in names], n=1)
    meant = next((each for each in names if close and each.lower() == close[0]), None)
    return SourceFormatError(
        f'{spec.setting(option)}: no column "{column}" in {label}',
        details=[f"found: {', '.join(names) or 'no columns at all'}"],
        hint=f'did you mean "{meant}"?' if meant else None,
    )
