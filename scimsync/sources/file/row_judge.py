"""Distinguish the records of delimited text from unusable rows and from rows of other kinds.

Comments, a repeated header, rows that do not meet `where`, and rows below the table are not
records: empty rows, and the lines that reports print there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from scimsync.errors import SourceFormatError, SourceUnavailable
from scimsync.formatting import plural
from scimsync.sources.base import RejectedRow, RejectedRows, RowLocation, SourceSpec
from scimsync.sources.duckdb_sql import WHITE_SPACE
from scimsync.sources.file.delimited_rows import CsvRow
from scimsync.sources.file.footer import is_footer
from scimsync.sources.file.header_row import is_repeated
from scimsync.sources.file.row_expression import RowExpression
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file, and where its rows begin.

    `names` are stripped, one for each column of the file, blank ones included. `title` is the row
    in the file that names the columns, empty if there is none. `end` is the last line (in sheets,
    the last row) above the rows.
    """

    names: tuple[str, ...]
    title: tuple[str, ...]
    delimiter: str
    end: int

    @property
    def least(self) -> int:
        """The number of fields that a row needs. Blank names at the end may lack theirs."""
        return max((at for at, name in enumerate(self.names, 1) if name), default=0)

    def places(self, column: str) -> list[int]:
        """Return the places of a column, more than one if several have its name."""
        return [at for at, name in enumerate(self.names) if name == column]


@dataclass(frozen=True, slots=True)
class RowCondition:
    """The condition `where` for a row that DuckDB cannot read, because of its number of fields."""

    expression: RowExpression
    workspace: Workspace

    def excludes(self, fields: Sequence[str], names: Sequence[str]) -> bool:
        """Return whether a row does not meet the condition. Cells that it lacks are empty."""
        import duckdb

        padded = [field.strip(WHITE_SPACE) for field in fields] + [""] * len(names)
        found = self.expression.resolve(names)
        values = [None if name is None else padded[names.index(name)] for name in found.values()]
        columns = ", ".join(f"?::varchar as {alias}" for alias in found)
        try:
            row = self.workspace.connection.execute(
                f"select {self.expression.sql} from (select {columns or '0'})",  # noqa: S608
                values,
            ).fetchone()
        except duckdb.Error:  # such as a cell that is not a number
            return False
        return row is not None and not row[0]


class RowJudge:
    """Judges the rows of one file. `location` gives the location of the row at `CsvRow.line`."""

    def __init__(
        self,
        spec: SourceSpec[FileSettings],
        label: str,
        header: Header,
        condition: RowCondition | None,
        location: Callable[[int], RowLocation],
    ) -> None:
        self._spec = spec
        self._label = label
        self._header = header
        self._condition = condition
        self._location = location

    def records(
        self, rows: Iterable[CsvRow], rejected: RejectedRows
    ) -> Iterator[tuple[CsvRow, list[str]]]:
        """Yield each record with as many fields as there are columns, and add others to `rejected`.

        Raise SourceUnavailable for a file that ends in the middle of a row.
        """
        waiting: list[CsvRow] = []  # to be below the table, unless a record follows
        for row in rows:
            if self._is_aside(row):
                continue
            if _is_blank(row) or is_footer(row.fields) or (waiting and _is_remark(row)):
                waiting.append(row)
                continue
            for earlier in waiting:
                yield from self._judge(earlier, rejected)
            waiting.clear()
            yield from self._judge(row, rejected)
        below = False
        for row in waiting:
            below = below or is_footer(row.fields)
            if below and not _is_blank(row):
                footer = self._rejected(row, "is below the table")
                # the numbers in a line of totals say nothing about a record
                rejected.exclude(footer if _is_remark(row) else replace(footer, cells={}))
            elif not _is_blank(row):
                yield from self._judge(row, rejected)

    def _judge(self, row: CsvRow, rejected: RejectedRows) -> Iterator[tuple[CsvRow, list[str]]]:
        width = len(self._header.names)
        # delimiters after the last field mean nothing, to DuckDB too
        fits = len(row.fields) >= self._header.least and not any(
            field.strip(WHITE_SPACE) for field in row.fields[width:]
        )
        if row.problem is None and fits:
            yield row, [*row.fields[:width], *[""] * (width - len(row.fields))]
            return
        wrong = (
            row.problem or f"has {plural(len(row.fields), 'field')} where the header has {width}"
        )
        is_text = len(row.fields) == 1 and " " in row.fields[0].strip(WHITE_SPACE)
        is_cut = row.cut and (row.problem is not None or len(row.fields) < width)
        if is_cut and not (is_text and self._is_excluded(row)):
            raise self._cut(row, wrong)
        if self._is_excluded(row):
            rejected.exclude(self._rejected(row, wrong))
        else:
            rejected.add(self._rejected(row, wrong))

    def _is_aside(self, row: CsvRow) -> bool:
        """Return whether a row is a comment or repeats the header."""
        comment = self._spec.settings.comment
        if comment is not None and row.fields[0].lstrip().startswith(comment):
            return True
        title = self._header.title
        if is_repeated(row.fields, title):
            return True
        cells = {field.strip(WHITE_SPACE) for field in row.fields} - {""}
        if len(cells) > 1 and cells <= set(title):
            raise SourceFormatError(
                f"{self._spec.setting('path')}: {self._label}, {self._location(row.line)} is"
                " another header, with the columns in another order",
                details=[f"the first one: {', '.join(title)}", f"found: {', '.join(row.fields)}"],
                hint="keep files of different columns apart; a pattern such as hr-*.csv reads them"
                " as one table",
                code="SYNC-0206",
            )
        return False

    def _is_excluded(self, row: CsvRow) -> bool:
        return (
            row.problem is None
            and self._condition is not None
            and self._condition.excludes(row.fields, self._header.names)
        )

    def _cut(self, row: CsvRow, wrong: str) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self._label} ends in the middle of a row; is it still being written?",
            details=[
                f"{self._location(row.line)}, the last one, {wrong} and no line break after it"
            ],
            hint="try again when it is complete",
            code="SYNC-0201",
        )

    def _rejected(self, row: CsvRow, wrong: str) -> RejectedRow:
        names = self._header.names
        if self._spec.key not in names:
            raise SourceFormatError(
                f"{self._spec.setting('query')}: {self._label}, {self._location(row.line)} {wrong}",
                hint=(
                    f'without a column "{self._spec.key}" it is unknown which records the row'
                    " changes"
                ),
                code="SYNC-0209",
            )
        at = names.index(self._spec.key)
        key = row.fields[at].strip(WHITE_SPACE) if at < len(row.fields) else ""
        # "7" "x" may be meant for 7
        pieces = (piece for cell in row.fields for piece in (cell, *cell.split('"')))
        location = self._location(row.line)
        return RejectedRow(
            location,
            key or None,
            f"{location.prefix}{wrong}; the row is left out",
            row.code,
            dict(zip(names, row.fields, strict=False)),
            frozenset(piece.strip(WHITE_SPACE) for piece in pieces),
        )


def _is_blank(row: CsvRow) -> bool:
    return not any(field.strip(WHITE_SPACE) for field in row.fields)


def _is_remark(row: CsvRow) -> bool:
    """Return whether only one cell of a row can be read and is filled."""
    return row.problem is None and sum(bool(field.strip(WHITE_SPACE)) for field in row.fields) == 1
