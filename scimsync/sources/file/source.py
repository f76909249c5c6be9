# ruff: noqa: S608 - SQL of quoted names only
"""All files of a source as one table: the matches of a path or glob, or the result of a query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain

from scimsync.errors import SourceFormatError
from scimsync.sources.base import (
    RejectedRows,
    RowId,
    RowLocation,
    SourceSpec,
    check_lists,
    missing_column,
)
from scimsync.sources.duckdb_sql import name, reason
from scimsync.sources.file import file_query
from scimsync.sources.file.find import File, digest, find
from scimsync.sources.file.first_rows import first_rows
from scimsync.sources.file.json_lists import parse_json_lists
from scimsync.sources.file.reader import FileReader
from scimsync.sources.file.readers import SETTINGS, is_file_each, open_readers
from scimsync.sources.file.row_expression import RowExpression, parse_expression
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.found_files import ensure_unchanged, sample_digest
from scimsync.sources.relation import Part, Pick, Relation, build_relation
from scimsync.sources.watching import is_glob
from scimsync.sources.workspace import Workspace

Spec = SourceSpec[FileSettings]


class _FileSource(ABC):
    """What a path and a query have in common. `option` is the setting that names the files."""

    option: str
    label: str

    def __init__(
        self, spec: Spec, workspace: Workspace, files: Sequence[File], readers: Sequence[FileReader]
    ) -> None:
        self.spec = spec
        self.workspace = workspace
        self.files = files
        self.readers = readers
        self._refuse_foreign_settings()

    def _refuse_foreign_settings(self) -> None:
        """Raise SourceFormatError for settings of tables or workbooks without such a file."""
        for options, kind, what in SETTINGS:
            if any(isinstance(reader, kind) for reader in self.readers):
                continue
            for option in options:
                if getattr(self.spec.settings, option) is not None:
                    raise SourceFormatError(
                        f"{self.spec.setting(option)}: applies to {what} only, and"
                        f" {self.files[0].label} is not one",
                        code="SYNC-0231",
                    )

    @cached_property
    def _where(self) -> RowExpression | None:
        return self._expression("where")

    @cached_property
    def _pick(self) -> RowExpression | None:
        return self._expression("pick")

    def _expression(self, option: str) -> RowExpression | None:
        """Return the expression of an option. Raise SourceFormatError with the columns found."""
        try:
            found = parse_expression(self.spec, option, self.workspace)
        except SourceFormatError as error:
            names = ", ".join(self.all_columns())
            raise SourceFormatError(
                error.message, details=[f"found: {names}"], hint=error.hint, code=error.code
            ) from None
        if found is None:
            return None
        columns = self.all_columns()
        resolved = found.resolve(columns).values()
        for named, column in zip(found.columns, resolved, strict=True):
            if column is None:
                raise missing_column(self.spec, option, named, columns, self.label)
        return found

    @property
    def part_labels(self) -> tuple[str, ...]:
        """The files, or the pattern of files that are read together."""
        return tuple(reader.file.label for reader in self.readers)

    @property
    @abstractmethod
    def pattern_files(self) -> tuple[str, ...]:
        """See `Source.pattern_files`."""

    @abstractmethod
    def all_columns(self) -> list[str]:
        """Return the names of the columns, whether or not the key is among them."""

    @abstractmethod
    def check_key(self) -> None:
        """Raise SourceFormatError if there is no key column."""

    @abstractmethod
    def read(
        self,
        names: Sequence[str],
        rejected: RejectedRows | None,
        expressions: Sequence[RowExpression],
    ) -> list[Part]:
        """Return the columns `names` of all rows, with those that `expressions` use."""

    def columns(self) -> list[str]:
        """See `Source.columns`. Raise SourceFormatError for wrong settings of columns as well."""
        self.check_key()
        if self._where is not None or self._pick is not None:
            self._bind()
        found = self.all_columns()
        check_lists(self.spec, self.spec.settings.lists, found, self.label)
        return found

    def parts(self, names: Sequence[str], rejected: RejectedRows | None = None) -> list[Part]:
        """Return the columns `names`, in parts that together are the rows that `where` leaves."""
        found = self.read(names, rejected, [each for each in (self._where, self._pick) if each])
        if self._where is None:
            return found
        condition = self._where.sql
        return [replace(p, sql=f"select * from ({p.sql}) where {condition}") for p in found]

    def _bind(self) -> None:
        """Raise SourceFormatError if DuckDB refuses `where` or `pick`, without reading rows."""
        import duckdb

        try:
            self.workspace.connection.execute(f"describe {self.scan(()).sql}")
        except duckdb.Error as error:
            raise self.explain(error) from None

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
                self.check_key()
                found = self.all_columns()
                raise missing_column(self.spec, self.option, column, found, self.label)
        careful = rejected is not None
        if columns := self.spec.settings.json_lists:
            connection = self.workspace.connection
            parts = parse_json_lists(connection, parts, names, columns, rejected, self.locate)
        return build_relation(
            parts,
            used,
            self.spec.settings.separators,
            careful=careful,
            reliable=careful or all(reader.is_reliable() for reader in self.readers),
            pick=None if self._pick is None else Pick(self._pick.sql, self._pick.aliases),
        )

    def first_records(self, limit: int) -> list[Mapping[str, object]]:
        """See `Source.first_records`."""
        import duckdb

        columns = self.all_columns()
        try:
            rows = first_rows(self.workspace, self.parts(columns), len(columns), limit)
        except duckdb.Error as error:
            raise self.explain(error) from None
        return [dict(zip(columns, row, strict=True)) for row in rows]

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
        options = [each.option for each in (self._where, self._pick) if each is not None]
        if options:
            return SourceFormatError(
                f"{self.spec.setting(' and '.join(options))}: {reason(error)}",
                details=[f"found: {', '.join(self.all_columns())}"],
                hint="cells of CSV are text: use try_cast(… as integer) for numbers, and"
                " try_strptime(…) for dates",
                code="SYNC-0230",
            )
        return self.wrong(error)

    @abstractmethod
    def wrong(self, error: Exception) -> SourceFormatError:
        """Return DuckDB's message about the source as a whole."""


