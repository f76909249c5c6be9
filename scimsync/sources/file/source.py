# ruff: noqa: S608 - SQL of quoted names only
"""All files of a source as one table: the matches of a path or glob, or the result of a query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property

from scimsync.errors import SourceFormatError
from scimsync.sources.base import (
    RejectedRows,
    RowId,
    RowLocation,
    SourceSpec,
    missing_column,
)
from scimsync.sources.duckdb_sql import name, reason
from scimsync.sources.file import query
from scimsync.sources.file.delimited import DelimitedReader
from scimsync.sources.file.find import File, digest, ensure_unchanged, find, sample_digest
from scimsync.sources.file.json_files import JsonReader
from scimsync.sources.file.parquet import ParquetReader
from scimsync.sources.file.reader import FileReader
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.relation import Part, Relation, build_relation
from scimsync.sources.workspace import Workspace

Spec = SourceSpec[FileSettings]

_READERS: Mapping[str, Callable[[Spec, File, Workspace], FileReader]] = {
    "csv": DelimitedReader,
    "tsv": DelimitedReader,
    "json": JsonReader,
    "ndjson": JsonReader,
    "parquet": ParquetReader,
}
"""Format -> the reader for it."""


class _FileSource(ABC):
    """What a path and a query have in common. `option` is the setting that names the files."""

    option: str
    label: str

    def __init__(self, spec: Spec, workspace: Workspace, files: Iterable[File]) -> None:
        self.spec = spec
        self.workspace = workspace
        self.readers: list[FileReader] = [
            _READERS[file.format](spec, file, workspace) for file in files
        ]
        self.files = tuple(reader.file for reader in self.readers)

    @property
    def part_labels(self) -> tuple[str, ...]:
        """The files."""
        return tuple(file.label for file in self.files)

    @abstractmethod
    def columns(self) -> list[str]:
        """See `Source.columns`."""

    @abstractmethod
    def parts(self, names: Sequence[str], rejected: RejectedRows | None = None) -> list[Part]:
        """Return the columns `names`, in parts that together are the table."""

    @abstractmethod
    def locate(self, rows: Collection[RowId]) -> Mapping[RowId, RowLocation]:
        """See `Source.locate`."""

    def scan(self, used: Sequence[str], rejected: RejectedRows | None = None) -> Relation:
        """See `Source.scan`."""
        names = [self.spec.key, *used]
        parts = self.parts(names, rejected)
        for at, column in enumerate(names):
            absent = [part.types[at] is None for part in parts]
            if all(absent) or (at == 0 and any(absent)):
                found = self.columns()  # raises if it is the key that is missing
                raise missing_column(self.spec, self.option, column, found, self.label)
        careful = rejected is not None
        return build_relation(
            parts,
            used,
            self.spec.settings.lists,
            careful=careful,
            reliable=careful or all(reader.is_reliable() for reader in self.readers),
        )

    def fingerprint(self) -> str | None:
        """Return the size of the files and a digest of a few places in each."""
        return f"{sum(file.size for file in self.files)}-{sample_digest(self.files)}"

    def checksum(self) -> str:
        """Return a digest of all bytes of the files. Raise SourceFormatError for wrong bytes."""
        return digest(self.spec, self.files)

    def ensure_unchanged(self) -> None:
        """Raise SourceUnavailable if a file was written or replaced since it was found."""
        ensure_unchanged(self.files)

    def explain(self, error: Exception) -> SourceFormatError:
        """Raise the reader's explanation, or return DuckDB's message."""
        for reader in self.readers:
            reader.explain(error)
        return self.wrong(error)

    @abstractmethod
    def wrong(self, error: Exception) -> SourceFormatError:
        """Return DuckDB's message about the source as a whole."""


