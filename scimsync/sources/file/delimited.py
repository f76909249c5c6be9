# ruff: noqa: S608 - SQL of quoted names only
"""Read CSV and TSV: the header, the delimiter, and the rows, all as text."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TextIO

from scimsync.errors import SourceFormatError
from scimsync.formatting import plural
from scimsync.sources.base import RejectedRows, SourceSpec
from scimsync.sources.duckdb_sql import WHITE_SPACE, array, literal, name, stripped
from scimsync.sources.file import encodings
from scimsync.sources.file.csv_rows import read_rows
from scimsync.sources.file.find import File
from scimsync.sources.file.footer import ends_with_footer
from scimsync.sources.file.header import LINES, FoundHeader, HeaderSettings, find_header
from scimsync.sources.file.reader import NOTHING, numbered
from scimsync.sources.file.row_expression import parse_expression
from scimsync.sources.file.row_judge import Header, RowCondition, RowJudge
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import Workspace, new_private_file
from scimsync.tomltext import toml_string

_DELIMITERS = (",", ";", "\t", "|")
_WEB_PAGE = ("<!doctype html", "<html")
_PIECE = 4 << 20
_TWO_QUOTED_TEXTS = re.compile(rb'" +"')


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
        return f"select {', '.join(columns)} from {self._scan(rejected)}{self._not_title(names)}"

    def view(self, rejected: RejectedRows | None = None) -> str:
        repeated = self.repeated()
        names = [column for column in self.types() if column not in repeated]
        columns = ", ".join(f"c{at} as {name(column)}" for at, column in enumerate(names))
        return f"select {columns} from ({self.select(names, rejected)})"

    def is_reliable(self) -> bool:
        """Return False if DuckDB may misread a row without an error.

        It reads two quoted texts in one cell, as in `"1" "x"`, as one text, `1 x` (DuckDB 2.0). It
        knows neither comments nor lines below the table. A careful reading does.
        """
        if self._spec.settings.comment is not None:
            return False
        if ends_with_footer(self._text, self.header.delimiter):
            return False
        # the file is not mapped into memory: if it shrank meanwhile, that would kill the process
        with self._text.open("rb") as stream:
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
        """The header. Raise SourceFormatError if the file has none that can be used."""
        settings = self._spec.settings
        with self._open(self.file.path, self.file.encoding or "utf-8") as stream:
            start = list(islice(stream, (settings.skip or 0) + LINES))
        known = HeaderSettings(self._spec.key, settings.skip, settings.headers, settings.comment)
        found = find_header(start, self._delimiters(), known)
        where = f"{self._spec.setting('path')}: {self.file.label}"
        if start and start[0].lstrip().lower().startswith(_WEB_PAGE):
            raise SourceFormatError(
                f"{where} is a web page",
                hint="it may be the sign-in page of the program that exports the file",
                code="SYNC-0208",
            )
        if found is None:
            raise SourceFormatError(f"{where} has no header", code="SYNC-0206")
        row = found.row
        if row is not None and row.problem is not None:
            raise SourceFormatError(
                f"{where}, line {row.line}: the header {row.problem}", code="SYNC-0206"
            )
        if settings.headers is not None:
            self._check_headers(settings.headers, found)
        names = settings.headers or found.names
        # the byte order mark hides the quote from DuckDB
        hidden = self.file.encoding == "utf-8-sig" and start[0].lstrip(" ").startswith('"')
        plain = found.end == 1 and row is not None and len(row.fields) == len(names) and not hidden
        return Header(tuple(names), found.names, found.delimiter, found.end, plain)

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

    def _column(self, column: str | None) -> str:
        at = [] if column is None else self.header.places(column)
        if len(at) > 1:
            raise self.repeated()[column or ""]
        return self._cell(at[0]) if at else "null::varchar"

    def _cell(self, at: int) -> str:
        return stripped(f"f{at}") if self._spec.settings.trim else f"f{at}"

    def _not_title(self, names: Sequence[str]) -> str:
        """Return a condition that leaves out rows that repeat the header, by the cells `names`.

        It fails for a row that has the names in another order, so that the file is read carefully.
        """
        title = self.header.title
        at = [place for name in names if name for place in self.header.places(name)]
        if not (title and at):
            return ""
        # Lists, and the first cell alone before them: an expression takes memory for each of its
        # parts, and a comparison of each cell with each name has too many in a wide file.
        known, expected = array(filter(None, title)), array(title[place] for place in at)
        cells = f"[{', '.join(f'f{place}' for place in at)}]"
        if self._spec.settings.trim:
            cells = f"list_transform({cells}, lambda x: trim(x, {literal(WHITE_SPACE)}))"
        other = "error('another header')" if len(at) > 1 else "true"
        return (
            f" where case when not list_contains({known}, {self._cell(at[0])}) then true when not"
            f" list_has_all({known}, {cells}) then true when {cells} = {expected} then false else"
            f" {other} end"
        )

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
            above = list(islice(stream, self.header.end))
            rest = above[-1:] or list(islice(stream, 1))
            ending = rest[0][len(rest[0].rstrip("\r\n")) :] or "\n"
            columns = map(str, range(len(self.header.names)))
            target.write(self.header.delimiter.join(columns) + ending)
            target.writelines([] if above else rest)
            target.writelines(stream)
        return copy

    def _clean(self, rejected: RejectedRows) -> Path:
        """Return a copy of the file with its good rows, each followed by its line."""
        copy = self._workspace.new(".csv")
        with self._open(self._text, "utf-8-sig") as stream, new_private_file(copy) as target:
            write = csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
            # a header without line breaks, from which DuckDB learns what ends a line
            write([*map(str, range(len(self.header.names))), "line"])
            end = self.header.end
            rows = read_rows(islice(stream, end, None), self.header.delimiter, end)
            judge = RowJudge(self._spec, self.file.label, self.header, self._condition())
            for row, fields in judge.records(rows, rejected):
                write([*fields, row.line])
        return copy

    def _condition(self) -> RowCondition | None:
        expression = None
        if self._spec.settings.path is not None:  # in a query, `where` is about its result
            expression = parse_expression(self._spec, "where", self._workspace)
        if expression is None:
            return None
        return RowCondition(expression, self._workspace)

    @contextmanager
    def _open(self, path: Path, encoding: str) -> Iterator[TextIO]:
        try:
            with path.open(encoding=encoding, newline="") as stream:
                yield stream
        except UnicodeDecodeError:
            encodings.explain(
                self._spec, self.file.path, self.file.label, self.file.encoding or "utf-8"
            )
