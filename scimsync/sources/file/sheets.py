"""Read a sheet of a workbook: Excel (.xlsx, .xlsm, .xls, .xlsb) or OpenDocument (.ods).

All cells become text, as in CSV. The rows are written to a CSV file, each with its number in the
sheet, which DuckDB reads.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from scimsync.errors import GuardStop
from scimsync.sources.base import RejectedRows, RowLocation, SourceSpec
from scimsync.sources.duckdb_sql import WHITE_SPACE
from scimsync.sources.file.cell_faults import Cell
from scimsync.sources.file.content import content
from scimsync.sources.file.delimited_rows import CsvRow, read_rows
from scimsync.sources.file.find import File
from scimsync.sources.file.footer import is_footer
from scimsync.sources.file.header_row import LINES
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.file.tabular import TabularReader
from scimsync.sources.file.workbook import FoundSheet, find_sheet, require_calamine
from scimsync.sources.file.workbook_cells import cell_text
from scimsync.sources.workspace import Workspace, new_private_file

_LAST = 10
_NAMED = 3
_SEPARATOR = "\x1f"  # the unit separator of ASCII, which XML cannot contain


class SheetReader(TabularReader):
    """A `FileReader` for one sheet of a workbook."""

    def __init__(self, spec: SourceSpec[FileSettings], file: File, workspace: Workspace) -> None:
        super().__init__(spec, file, workspace)
        require_calamine(spec, file.label)

    def location(self, place: int) -> RowLocation:
        return RowLocation(self.file.label, None, place, self._found.name)

    def is_reliable(self) -> bool:
        """Return False if some row may have to be left out: below the table, or without a value."""
        if self._spec.settings.comment is not None or self._faults:
            return False
        return not any(is_footer(row) for row in self._last)

    def _start(self) -> Sequence[str]:
        rows = islice(self._cells(), (self._spec.settings.skip or 0) + LINES)
        return [_line(row) for _, row in rows]

    def _delimiters(self) -> Sequence[str]:
        return (",",)

    def _scan(self, used: Collection[str], rejected: RejectedRows | None) -> str:
        path = self._spool if rejected is None else self._clean(used, rejected)
        return self._read_csv(path, _SEPARATOR, numbered=True)

    @cached_property
    def _path(self) -> Path:
        return content(self._spec, self.file, self._workspace)

    @cached_property
    def _found(self) -> FoundSheet:
        return find_sheet(self._spec, self._path, self.file.label, self._workspace)

    @cached_property
    def _faults(self) -> Mapping[Cell, str]:
        """The cells without a value, by row and column of the sheet."""
        faults = self._found.faults
        merged = {
            (row, column): faults[first, column]
            for row, columns in self._merged.items()
            for column, first in columns.items()
            if (first, column) in faults
        }
        return {**faults, **merged}

    @cached_property
    def _first_column(self) -> int:
        start = self._found.sheet.start
        return 0 if start is None else start[1]

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows with their numbers. A cell merged with those below it is in all of them.

        The rows have as many cells as there are columns from the first filled one to the last.
        """
        sheet = self._found.sheet
        if not sheet.height:
            raise GuardStop(
                f"{self.file.label}: sheet {self._found.name} is empty",
                hint="nothing is sent for an empty source",
                code="SYNC-0505",
            )
        kept: dict[int, str] = {}
        for number, cells in enumerate(sheet.iter_rows(), 1):
            row = [cell if type(cell) is str else cell_text(cell) for cell in cells]
            for column, first in self._merged.get(number - 1, {}).items():
                at = column - self._first_column
                if 0 <= at < len(row):
                    row[at] = kept[column] = row[at] if first == number - 1 else kept[column]
            yield number, row

    @cached_property
    def _merged(self) -> Mapping[int, Mapping[int, int]]:
        """The cells that are merged with others below, by row: column -> first row.

        Cells that are merged with others beside them are titles more often than values, and stay
        empty.
        """
        found: dict[int, dict[int, int]] = {}
        sheet = self._found.sheet
        end = 0 if sheet.end is None else sheet.end[0]
        for (first, column), (last, _) in sheet.merged_cell_ranges or ():
            if first < last:
                for row in range(first, min(last, end) + 1):
                    found.setdefault(row, {})[column] = first
        return found

    @cached_property
    def _last(self) -> Sequence[Sequence[str]]:
        """The last rows."""
        _ = self._spool
        return self._tail

    @cached_property
    def _spool(self) -> Path:
        """The rows below the header that are not empty, each followed by its number."""
        header = self.header
        width = len(header.names)
        tail: deque[list[str]] = deque(maxlen=_LAST)
        path = self._workspace.new(".csv")
        with new_private_file(path) as target:
            quoted = csv.writer(target, delimiter=_SEPARATOR, lineterminator="\n").writerow
            quoted([*map(str, range(width)), "line"])
            for number, row in islice(self._cells(), header.end, None):
                if not any(row):
                    continue
                fields = row if len(row) == width else [*row[:width], *[""] * (width - len(row))]
                tail.append(fields)
                line = f"{_SEPARATOR.join(fields)}{_SEPARATOR}{number}\n"
                plain = '"' not in line and "\r" not in line and line.count("\n") == 1
                if plain and line.count(_SEPARATOR) == width:
                    target.write(line)  # much faster than a csv.writer
                else:
                    quoted([*fields, number])
        self._tail = list(tail)
        return path

    def _clean(self, used: Collection[str], rejected: RejectedRows) -> Path:
        """Return a copy of the rows without those that cannot be used."""
        columns = {
            at + self._first_column: name
            for at, name in enumerate(self.header.names)
            if name in used
        }
        faults: dict[int, list[Cell]] = {}
        for cell in self._faults:
            if cell[1] in columns:
                faults.setdefault(cell[0] + 1, []).append(cell)
        copy = self._workspace.new(".csv")
        with self._spool.open(encoding="utf-8", newline="") as stream, new_private_file(copy) as to:
            write = csv.writer(
                to, delimiter=_SEPARATOR, quoting=csv.QUOTE_ALL, lineterminator="\n"
            ).writerow
            write([*map(str, range(len(self.header.names))), "line"])
            next(stream)
            rows = self._judged(read_rows(stream, _SEPARATOR), faults, columns)
            for row, fields in self._judge().records(rows, rejected):
                write([*fields, row.line])
        return copy

    def _judged(
        self, rows: Iterator[CsvRow], faults: Mapping[int, Sequence[Cell]], names: Mapping[int, str]
    ) -> Iterator[CsvRow]:
        """Yield the rows with their numbers in the sheet, and what is wrong with their cells."""
        condition = self._condition()
        for row in rows:
            *fields, number = row.fields
            place = int(number)
            problem, code = row.problem, row.code
            wrong = faults.get(place)
            if wrong and not (condition and condition.excludes(fields, self.header.names)):
                cells = ", ".join(self._fault(cell, names[cell[1]]) for cell in wrong[:_NAMED])
                problem, code = f"has {cells}", "SYNC-0236"
            yield CsvRow(place, place, fields, problem, cut=False, code=code)

    def _fault(self, cell: Cell, column: str) -> str:
        return f'{self._faults[cell]} in column "{column}" ({_reference(cell)})'


def _line(row: Sequence[str]) -> str:
    """Return a row as one line of CSV. Line breaks in cells become spaces."""
    stream = io.StringIO()
    cells = [
        " ".join(piece.strip(WHITE_SPACE) for piece in cell.splitlines()) if "\n" in cell else cell
        for cell in row
    ]
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue().replace("\r", " ")


def _reference(cell: Cell) -> str:
    """Return the name of a cell, such as B7."""
    letters = ""
    column = cell[1] + 1
    while column:
        column, digit = divmod(column - 1, 26)
        letters = chr(65 + digit) + letters
    return f"{letters}{cell[0] + 1}"
