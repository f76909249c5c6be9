"""Find the cells of a sheet that have no value: errors such as #N/A, and formulas never calculated.

calamine gives an empty cell for both, as if someone had cleared it. So the XML of the sheet is
searched for them (ECMA-376, 18.3.1.4 `c`, 18.3.1.40 `f`; OpenDocument 1.3, 19.387). In .xls files
only errors are found (`biff`), and in .xlsb files neither.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

from scimsync.errors import SourceFormatError
from scimsync.sources.file.biff import error_cells

Cell = tuple[int, int]
"""Row and column, from 0."""

MOST_CELLS = 40_000_000
"""The most cells between the first and the last one: calamine keeps memory for all of them."""

_MOST_FAULTS = 200_000
_PIECE = 4 << 20
_UNCALCULATED = "a formula without a result"
_NEAR = 26  # columns, A to Z
_FAR = re.compile(rb'r="(?:[A-Z]{2}|[A-Z]?[0-9]{6})')
_ANY_REFERENCE = re.compile(rb'r="([A-Z]{0,3})([0-9]{1,7})"')
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_TEXT = re.compile(rb'\bt="(?:str|s|inlineStr)"')
_ROOT = re.compile(rb"<(?:(\w+):)?worksheet\b")


class _Patterns:
    """Patterns for the elements of a sheet, whose names may have a prefix.

    They begin with literal text, which is ten times as fast as an optional prefix.
    """

    def __init__(self, prefix: bytes) -> None:
        p = prefix + b":" if prefix else b""
        self.row_end = b"</" + p + b"row>"
        self.row_start = b"<" + p + b"row"
        self.numbered_row = self.row_start + b' r="'
        self.cell_start = re.compile(rb"<" + p + rb"c\b")
        self.row = re.compile(rb"<" + p + rb'row\b[^>]*?\br="(\d+)"')
        self.any_row = re.compile(rb"<" + p + rb"row\b[^>]*")
        self.formula = b"<" + p + b"f"
        self.error = re.compile(
            rb"<" + p + rb'c\b([^>]*\bt="e"[^>]*)>(.*?)</' + p + rb"c>", re.DOTALL
        )
        self.value = re.compile(rb"<" + p + rb"v>([^<]*)<")
        self.no_result = re.compile(
            rb"<P:c\b([^>]*)>\s*<P:f\b(?:[^>]*/>|[^>]*>[^<]*</P:f>)\s*"
            rb"(?:<P:v\s*/>|<P:v></P:v>)?\s*</P:c>".replace(b"P:", p)
        )


def cell_faults(path: Path, kind: str, sheet: str, where: str) -> Mapping[Cell, str]:
    """Return the contents of the cells of a sheet without a value, such as `#N/A`.

    `kind` is the extension of the actual format, and `where` is for messages. Raise
    SourceFormatError if there are very many, or the sheet is very large.
    """
    if kind == ".xls":
        return error_cells(path, sheet)
    if kind not in (".xlsx", ".ods"):
        return {}
    with zipfile.ZipFile(path) as package:
        if kind == ".ods":
            return _faults_of_ods(package, sheet, where)
        part = _part_of_sheet(package, sheet)
        found: dict[Cell, str] = {}
        if part is not None:
            with package.open(part) as stream:
                _scan(stream, found, where)
        for name in package.namelist():  # read to the end, so that no size is a lie
            if name.endswith("sharedStrings.xml"):
                with package.open(name) as stream:
                    while stream.read(_PIECE):
                        pass
        return found


def _scan(stream: IO[bytes], found: dict[Cell, str], where: str) -> None:
    """Add the faults of the sheet `stream`. Most sheets have none, and are searched only once."""
    rows = width = counted = 0
    for piece, patterns in _whole_rows(stream):
        before = counted
        if patterns.numbered_row not in piece:
            counted += piece.count(patterns.row_start)
        if width > _NEAR or _FAR.search(piece):
            for letters, number in set(_ANY_REFERENCE.findall(piece)):
                rows, width = max(rows, int(number)), max(width, _column(letters) + 1)
            if rows * max(width, _NEAR) > MOST_CELLS:
                raise _too_large(where)
        if b't="e"' in piece:
            for match in patterns.error.finditer(piece):
                value = patterns.value.search(match[2])
                text = value[1].decode("utf-8", "replace") if value else "an error"
                found[_place(match, piece, before, patterns)] = text
        if patterns.formula in piece:
            for match in patterns.no_result.finditer(piece):
                if not _TEXT.search(match[1]):
                    found[_place(match, piece, before, patterns)] = _UNCALCULATED
        if len(found) > _MOST_FAULTS:
            raise _too_many(where)


def _whole_rows(stream: IO[bytes]) -> Iterator[tuple[bytes, _Patterns]]:
    """Yield the XML of a sheet, with double quotes, in pieces that end between two rows."""
    rest = stream.read(_PIECE)
    root = _ROOT.search(rest)
    patterns = _Patterns(b"" if root is None else root[1] or b"")
    single = b"='" in rest
    while rest:
        more = stream.read(_PIECE)
        end = rest.rfind(patterns.row_end) + len(patterns.row_end)
        if not more or end < len(patterns.row_end):
            end = len(rest) if not more else 0
        if end:
            piece = rest[:end]
            yield (piece.replace(b"'", b'"') if single else piece), patterns
        rest = rest[end:] + more


def _place(match: re.Match[bytes], piece: bytes, rows_before: int, patterns: _Patterns) -> Cell:
    """Return where a cell is: by its reference, or else by counting."""
    reference = _REFERENCE.search(match[1])
    if reference is not None:
        return int(reference[2]) - 1, _column(reference[1])
    above = list(patterns.any_row.finditer(piece, 0, match.start()))
    number = patterns.row.match(above[-1][0]) if above else None
    row = int(number[1]) if number else rows_before + len(above)
    start = above[-1].end() if above else 0
    return row - 1, len(patterns.cell_start.findall(piece, start, match.start()))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _part_of_sheet(package: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the name of the part that holds a sheet (ECMA-376, 12.3.24)."""
    ids: dict[str, str] = {}
    targets: dict[str, str] = {}

    def found_sheet(name: str, attributes: dict[str, str]) -> None:
        if name.endswith(" sheet") or name == "sheet":
            identity = next((v for n, v in attributes.items() if n.endswith(" id")), "")
            ids[attributes.get("name", "")] = identity

    def found_target(_name: str, attributes: dict[str, str]) -> None:
        if "Target" in attributes:
            targets[attributes.get("Id", "")] = attributes["Target"]

    names = set(package.namelist())
    relations = "xl/_rels/workbook.xml.rels"
    if relations not in names:
        return None
    _parse(package.read("xl/workbook.xml"), found_sheet)
    _parse(package.read(relations), found_target)
    target = targets.get(ids.get(sheet, ""))
    if target is None:
        return None
    path = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return path if path in names else None