class PathSource(_FileSource):
    """The file that `path` names, or all matches of a glob, with the union of their columns."""

    option = "path"

    def __init__(self, spec: Spec, workspace: Workspace) -> None:
        path = spec.settings.path or ""
        super().__init__(spec, workspace, find(spec, path, self.option))
        self.label = self.files[0].label if len(self.files) == 1 else path

    def columns(self) -> list[str]:
        """Return the columns of all files. Each file must have the key."""
        for reader in self.readers:
            if self.spec.key not in reader.types():
                found = list(reader.types())
                raise missing_column(self.spec, "key", self.spec.key, found, reader.file.label)
        return list(dict.fromkeys(column for reader in self.readers for column in reader.types()))

    def parts(self, names: Sequence[str], rejected: RejectedRows | None = None) -> list[Part]:
        """Return one part a file."""
        return [
            Part(reader.select(names, rejected), tuple(reader.type_of(column) for column in names))
            for reader in self.readers
        ]

    def locate(self, rows: Collection[RowId]) -> Mapping[RowId, RowLocation]:
        """Return files and lines, or files and numbers of rows for formats without lines."""
        found: dict[RowId, RowLocation] = {}
        for part, reader in enumerate(self.readers):
            numbers = {row for at, row in rows if at == part}
            lines = reader.lines(numbers) if numbers else {}
            for row in numbers:
                found[part, row] = RowLocation(reader.file.label, lines.get(row), row)
        return found

    def wrong(self, error: Exception) -> SourceFormatError:
        """Return DuckDB's message."""
        return SourceFormatError(
            f"{self.spec.setting('path')}: {self.label}: {reason(error)}", code="SYNC-0208"
        )


class QuerySource(_FileSource):
    """The rows that `query` selects. Each file name in it becomes a view of that name."""

    option = "query"
    label = "the result of the query"

    def __init__(self, spec: Spec, workspace: Workspace) -> None:
        self._text, patterns = query.parse(spec, workspace)
        found = {pattern: find(spec, pattern, self.option) for pattern in patterns}
        super().__init__(spec, workspace, (file for files in found.values() for file in files))
        readers = iter(self.readers)
        self._views = {pattern: [next(readers) for _ in files] for pattern, files in found.items()}

    def columns(self) -> list[str]:
        """Return the columns of the result."""
        columns = list(self._described)
        if self.spec.key not in columns:
            raise missing_column(self.spec, "key", self.spec.key, columns, self.label)
        return columns

    def parts(self, names: Sequence[str], rejected: RejectedRows | None = None) -> list[Part]:
        """Return the result as one part."""
        self._create_views(rejected)
        found = list(self._described)
        at = {column: f"q{number}" for number, column in enumerate(found)}
        columns = [f"{at.get(column, 'null')} as c{number}" for number, column in enumerate(names)]
        # the rows of a query have no order of their own; any that is the same each time will do
        if rejected is not None:
            columns.append(
                f"row_number() over (order by {', '.join(f'{q}::varchar' for q in at.values())})"
                " as row"
            )
        sql = f"select {', '.join(columns)} from ({self._text}\n) as q({', '.join(at.values())})"
        return [Part(sql, tuple(self._described.get(column) for column in names))]

    def locate(self, rows: Collection[RowId]) -> Mapping[RowId, RowLocation]:
        """Return the result as a whole: its rows come from no single file."""
        return dict.fromkeys(rows, RowLocation(self.label, None, None))

    @cached_property
    def _described(self) -> dict[str, str]:
        import duckdb

        self._create_views(None)
        try:
            found = self.workspace.connection.execute(f"describe {self._text}").fetchall()
        except duckdb.Error as error:
            raise self.wrong(error) from None
        names = [column for column, *_ in found]
        twice = sorted({column for column in names if names.count(column) > 1})
        if twice:
            raise SourceFormatError(
                f'{self.spec.setting("query")}: two columns are called "{twice[0]}"',
                hint="give one of them a name with AS",
                code="SYNC-0206",
            )
        return {column: kind for column, kind, *_ in found}

    def _create_views(self, rejected: RejectedRows | None) -> None:
        import duckdb

        for pattern, readers in self._views.items():
            parts = " union all by name ".join(reader.view(rejected) for reader in readers)
            try:
                self.workspace.connection.execute(
                    f"create or replace temp view {name(pattern)} as {parts}"
                )
            except duckdb.Error as error:
                raise self.wrong(error) from None

    def wrong(self, error: Exception) -> SourceFormatError:
        """Return DuckDB's message with what it suggests."""
        hints = [
            line.strip()
            for line in str(error).splitlines()
            if line.startswith(("Candidate", "Did you mean"))
        ]
        return SourceFormatError(
            f"{self.spec.setting('query')}: {reason(error)}", details=hints, code="SYNC-0209"
        )
