"""Find rows of CSV that a quoted cell has swallowed, between two stray quotes in different rows.

A quoted cell may have line breaks, as addresses and notes do. Its row then takes several lines,
which share the delimiters of one row. A row swallows others if its first line has the delimiters of
a whole row, and so has a later line, with a key at its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from scimsync.sources.file.delimited_rows import CsvRow

_NARROW = 3  # columns: a line of a note may have as many delimiters
_OTHER_BYTES = bytes({*range(256)} - {*b'"\r\n'})


@dataclass(frozen=True, slots=True)
class RowShape:
    """What one line of a whole row looks like: `least` to `width` fields, and the key at `key`."""

    delimiter: str
    least: int
    width: int
    key: int | None

    def is_swallowing(self, lines: Iterable[str]) -> bool:
        """Return whether there may be a row that swallows others, given all lines of a file."""
        begins = is_open = False
        for line in lines:
            if is_open and begins and self._is_row(line):
                return True
            if line.count('"') % 2:
                is_open = not is_open
                begins = is_open and self._begins(line)
        return False

    def checked(self, row: CsvRow) -> CsvRow:
        """Return the row, with a problem and with all pieces as fields if it swallows others."""
        if row.problem is not None or not row.lines or not self._swallows(row.lines):
            return row
        pieces = [
            piece.strip(' "')
            for line in row.lines
            for piece in line.rstrip("\r\n").split(self.delimiter)
        ]
        problem = f"has a quoted cell that holds whole rows, up to line {row.end}"
        return replace(row, fields=pieces, problem=problem, code="SYNC-0226")

    def _swallows(self, lines: Iterable[str]) -> bool:
        first, *others = lines
        found = map(self._is_row, others)
        return self._begins(first) and (all(found) if self.width <= _NARROW else any(found))

    def _begins(self, line: str) -> bool:
        return line.count(self.delimiter) >= max(1, self.least - 1)

    def _is_row(self, line: str) -> bool:
        fields = line.rstrip("\r\n").split(self.delimiter)
        if not max(2, self.least) <= len(fields) <= self.width:
            return False
        return self.key is None or len(fields[self.key].strip(' "').split()) == 1


def has_open_lines(lines: bytes) -> bool:
    """Return whether one of the whole lines has an odd number of quotes."""
    return b'"' in lines.translate(None, _OTHER_BYTES).replace(b'""', b"")
