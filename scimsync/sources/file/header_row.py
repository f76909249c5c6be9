"""Find the header of delimited text: the row that names the columns, and the lines above it.

Exports begin with `sep=;` (Excel), `#TYPE …` (PowerShell), or a title and a date. The header is the
first row that has the key column, if the rows above it have few cells; without one, the first row
that fills most columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import normalize

from scimsync.sources.duckdb_sql import WHITE_SPACE
from scimsync.sources.file.delimited_rows import CsvRow, read_rows

LINES = 50
"""The number of lines, after those to skip, in which a header is looked for."""

_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_TYPE = re.compile(r'"?#TYPE \S')
_UNDERLINE = re.compile(r"[-=]{2,}|-")
_NO_LETTER = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class FoundHeader:
    """A header, or where the rows begin in a file without one.

    `row` is the row that names the columns, if there is one. `end` is the last line that is not a
    row of data, 0 if there is none. `width` is the usual number of fields of the rows; an empty one
    after a delimiter at the end does not count.
    """

    row: CsvRow | None
    delimiter: str
    end: int
    width: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, stripped."""
        return () if self.row is None else strip(self.row)


@dataclass(frozen=True, slots=True)
class HeaderHints:
    """What is known beforehand: the key column, and the settings of the source."""

    key: str
    skip: int | None = None
    headers: Sequence[str] | None = None
    comment: str | None = None


def find_header(
    lines: Sequence[str], delimiters: Sequence[str], settings: HeaderHints
) -> FoundHeader | None:
    """Return the header of a text that begins with `lines`, or None if there is no row.

    `delimiters` are the possible ones. `lines` keep their line breaks.
    """
    first = _first_line(lines) if settings.skip is None else settings.skip
    if first and settings.skip is None and (mark := _SEPARATOR.fullmatch(lines[0])):
        delimiters = [mark[1]] if len(delimiters) != 1 else delimiters
    comment = settings.comment
    body = [
        "\n" if comment is not None and line.lstrip().startswith(comment) else line
        for line in lines[first:]
    ]
    options = [
        option
        for delimiter in delimiters
        if (rows := list(read_rows(body, delimiter, first)))
        for option in [_choose(rows, delimiter, first, settings)]
    ]
    return max(options, key=lambda option: option[0])[1] if options else None


def is_repeated(fields: Sequence[str], header: Sequence[str]) -> bool:
    """Return whether a row repeats the header, as in files that were appended to each other."""
    return [normalize("NFC", field.strip(WHITE_SPACE)) for field in fields] == list(header)


def strip(row: CsvRow) -> tuple[str, ...]:
    """Return the fields of a row without white space around them, in the usual form of Unicode.

    A text that macOS or Java wrote may have its accents apart (NFD), which looks the same.
    """
    return tuple(normalize("NFC", field.strip(WHITE_SPACE)) for field in row.fields)


def _first_line(lines: Sequence[str]) -> int:
    """Return the number of lines at the top that programs write for themselves."""
    return int(bool(lines) and bool(_SEPARATOR.fullmatch(lines[0]) or _TYPE.match(lines[0])))


def _choose(
    rows: Sequence[CsvRow], delimiter: str, first: int, settings: HeaderHints
) -> tuple[tuple[bool, bool, int], FoundHeader]:
    """Return the header of the `rows` that a delimiter gives, after how well it fits."""
    width = _usual_width(rows)
    if settings.headers is not None:
        return _given(rows, delimiter, first, width, tuple(settings.headers))
    at = 0 if settings.skip is not None else _header_row(rows, width, settings.key)
    if settings.skip is None and len(rows) > at + 1:
        at += _is_group_of_names(strip(rows[at]), strip(rows[at + 1]), settings.key)
    header = rows[at]
    end = header.end
    if len(rows) > at + 1 and _is_second_header(strip(rows[at + 1]), strip(header)):
        end = rows[at + 1].end
    near = [row for row in rows[at + 1 :] if abs(len(row.fields) - len(header.fields)) <= 1]
    fits = len(header.fields) > 1 and 2 * len(near) >= len(rows) - at - 1
    score = bool(settings.key) and settings.key in strip(header), fits, len(header.fields)
    return score, FoundHeader(header, delimiter, end, width)


def _usual_width(rows: Sequence[CsvRow]) -> int:
    """Return the number of cells that most rows have."""
    sound = Counter(len(row.fields) for row in rows if row.problem is None)
    return max(sound.items(), key=lambda item: (item[1], item[0]))[0] if sound else 1


def _given(
    rows: Sequence[CsvRow], delimiter: str, first: int, width: int, names: tuple[str, ...]
) -> tuple[tuple[bool, bool, int], FoundHeader]:
    """Return the same for a file whose columns sync.toml names."""
    replaced = rows[0] if _names_alike(strip(rows[0]), names) else None
    end = first if replaced is None else replaced.end
    usual = [row.fields for row in rows if len(row.fields) == width]
    if width > len(names) and not any(fields[-1].strip(WHITE_SPACE) for fields in usual):
        width -= 1
    fits = width == len(names)
    return (fits and width > 1, False, width), FoundHeader(replaced, delimiter, end, width)


def _header_row(rows: Sequence[CsvRow], width: int, key: str) -> int:
    """Return the place of the header: by the key column, or else by the cells that are filled."""
    filled = [sum(map(bool, strip(row))) for row in rows]
    for at, row in enumerate(rows):
        if (
            key
            and key in strip(row)
            and all(above <= max(1, filled[at] // 2) for above in filled[:at])
        ):
            return at
    return next((at for at, number in enumerate(filled) if 2 * number > width), 0)


def _is_group_of_names(fields: Sequence[str], below: Sequence[str], key: str) -> bool:
    """Return whether a row names groups of columns, whose names are in the row below.

    A cell that is merged over both rows is in both.
    """
    if key:
        return any(a == b == key for a, b in zip(fields, below, strict=False))
    return bool(fields) and fields[0] != "" and fields[:1] == below[:1]


def _is_second_header(fields: Sequence[str], header: Sequence[str]) -> bool:
    """Return whether the row below the header underlines it or has the names in another form."""
    cells = [field for field in fields if field]
    if cells and all(_UNDERLINE.fullmatch(cell) for cell in cells):
        return len(cells) == sum(map(bool, header))
    return len(cells) > 1 and _names_alike(fields, header)


def _names_alike(fields: Sequence[str], names: Sequence[str]) -> bool:
    """Return whether most of the filled fields are the names, apart from case and punctuation."""
    filled = [(_letters(field), _letters(name)) for field, name in zip(fields, names, strict=False)]
    filled = [(field, name) for field, name in filled if field]
    return bool(filled) and 2 * sum(field == name for field, name in filled) > len(filled)


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text).casefold()
