# ruff: noqa: S608 - SQL of quoted names only
"""What CSV files and sheets have in common: a header, and rows of cells that are text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from scimsync.errors import SourceFormatError
from scimsync.formatting import plural
from scimsync.sources.base import RejectedRows, RowLocation, SourceSpec
from scimsync.sources.duckdb_sql import array, literal, name, stripped
from scimsync.sources.file.find import File
from scimsync.sources.file.header_row import FoundHeader, HeaderHints, find_header
from scimsync.sources.file.reader import NOTHING, numbered
from scimsync.sources.file.row_expression import parse_expression
from scimsync.sources.file.row_judge import Header, RowCondition, RowJudge
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import Workspace
from scimsync.tomltext import toml_string

_HEADER_CELLS = 4


class TabularReader(ABC):
    """A `FileReader` for rows below a header.

    Subclasses give the first lines as delimited text, in which the header is found, and the rows as
    CSV. Each row is identified by its place in the file.
    """

    def __init__(self, spec: SourceSpec[FileSettings], file: File, workspace: Workspace) -> None:
        self.file = file
        self._spec = spec
        self._workspace = workspace

    @abstractmethod
    def _start(self) -> Sequence[str]:
        """Return the first lines of the file, at least those to skip and `LINES` more."""

    @abstractmethod
    def _delimiters(self) -> Sequence[str]:
        """Return the possible delimiters of `_start`."""

    @abstractmethod
    def _scan(self, used: Collection[str], rejected: RejectedRows | None) -> str:
        """Return SQL for the rows: texts f0, f1, … and, with `rejected`, their place `line`.

        `used` are the columns whose cells are read.
        """

    @abstractmethod
    def is_reliable(self) -> bool:
        """See `FileReader.is_reliable`."""

    def types(self) -> Mapping[str, str]:
        return {column: "VARCHAR" for column in self.header.names if column}

    def type_of(self, column: str) -> str | None:
        return "VARCHAR" if column in self.header.names else None

    def repeated(self) -> Mapping[str, SourceFormatError]:
        header = self.header
        names = ", ".join(map(toml_string, numbered(header.names)))
        return {
            column: SourceFormatError(
                f"{self._spec.setting('path')}: {self.file.label} has"
                f' {len(header.places(column))} columns "{column}"',
                details=[f"found: {', '.join(header.names)}"],
                hint=f"name them in sync.toml: skip = {header.end}, headers = [{names}]",
                code="SYNC-0206",
            )
            for column in self.types()
            if len(header.places(column)) > 1
        }

    def select(
        self,
        names: Sequence[str],
        rejected: RejectedRows | None = None,
        more: Mapping[str, str | None] = NOTHING,
    ) -> str:
        columns = [f"{self._column(column)} as c{at}" for at, column in enumerate(names)]
        columns += [f"{self._column(column)} as {alias}" for alias, column in more.items()]
        if rejected is not None:
            columns.append("line::bigint as row")
        used = {*names, *filter(None, more.values())}
        # a careful reading has left out rows that repeat the header
        condition = self._not_header(names) if rejected is None else ""
        return f"select {', '.join(columns)} from {self._scan(used, rejected)}{condition}"

    def view(self, rejected: RejectedRows | None = None) -> str:
        repeated = self.repeated()
        names = [column for column in self.types() if column not in repeated]
        columns = ", ".join(f"c{at} as {name(column)}" for at, column in enumerate(names))
        return f"select {columns} from ({self.select(names, rejected)})"

    def locate(self, rows: Collection[int]) -> Mapping[int, RowLocation]:
        return {row: self.location(row) for row in rows}

    def location(self, place: int) -> RowLocation:
        """Return where the row at `place` is, for messages."""
        return RowLocation(self.file.label, place, place)

    def explain(self, error: Exception) -> None:  # noqa: B027 - the rule for all subclasses
        """Do nothing: the careful reading of `select` knows better than DuckDB what is wrong."""

    @cached_property
    def header(self) -> Header:
        """The header. Raise SourceFormatError if the file has none that can be used."""
        settings = self._spec.settings
        start = self._start()
        known = HeaderHints(self._spec.key, settings.skip, settings.headers, settings.comment)
        found = find_header(start, self._delimiters(), known)
        where = f"{self._spec.setting('path')}: {self.file.label}"
        if found is None:
            raise SourceFormatError(f"{where} has no header", code="SYNC-0206")
        row = found.row
        if row is not None and row.problem is not None:
            raise SourceFormatError(
                f"{where}, {self.location(row.line)}: the header {row.problem}", code="SYNC-0206"
            )
        if settings.headers is not None:
            self._check_headers(settings.headers, found)
        names = settings.headers or found.names
        return Header(tuple(names), found.names, found.delimiter, found.end)

    def _check_headers(self, headers: Sequence[str], found: FoundHeader) -> None:
        """Raise SourceFormatError unless `headers` has a name for each column.

        Columns at the end that are not needed may be missing.
        """
        width = found.width
        least = max(at for at, column in enumerate(headers, 1) if column)
        if not least <= width <= len(headers):
            raise SourceFormatError(
                f"{self._spec.setting('headers')}: {plural(len(headers), 'name')} for the"
                f" {plural(width, 'column')} of {self.file.label}",
                details=[f"found: {', '.join(found.names)}"] if found.row is not None else [],
                hint='name each column; "" stands for one that is not needed',
                code="SYNC-0231",
            )

    def _column(self, column: str | None) -> str:
        at = [] if column is None else self.header.places(column)
        if len(at) > 1:
            raise self.repeated()[column or ""]
        return self._cell(at[0]) if at else "null::varchar"

    def _cell(self, at: int) -> str:
        return stripped(f"f{at}") if self._spec.settings.trim else f"f{at}"

    def _not_header(self, names: Sequence[str]) -> str:
        """Return a condition that fails for a row that looks like a header, by the cells `names`.

        The file is then read carefully, which knows whether it repeats the header.
        """
        title = self.header.title
        at = [place for name in names if name for place in self.header.places(name)]
        if not (title and at):
            return ""
        if len(at) == 1:
            return f" where {self._cell(at[0])} <> {literal(title[at[0]])}"
        # a few cells: each part of an expression takes memory, in each thread
        known = array(filter(None, title))
        cells = [f"list_contains({known}, {self._cell(place)})" for place in at[:_HEADER_CELLS]]
        return f" where case when {' and '.join(cells)} then error('a header') else true end"

    def _read_csv(self, path: Path, delimiter: str, *, numbered: bool) -> str:
        """Return SQL for the texts f0, f1, … of a CSV file below its first row, and `line`."""
        columns = [f"f{at}" for at in range(len(self.header.names))] + ["line"] * numbered
        types = ", ".join(f"{column}: 'VARCHAR'" for column in columns)
        return (
            f"read_csv({literal(str(path))}, auto_detect = false, header = true, delim ="
            f" {literal(delimiter)}, quote = '\"', escape = '\"', force_not_null ="
            f" {array(columns)}, columns = {{{types}}})"
        )

    def _judge(self) -> RowJudge:
        """Return the judge that distinguishes records from other rows."""
        return RowJudge(self._spec, self.file.label, self.header, self._condition(), self.location)

    def _condition(self) -> RowCondition | None:
        expression = None
        if self._spec.settings.path is not None:  # in a query, `where` is about its result
            expression = parse_expression(self._spec, "where", self._workspace)
        if expression is None:
            return None
        return RowCondition(expression, self._workspace)
