"""Read CSV and TSV: the header, the delimiter, and the rows, all as text."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TextIO

from scimsync.errors import SourceFormatError
from scimsync.sources.base import RejectedRows
from scimsync.sources.file import encodings, swallowed_rows
from scimsync.sources.file.content import content
from scimsync.sources.file.delimited_rows import read_rows
from scimsync.sources.file.footer import ends_with_footer
from scimsync.sources.file.header_row import LINES
from scimsync.sources.file.swallowed_rows import RowShape
from scimsync.sources.file.tabular import TabularReader
from scimsync.sources.workspace import new_private_file

_DELIMITERS = (",", ";", "\t", "|")
_WEB_PAGE = ("<!doctype html", "<html")
_PIECE = 4 << 20
_TWO_QUOTED_TEXTS = re.compile(rb'" +"')


class DelimitedReader(TabularReader):
    """A `FileReader` for CSV and TSV."""

    def is_reliable(self) -> bool:
        """Return False if DuckDB may misread a row without an error.

        It reads two quoted texts in one cell, as in `"1" "x"`, as one text, `1 x` (DuckDB 2.0). It
        knows neither comments nor lines below the table, nor cells that swallow rows. A careful
        reading does.
        """
        if self._spec.settings.comment is not None:
            return False
        if ends_with_footer(self._text, self.header.delimiter):
            return False
        has_open_lines = False
        # the file is not mapped into memory: if it shrank meanwhile, that would kill the process
        with self._text.open("rb") as stream:
            before = b""
            while piece := stream.read(_PIECE):
                piece += stream.readline()
                has_open_lines = has_open_lines or swallowed_rows.has_open_lines(piece)
                both = before + piece
                if b'" ' in both and _TWO_QUOTED_TEXTS.search(both):
                    return False
                kept = both.rstrip(b" ")
                before = both[len(kept) - 1 :] if kept.endswith(b'"') else b""
        if not has_open_lines:
            return True
        with self._open(self._text, "utf-8-sig") as stream:
            return not self._shape.is_swallowing(stream)

    @property
    def _shape(self) -> RowShape:
        header = self.header
        places = header.places(self._spec.key)
        key = places[0] if places else None
        return RowShape(header.delimiter, header.least, len(header.names), key)

    def _start(self) -> Sequence[str]:
        with self._open(self._content, self.file.encoding or "utf-8") as stream:
            start = list(islice(stream, (self._spec.settings.skip or 0) + LINES))
        if start and start[0].lstrip().lower().startswith(_WEB_PAGE):
            raise SourceFormatError(
                f"{self._spec.setting('path')}: {self.file.label} is a web page",
                hint="it may be the sign-in page of the program that exports the file",
                code="SYNC-0208",
            )
        return start

    def _delimiters(self) -> Sequence[str]:
        chosen = self._spec.settings.delimiter
        if chosen is None:
            return "\t" if self.file.format == "tsv" else _DELIMITERS
        return (chosen,)

    def _scan(self, used: Collection[str], rejected: RejectedRows | None) -> str:  # noqa: ARG002
        if rejected is None:
            return self._read_csv(self._rows, self.header.delimiter, numbered=False)
        return self._read_csv(self._clean(rejected), ",", numbered=True)

    @cached_property
    def _content(self) -> Path:
        return content(self._spec, self.file, self._workspace)

    @cached_property
    def _text(self) -> Path:
        """The file as UTF-8."""
        if self.file.is_utf8:
            return self._workspace.readable(self._content)
        copy = self._workspace.new(".csv")
        encodings.to_utf8(
            self._spec, self._content, self.file.label, self.file.encoding or "utf-8", copy
        )
        return copy

    @cached_property
    def _is_plain(self) -> bool:
        """Whether the first line of the file is the header, and DuckDB skips it correctly."""
        header = self.header
        with self._text.open("rb") as stream:
            # the byte order mark hides the quote from DuckDB
            marked = stream.read(3) == codecs.BOM_UTF8
            hidden = marked and stream.read(64).lstrip(b" ").startswith(b'"')
        return header.end == 1 and len(header.title) == len(header.names) and not hidden

    @cached_property
    def _rows(self) -> Path:
        """The file as UTF-8, with a plain header instead of its own unless that is plain."""
        if self._is_plain:
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
            # a header without line breaks, which shows DuckDB the line ending
            write([*map(str, range(len(self.header.names))), "line"])
            end = self.header.end
            read = read_rows(islice(stream, end, None), self.header.delimiter, end)
            rows = map(self._shape.checked, read)
            for row, fields in self._judge().records(rows, rejected):
                write([*fields, row.line])
        return copy

    @contextmanager
    def _open(self, path: Path, encoding: str) -> Iterator[TextIO]:
        try:
            with path.open(encoding=encoding, newline="") as stream:
                yield stream
        except UnicodeDecodeError:
            encodings.explain(
                self._spec, self._content, self.file.label, self.file.encoding or "utf-8"
            )
