"""Find the error cells of a sheet in an .xls file, for which calamine gives empty cells.

An .xls file is a compound file (MS-CFB) with a stream of records (MS-XLS). Of these, `BoolErr`
(2.4.24) and `Formula` (2.4.127) hold errors.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

_ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
}  # MS-XLS 2.5.10, BErr
_BOUND_SHEET, _BEGIN, _END, _BOOL_ERR, _FORMULA = 0x85, 0x809, 0x0A, 0x205, 0x06
_LAST_SECTOR = 0xFFFFFFFA
_NAMES = ("Workbook", "Book")


def error_cells(path: Path, sheet: str) -> Mapping[tuple[int, int], str]:
    """Return the errors of a sheet by row and column, from 0.

    Raise ValueError or struct.error if the file is malformed.
    """
    stream = _workbook(path.read_bytes())
    start = next((at for name, at in _sheets(stream) if name == sheet), None)
    found: dict[tuple[int, int], str] = {}
    depth = 0
    for kind, body in _records(stream, len(stream) if start is None else start):
        depth += (kind == _BEGIN) - (kind == _END)
        if depth == 0:
            break
        code = None
        if kind == _BOOL_ERR and len(body) >= 8 and body[7]:
            code = body[6]
        elif kind == _FORMULA and len(body) >= 14 and body[12:14] == b"\xff\xff" and body[6] == 2:
            code = body[8]
        if code is not None:
            row, column = struct.unpack_from("<HH", body)
            found[row, column] = _ERRORS.get(code, "an error")
    return found


def _sheets(stream: bytes) -> Iterator[tuple[str, int]]:
    """Yield the names of the sheets, and where their records begin."""
    for kind, body in _records(stream, 0):
        if kind == _END:
            return
        if kind == _BOUND_SHEET:
            (start,) = struct.unpack_from("<I", body)
            wide = body[7] & 1
            text = body[8 : 8 + body[6] * (2 if wide else 1)]
            yield text.decode("utf-16-le" if wide else "latin-1"), start


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _workbook(file: bytes) -> bytes:
    """Return the stream of the workbook (MS-CFB 2.2, 2.3, 2.6)."""
    shift, small_shift = struct.unpack_from("<HH", file, 30)
    if shift not in (9, 12) or small_shift != 6:
        raise ValueError("it is not a compound file")
    directory, _, cutoff, small_table = struct.unpack_from("<IIII", file, 48)
    size = 1 << shift

    def sector(number: int) -> bytes:
        return file[(number + 1) * size : (number + 2) * size]

    places = list(struct.unpack_from("<109I", file, 76))
    (more,) = struct.unpack_from("<I", file, 68)
    while more < _LAST_SECTOR and len(places) * size <= len(file) + 109 * size:
        *numbers, more = struct.unpack(f"<{size // 4}I", sector(more))
        places += numbers
    table = _numbers(b"".join(sector(place) for place in places if place < _LAST_SECTOR))

    def chain(start: int) -> bytes:
        return b"".join(sector(number) for number in _chain(table, start))

    entries = chain(directory)
    small = b""
    for at in range(0, len(entries) - 127, 128):
        (length,) = struct.unpack_from("<H", entries, at + 64)
        name = entries[at : at + max(length - 2, 0)].decode("utf-16-le", "replace")
        start, total = struct.unpack_from("<II", entries, at + 116)
        if at == 0:
            small = chain(start)
        elif name in _NAMES and total >= cutoff:
            return chain(start)[:total]
        elif name in _NAMES:
            pieces = _chain(_numbers(chain(small_table)), start)
            return b"".join(small[n << 6 : (n + 1) << 6] for n in pieces)[:total]
    raise ValueError("it has no workbook")


def _numbers(sectors: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(sectors) // 4}I", sectors[: len(sectors) // 4 * 4])


def _chain(table: tuple[int, ...], start: int) -> list[int]:
    """Return the sectors that follow each other from `start`."""
    found: list[int] = []
    while start < len(table):
        if len(found) >= len(table):
            raise ValueError("its sectors form a loop")
        found.append(start)
        start = table[start]
    return found
