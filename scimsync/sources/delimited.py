# ruff: noqa: S608 - SQL of quoted names only
"""CSV and TSV: the header, the delimiter, and the rows as DuckDB reads them, all as text."""

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
from scimsync.sources import encodings
from scimsync.sources.duck import WHITE_SPACE, Workspace, array, literal, name, private
from scimsync.sources.files import File
from scimsync.sources.rows import Row, read_rows
from scimsync.sources.spec import FileSpec
from scimsync.sources.table import BadRow, BadRows

_DELIMITERS = (",", ";", "\t", "|")
_HEADER_LINES = 50  # a header that needs more lines than this is none


@dataclass(frozen=True, slots=True)
class Header:
    """`names` are stripped, one for each column of the file, blank ones included. `end` is the last
    line of the header; `plain` means that it is the first line and that DuckDB can be trusted to
    skip it."""

    names: tuple[str, ...]
    delimiter: str
    end: int
    plain: bool


_PIECE = 4 << 20
_QUOTED_TWICE = re.compile(rb'" +"')


def is_doubtful(file: File) -> bool:
    """Whether a CSV or TSV file may have a quoted cell with quoted text beside it, such as `"1"
    "x"`.

    DuckDB takes that for one cell, `1 x`, without a word (DuckDB 2.0); the careful reading reports
    the row.
    """
    if file.format not in ("csv", "tsv") or not file.path.stat().st_size:
        return False
    # not mapped: a file that somebody cuts off meanwhile would end the process
    with file.path.open("rb") as stream:
        before = b""
        while piece := stream.read(_PIECE):
            content = before + piece
            if b'" ' in content and _QUOTED_TWICE.search(content):
                return True
            kept = content.rstrip(b" ")
            before = content[len(kept) - 1 :] if kept.endswith(b'"') else b""
    return False