def _parse(text: bytes, start: Any) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.Parse(text, True)


def _faults_of_ods(package: zipfile.ZipFile, sheet: str, where: str) -> Mapping[Cell, str]:
    found: dict[Cell, str] = {}
    with package.open("content.xml") as stream:
        has_error = any(b'value-type="error"' in piece for piece in _overlapping(stream))
    if has_error:
        reader = _OdsReader(sheet, found, where)
        parser = expat.ParserCreate()
        parser.StartElementHandler = reader.start
        parser.EndElementHandler = reader.end
        parser.CharacterDataHandler = reader.text
        with package.open("content.xml") as stream:
            parser.ParseFile(stream)
    return found


def _overlapping(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while piece := stream.read(_PIECE):
        yield rest + piece
        rest = piece[-64:]


class _OdsReader:
    """Follows the rows and columns of `content.xml`, with those that are repeated."""

    def __init__(self, sheet: str, found: dict[Cell, str], where: str) -> None:
        self._sheet = sheet
        self._found = found
        self._where = where
        self._inside = False
        self._row = self._column = self._rows = self._columns = 0
        self._error: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self._inside = attributes.get("table:name") == self._sheet
            self._row = 0
        elif not self._inside:
            return
        elif name == "table:table-row":
            self._rows = int(attributes.get("table:number-rows-repeated", "1"))
            self._column = 0
        elif name in ("table:table-cell", "table:covered-table-cell"):
            self._columns = int(attributes.get("table:number-columns-repeated", "1"))
            if attributes.get("calcext:value-type") == "error":
                self._error = []

    def text(self, data: str) -> None:
        if self._error is not None:
            self._error.append(data)

    def end(self, name: str) -> None:
        if not self._inside:
            return
        if name == "table:table-row":
            self._row += self._rows
        elif name in ("table:table-cell", "table:covered-table-cell"):
            if self._error is not None:
                if len(self._found) + self._rows * self._columns > _MOST_FAULTS:
                    raise _too_many(self._where)
                text = "".join(self._error).strip() or "an error"
                for row in range(self._row, self._row + self._rows):
                    for column in range(self._column, self._column + self._columns):
                        self._found[row, column] = text
                self._error = None
            self._column += self._columns


def _too_large(where: str) -> SourceFormatError:
    return SourceFormatError(
        f"{where}: the sheet has cells too far apart",
        hint=(
            "delete cells far below or far to the right of the table; "
            f"{MOST_CELLS:,} cells are read"
        ),
        code="SYNC-0235",
    )


def _too_many(where: str) -> SourceFormatError:
    return SourceFormatError(
        f"{where}: more than {_MOST_FAULTS:,} cells have no value: they are errors such as #N/A, or"
        " formulas without a result",
        hint="open it in Excel or LibreOffice, look at the formulas, and save it again",
        code="SYNC-0235",
    )