class PathSource(_FileSource):
    """The file that `path` names, or all matches of a glob, with the union of their columns."""

    option = "path"

    def __init__(self, spec: Spec, workspace: Workspace) -> None:
        path = spec.settings.path or ""
        files = find(spec, path, self.option)
        super().__init__(spec, workspace, files, open_readers(spec, path, files, workspace))
        self.label = self.files[0].label if len(self.files) == 1 else path

    @property
    def pattern_files(self) -> tuple[str, ...]:
        """All files, if `path` is a pattern, unless each is a user: a lost one means a leaver."""
        if not is_glob(self.spec.base_dir, self.spec.settings.path or ""):
            return ()
        return () if is_file_each(self.readers) else tuple(file.label for file in self.files)

    def all_columns(self) -> list[str]:
        """Return the columns of all files."""
        return list(dict.fromkeys(column for reader in self.readers for column in reader.types()))

    def check_key(self) -> None:
        """Raise SourceFormatError for a file without the key."""
        for reader in self.readers:
            if self.spec.key not in reader.types():
                found = list(reader.types())
                raise missing_column(self.spec, "key", self.spec.key, found, reader.file.label)

    def read(
        self,
        names: Sequence[str],
        rejected: RejectedRows | None,
        expressions: Sequence[RowExpression],
    ) -> list[Part]:
        """Return one part a file."""
        found = []
        for reader in self.readers:
            more: dict[str, str | None] = {}
            for expression in expressions:
                more |= expression.resolve(list(reader.types()))
            types = tuple(reader.type_of(column) for column in names)
            found.append(Part(reader.select(names, rejected, more), types))
        return found

    def locate(self, rows: Collection[RowId]) -> Mapping[RowId, RowLocation]:
        """Return files and lines, or files and numbers of rows for formats without lines."""
        found: dict[RowId, RowLocation] = {}
        for part, reader in enumerate(self.readers):
            if numbers := {row for at, row in rows if at == part}:
                for row, location in reader.locate(numbers).items():
                    found[part, row] = location
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
        self._text, patterns = file_query.parse(spec, workspace)
        found = {pattern: find(spec, pattern, self.option) for pattern in patterns}
        self._files = found
        self._views = {
            pattern: open_readers(spec, pattern, files, workspace)
            for pattern, files in found.items()
        }
        files = [file for each in found.values() for file in each]
        super().__init__(spec, workspace, files, list(chain.from_iterable(self._views.values())))

    @property
    def pattern_files(self) -> tuple[str, ...]:
        """The files of the patterns in the query."""
        return tuple(
            file.label
            for pattern, files in self._files.items()
            if is_glob(self.spec.base_dir, pattern) and not is_file_each(self._views[pattern])
            for file in files
        )

    def all_columns(self) -> list[str]:
        """Return the columns of the result."""
        return list(self._described)

    def check_key(self) -> None:
        """Raise SourceFormatError if the result has no key."""
        if self.spec.key not in self._described:
            raise missing_column(self.spec, "key", self.spec.key, list(self._described), self.label)

    def read(
        self,
        names: Sequence[str],
        rejected: RejectedRows | None,
        expressions: Sequence[RowExpression],
    ) -> list[Part]:
        """Return the result as one part."""
        self._create_views(rejected)
        found = list(self._described)
        at = {column: f"q{number}" for number, column in enumerate(found)}
        columns = [f"{at.get(column, 'null')} as c{number}" for number, column in enumerate(names)]
        for expression in expressions:
            resolved = expression.resolve(found)
            columns += [f"{at[column or '']} as {alias}" for alias, column in resolved.items()]
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
        """Return DuckDB's message with its suggestion."""
        for reader in self.readers:
            for column, repeated in reader.repeated().items():
                if f'"{column}"' in str(error):
                    return repeated
        hints = [
            line.strip()
            for line in str(error).splitlines()
            if line.startswith(("Candidate", "Did you mean"))
        ]
        return SourceFormatError(
            f"{self.spec.setting('query')}: {reason(error)}", details=hints, code="SYNC-0209"
        )