class Delimited:
    """A CSV or TSV file."""

    def __init__(self, spec: FileSpec, file: File, workspace: Workspace) -> None:
        self.file = file
        self._spec = spec
        self._workspace = workspace

    def types(self) -> Mapping[str, str]:
        return {column: "VARCHAR" for column in self.header.names if column}

    def type_of(self, column: str) -> str | None:
        return "VARCHAR" if column in self.header.names else None

    def select(self, names: Sequence[str], bad: BadRows | None = None) -> str:
        columns = [f"{self._column(column)} as c{at}" for at, column in enumerate(names)]
        if bad is not None:
            columns.append("line::bigint as row")
        return f"select {', '.join(columns)} from {self._scan(bad)}"

    def view(self, bad: BadRows | None = None) -> str:
        names = list(self.types())
        columns = ", ".join(f"c{at} as {name(column)}" for at, column in enumerate(names))
        return f"select {columns} from ({self.select(names, bad)})"

    def lines(self, rows: Collection[int]) -> Mapping[int, int]:
        return {row: row for row in rows}

    def explain(self, error: Exception) -> None:
        """Nothing to say: the slow reading of `select` knows better than DuckDB what is wrong."""

    @cached_property
    def header(self) -> Header:
        """Raises SourceFormatError for a first row that is no header or a delimiter that is
        none."""
        with self._open(self.file.path, self.file.encoding or "utf-8") as stream:
            start = list(islice(stream, _HEADER_LINES))
        found = [
            (row, delimiter)
            for delimiter in self._delimiters()
            for row in islice(read_rows(start, delimiter), 1)
        ]
        if not found:
            raise SourceFormatError(
                f"{self._spec.setting('path')}: {self.file.label} has no header"
            )
        row, delimiter = max(
            found, key=lambda each: (self._spec.key in _strip(each[0]), len(each[0].fields))
        )
        if row.fault is not None:
            raise SourceFormatError(
                f"{self._spec.setting('path')}: {self.file.label}, line {row.line}: the header"
                f" {row.fault}"
            )
        # the mark hides the quote
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
        chosen = self._spec.delimiter
        if chosen is None:
            return "\t" if self.file.format == "tsv" else _DELIMITERS
        if len(chosen) != 1 or chosen in '"\r\n ':
            raise SourceFormatError(
                f"{self._spec.setting('delimiter')}: {chosen!r} cannot separate columns",
                hint='one character, such as ";"',
            )
        return (chosen,)

    def _column(self, column: str) -> str:
        at = [index for index, found in enumerate(self.header.names) if found == column]
        if len(at) > 1:
            raise SourceFormatError(
                f'{self._spec.setting("path")}: {self.file.label} has {len(at)} columns "{column}"',
                details=[f"found: {', '.join(self.header.names)}"],
                hint="which one is meant cannot be told; rename one of them",
            )
        return f"f{at[0]}" if at else "null::varchar"

    def _scan(self, bad: BadRows | None) -> str:
        columns = [f"f{at}" for at in range(len(self.header.names))]
        path, delimiter = self._rows, self.header.delimiter
        if bad is not None:
            path, delimiter = self._clean(bad), ","
            columns.append("line")
        types = ", ".join(f"{column}: 'VARCHAR'" for column in columns)
        return (
            f"read_csv({literal(str(path))}, auto_detect = false, header = true, delim ="
            f" {literal(delimiter)}, quote = '\"', escape = '\"', force_not_null ="
            f" {array(columns)}, columns = {{{types}}})"
        )

    @cached_property
    def _rows(self) -> Path:
        """The file as UTF-8, with a plain header instead of its own unless that is one."""
        if self.header.plain:
            return self._text
        copy = self._workspace.new(".csv")
        with self._open(self._text, "utf-8-sig") as stream, private(copy) as target:
            last = list(islice(stream, self.header.end))[-1]
            columns = self.header.delimiter.join(map(str, range(len(self.header.names))))
            target.write(columns + last[len(last.rstrip("\r\n")) :])
            target.writelines(stream)
        return copy

    def _clean(self, bad: BadRows) -> Path:
        """A copy of the file with all its good rows, each followed by its line. Bad rows are added
        to `bad`."""
        header, label = self.header, self.file.label
        width = len(header.names)
        position = header.names.index(self._spec.key) if self._spec.key in header.names else None
        copy = self._workspace.new(".csv")
        with self._open(self._text, "utf-8-sig") as stream, private(copy) as target:
            write = csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
            # a header without line breaks, by which DuckDB knows what ends a line
            write([*map(str, range(width)), "line"])
            for row in islice(read_rows(stream, header.delimiter), 1, None):
                fits = len(row.fields) == width or (
                    len(row.fields) > width and not any(row.fields[width:])
                )
                # separators after the last field mean nothing, to DuckDB too
                if row.fault is None and fits:
                    write([*row.fields[:width], row.line])
                    continue
                wrong = row.fault or f"has {_fields(len(row.fields))} where the header has {width}"
                if row.cut and (row.fault is not None or len(row.fields) < width):
                    raise SourceUnavailable(
                        f"{label} ends in the middle of a row; is it still being written?",
                        details=[
                            f"line {row.line}, the last one, {wrong} and no line break after it"
                        ],
                        hint="try again when it is complete",
                    )
                if position is None:
                    raise SourceFormatError(
                        f"{self._spec.setting('query')}: {label}, line {row.line} {wrong}",
                        hint=(
                            f'without a column "{self._spec.key}" nobody can tell whose records the'
                            " row would change"
                        ),
                    )
                key = row.fields[position].strip(WHITE_SPACE) if position < len(row.fields) else ""
                cells = dict(zip(header.names, row.fields, strict=False))
                # "7" "x" may be meant for 7
                pieces = (piece for cell in row.fields for piece in (cell, *cell.split('"')))
                fields = frozenset(piece.strip(WHITE_SPACE) for piece in pieces)
                bad.add(
                    BadRow(
                        label,
                        row.line,
                        row.line,
                        key or None,
                        f"{wrong}; the row is left out",
                        cells,
                        fields,
                    )
                )
        return copy

    @contextmanager
    def _open(self, path: Path, encoding: str) -> Iterator[TextIO]:
        try:
            with path.open(encoding=encoding, newline="") as stream:
                yield stream
        except UnicodeDecodeError:
            encodings.explain(
                self._spec, self.file.path, self.file.label, self.file.encoding or "utf-8"
            )


def _strip(row: Row) -> list[str]:
    return [field.strip(WHITE_SPACE + "\ufeff") for field in row.fields]


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"
