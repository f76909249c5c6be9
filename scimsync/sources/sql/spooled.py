# ruff: noqa: S608 - SQL of numbered columns only
"""The rows of a query in a private file, as DuckDB reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from scimsync.sources.duckdb_sql import literal
from scimsync.sources.relation import Part

BATCH = 100
"""The number of rows that are fetched and written at once: so few that their memory is used again
for the next ones. With more, the C library returns it to the system each time, and asks for it."""

MAX_ROW_BYTES = 64_000_000
"""A row that is longer does not fit into the memory that DuckDB may use."""


class Spooled(Protocol):
    """All rows of a result.

    `columns` are the names of all its columns in order; `digest` is that of the rows.
    """

    @property
    def columns(self) -> Sequence[str]: ...

    @property
    def digest(self) -> str: ...

    @property
    def rows(self) -> int: ...

    def part(self, names: Sequence[str], *, numbered: bool) -> Part:
        """Return the columns `names`, each of which is one of `columns` and was wanted."""
        ...


class Reader(Protocol):
    """A database of one kind.

    Both methods connect, and raise SourceUnavailable or SourceFormatError.
    """

    def columns(self) -> list[str]:
        """Return the names of the columns, as they are, reading no row if the database lets it."""
        ...

    def read(
        self, path: Path, limit: int | None = None, wanted: Collection[str] | None = None
    ) -> Spooled:
        """Write the rows to the new file `path` (mode 0600), at most `limit` of them.

        Columns may be left out that are not `wanted`; None if all are.
        """
        ...


class RowTooLong(ValueError):
    """A row has more than `MAX_ROW_BYTES`. The argument is its number, from 1."""


class RowFile:
    """Writes rows, one a line, and keeps count of them, of their digest, and of the longest."""

    def __init__(self, stream: BinaryIO, shape: object) -> None:
        self._stream = stream
        self._digest = hashlib.sha256(json.dumps(shape).encode())  # processors have it built in
        self.rows = 0
        self.longest = 0

    def add(self, lines: Sequence[bytes | memoryview]) -> None:
        """Write lines that end with their line break. Raise RowTooLong."""
        longest = max(map(len, lines), default=0)
        if longest > MAX_ROW_BYTES:
            at = next(at for at, line in enumerate(lines, 1) if len(line) == longest)
            raise RowTooLong(self.rows + at)
        self.longest = max(self.longest, longest)
        self.rows += len(lines)
        chunk = b"".join(lines)
        self._digest.update(chunk)
        self._stream.write(chunk)

    @property
    def digest(self) -> str:
        """The digest of the shape and of all rows in their order."""
        return self._digest.hexdigest()


@dataclass(frozen=True, slots=True)
class JsonRows:
    """Rows as JSON arrays (RFC 8259) without white space between the tokens.

    They hold the values of the columns `kept`, or of all `columns` if that is None.
    """

    path: Path
    columns: tuple[str, ...]
    digest: str
    rows: int
    longest: int
    kept: tuple[str, ...] | None = None

    def part(self, names: Sequence[str], *, numbered: bool) -> Part:
        """See `Spooled.part`. All values are JSON."""
        kept = self.columns if self.kept is None else self.kept
        at = {name: place for place, name in enumerate(kept)}
        pointers = ", ".join(f"'$[{at[name]}]'" for name in names)
        columns = [f"j[{place + 1}] as c{place}" for place in range(len(names))]
        number = ", row_number() over () as row" if numbered else ""
        table = (
            f"read_json_objects({literal(str(self.path))}, format = 'newline_delimited',"
            f" maximum_object_size = {max(16_777_216, self.longest + 1)})"
        )
        return Part(
            f"select {', '.join([*columns, *['row'] * numbered])} from"
            f" (select json_extract(json, [{pointers}]) as j{number} from {table})",
            ("JSON",) * len(names),
            compact=True,
        )


@dataclass(frozen=True, slots=True)
class CopiedRows:
    """Rows in the text format of PostgreSQL's COPY, below a line with the numbers of the columns.

    `cells` are the SQL for the value of each column that was wanted, and the SQL type of that. The
    file has `width` columns.
    """

    path: Path
    columns: tuple[str, ...]
    cells: Mapping[str, tuple[str, str]]
    width: int
    digest: str
    rows: int
    longest: int

    def part(self, names: Sequence[str], *, numbered: bool) -> Part:
        """See `Spooled.part`."""
        cells = [self.cells[name] for name in names]
        columns = [f"{sql} as c{place}" for place, (sql, _) in enumerate(cells)]
        number = ["row_number() over () as row"] if numbered else []
        line = max(2_000_000, self.longest + 1)
        types = ", ".join(f"p{at}: 'VARCHAR'" for at in range(self.width))
        table = (
            f"read_csv({literal(str(self.path))}, auto_detect = false, header = true,"
            " delim = '\t', quote = '', escape = '', comment = '', nullstr = '\\N',"
            " new_line = '\\n',"
            f" max_line_size = {line}, buffer_size = {max(32_000_000, 2 * line)},"
            f" columns = {{{types}}})"
        )
        return Part(
            f"select {', '.join([*columns, *number])} from {table}",
            tuple(kind for _, kind in cells),
        )
