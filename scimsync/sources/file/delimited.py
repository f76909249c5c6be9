# ruff: noqa: S608 - SQL of quoted names only
"""Read CSV and TSV: the header, the delimiter, and the rows, all as text."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TextIO

from scimsync.errors import SourceFormatError, SourceUnavailable
from scimsync.formatting import plural
from scimsync.sources.base import RejectedRow, RejectedRows, RowLocation, SourceSpec
from scimsync.sources.duckdb_sql import WHITE_SPACE, array, literal, name
from scimsync.sources.file import encodings
from scimsync.sources.file.csv_rows import CsvRow, read_rows
from scimsync.sources.file.find import File
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import Workspace, new_private_file

_DELIMITERS = (",", ";", "\t", "|")
_HEADER_LINES = 50  # more lines than this are not a header
_PIECE = 4 << 20
_TWO_QUOTED_TEXTS = re.compile(rb'" +"')


@dataclass(frozen=True, slots=True)
class Header:
    """The first row. `names` are stripped, one for each column of the file, blank ones included.

    `end` is its last line. `plain` means that this is the first line of the file, and that DuckDB
    skips it correctly.
    """

    names: tuple[str, ...]
    delimiter: str
    end: int
    plain: bool


class DelimitedReader:
    """A `FileReader` for CSV and TSV."""

    def __init__(self, spec: SourceSpec[FileSettings], file: File, workspace: Workspace) -> None:
        self.file = file
        self._spec = spec
        self._workspace = workspace

    def types(self) -> Mapping[str, str]:
        return {column: "VARCHAR" for column in self.header.names if column}

    def type_of(self, column: str) -> str | None:
        return "VARCHAR" if column in self.header.names else None

    def select(self, names: Sequence[str], rejected: RejectedRows | None = None) -> str:
        columns = [f"{self._column(column)} as c{at}" for at, column in enumerate(names)]
        if rejected is not None:
            columns.append("line::bigint as row")
        return f"select {', '.join(columns)} from {self._scan(rejected)}"

    def view(self, rejected: RejectedRows | None = None) -> str:
        names = list(self.types())
        columns = ", ".join(f"c{at} as {name(column)}" for at, column in enumerate(names))
        return f"select {columns} from ({self.select(names, rejected)})"

    def is_reliable(self) -> bool:
        """Return False if a quoted text may follow another one in the same cell, as in `"1" "x"`.

        DuckDB reads that as one cell, `1 x`, without an error (DuckDB 2.0). A careful reading
        rejects the row.
        """
        # the file is not mapped into memory: if it shrank meanwhile, that would kill the process
        with self.file.path.open("rb") as stream:
            before = b""
            while piece := stream.read(_PIECE):
                content = before + piece
                if b'" ' in content and _TWO_QUOTED_TEXTS.search(content):
                    return False
                kept = content.rstrip(b" ")
                before = content[len(kept) - 1 :] if kept.endswith(b'"') else b""
        return True

    def lines(self, rows: Collection[int]) -> Mapping[int, int]:
        return {row: row for row in rows}

    def explain(self, error: Exception) -> None:
        """Do nothing: the careful reading of `select` knows better than DuckDB what is wrong."""

    @cached_property
    def header(self) -> Header:
        """The header. Raise SourceFormatError if the first row is not one."""
        with self._open(self.file.path, self.file.encoding or "utf-8") as stream:
            start = list(islice(stream, _HEADER_LINES))
        found = [
            (row, delimiter)
            for delimiter in self._delimiters()
            for row in islice(read_rows(start, delimiter), 1)
        ]
        where = f"{self._spec.setting('path')}: {self.file.label}"
        if not found:
            raise SourceFormatError(f"{where} has no header", code="SYNC-0206")
        row, delimiter = max(
            found, key=lambda each: (self._spec.key in _strip(each[0]), len(each[0].fields))
        )
        if row.problem is not None:
            raise SourceFormatError(
                f"{where}, line {row.line}: the header {row.problem}", code="SYNC-0206"
            )
        # the byte order mark hides the quote from DuckDB
        hidden = self.file.encoding == "utf-8-sig" and start[0].lstrip(" ").startswith('"')
        return Header(tuple(_strip(row)), delimiter, row.end, row.end == 1 and not hidden)

    @cached_property
    def _text(self) -> Path:
        """The file as UTF-8."""
        if self.file.is_utf8:
            return self._workspace.readable(self.file.path)
        copy = self._workspace.new(".csv")
        encodings.to_utf8(
            self._spec, self.file.path, self.file.label, self.file.encoding or "utf-8", copy
        )
        return copy

    def _delimiters(self) -> Sequence[str]:
        chosen = self._spec.settings.delimiter
        if chosen is None:
            return "\t" if self.file.format == "tsv" else _DELIMITERS
        return (chosen,)

    def _column(self, column: str) -> str:
        at = [index for index, found in enumerate(self.header.names) if found == column]
        if len(at) > 1:
            raise SourceFormatError(
                f'{self._spec.setting("path")}: {self.file.label} has {len(at)} columns "{column}"',
                details=[f"found: {', '.join(self.header.names)}"],
                hint="rename one of them, because either may be meant",
                code="SYNC-0206",
            )
        return f"f{at[0]}" if at else "null::varchar"

    def _scan(self, rejected: RejectedRows | None) -> str:
        columns = [f"f{at}" for at in range(len(self.header.names))]
        path, delimiter = self._rows, self.header.delimiter
        if rejected is not None:
            path, delimiter = self._clean(rejected), ","
            columns.append("line")
        types = ", ".join(f"{column}: 'VARCHAR'" for column in columns)
        return (
            f"read_csv({literal(str(path))}, auto_detect = false, header = true, delim ="
            f" {literal(delimiter)}, quote = '\"', escape = '\"', force_not_null ="
            f" {array(columns)}, columns = {{{types}}})"
        )

    @cached_property
    def _rows(self) -> Path:
        """The file as UTF-8, with a plain header instead of its own unless that is plain."""
        if self.header.plain:
            return self._text
        copy = self._workspace.new(".csv")
        with self._open(self._text, "utf-8-sig") as stream, new_private_file(copy) as target:
            last = list(islice(stream, self.header.end))[-1]
            columns = self.header.delimiter.join(map(str, range(len(self.header.names))))
            target.write(columns + last[len(last.rstrip("\r\n")) :])
            target.writelines(stream)
        return copy

    def _clean(self, rejected: RejectedRows) -> Path:
        """Return a copy of the file with its good rows, each followed by its line."""
        width = len(self.header.names)
        copy = self._workspace.new(".csv")
        with self._open(self._text, "utf-8-sig") as stream, new_private_file(copy) as target:
            write = csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
            # a header without line breaks, from which DuckDB learns what ends a line
            write([*map(str, range(width)), "line"])
            for row in islice(read_rows(stream, self.header.delimiter), 1, None):
                fits = len(row.fields) == width or (
                    len(row.fields) > width and not any(row.fields[width:])
                )
                # delimiters after the last field mean nothing, to DuckDB too
                if row.problem is None and fits:
                    write([*row.fields[:width], row.line])
                else:
                    rejected.add(self._rejected(row))
        return copy

    def _rejected(self, row: CsvRow) -> RejectedRow:
        names, label = self.header.names, self.file.label
        wrong = (
            row.problem
            or f"has {plural(len(row.fields), 'field')} where the header has {len(names)}"
        )
        if row.cut and (row.problem is not None or len(row.fields) < len(names)):
            raise SourceUnavailable(
                f"{label} ends in the middle of a row; is it still being written?",
                details=[f"line {row.line}, the last one, {wrong} and no line break after it"],
                hint="try again when it is complete",
                code="SYNC-0201",
            )
        if self._spec.key not in names:
            raise SourceFormatError(
                f"{self._spec.setting('query')}: {label}, line {row.line} {wrong}",
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
        return RejectedRow(
            RowLocation(label, row.line, row.line),
            key or None,
            f"{wrong}; the row is left out",
            "SYNC-0220",
            dict(zip(names, row.fields, strict=False)),
            frozenset(piece.strip(WHITE_SPACE) for piece in pieces),
        )

    @contextmanager
    def _open(self, path: Path, encoding: str) -> Iterator[TextIO]:
        try:
            with path.open(encoding=encoding, newline="") as stream:
                yield stream
        except UnicodeDecodeError:
            encodings.explain(
                self._spec, self.file.path, self.file.label, self.file.encoding or "utf-8"
            )


def _strip(row: CsvRow) -> list[str]:
    return [field.strip(WHITE_SPACE + "\ufeff") for field in row.fields]
