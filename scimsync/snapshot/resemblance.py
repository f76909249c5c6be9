"""Find the records that a row may stand for that was left out.

Such records are kept, so that a bad row never costs anyone an account.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scimsync.jsontext import read_json
from scimsync.sources.duckdb_sql import WHITE_SPACE
from scimsync.sources.relation import Column

Cells = Mapping[str, object]
"""Column -> value, for one row."""


@dataclass(frozen=True, slots=True)
class StrayRow:
    """A row that was left out. `key` is the one that it has, perhaps by mistake."""

    key: str | None
    cells: Cells


def resembling(
    rows: Sequence[StrayRow],
    columns: Sequence[Column],
    missing: Iterable[tuple[str, str]],
    known: Iterable[tuple[str, str]] = (),
) -> dict[int, list[str]]:
    """Return the keys of the records `missing` that each of `rows` may stand for, by its number.

    A record resembles a row if at least half of the row's non-empty cells in `columns` equal the
    stored values, ignoring case and surrounding whitespace; and more of them than equal the stored
    record of the row's own key, if that is among `known`. Both yield the key and JSON text of
    records, `missing` of those that the source does not have.
    """
    judged = _judged(rows, columns, known)
    lookup: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, row in judged.items():
        for cell in row.cells - row.own:
            lookup[cell].append(number)
    found: dict[int, list[str]] = defaultdict(list)
    for key, data in missing:
        values = _cells_of(data, columns)
        if values is None:
            for number in range(len(rows)):  # a record that cannot be read may be any of the rows
                found[number].append(key)
            continue
        beyond = Counter[int]()
        for cell in values:
            beyond.update(lookup.get(cell, ()))
        for number in beyond:
            row = judged[number]
            equal = len(row.cells & values)
            if 2 * equal >= len(row.cells) and equal > len(row.own) and key != rows[number].key:
                found[number].append(key)
    return {number: sorted(keys) for number, keys in found.items()}


def equal_cells(row: Cells, record: Cells | str, columns: Sequence[Column]) -> int:
    """Return how many non-empty cells a row shares with a record, given its JSON text or values.

    A record that cannot be read may be any of the rows, and counts as equal.
    """
    cells = _cells(row, columns)
    found = _cells_of(record, columns) if isinstance(record, str) else _cells(record, columns)
    return len(cells) if found is None else len(cells & found)


@dataclass(slots=True)
class _Judged:
    """The non-empty cells of a row, and those that the record of its own key has too."""

    cells: set[tuple[str, str]]
    own: set[tuple[str, str]]


def _judged(
    rows: Sequence[StrayRow], columns: Sequence[Column], known: Iterable[tuple[str, str]]
) -> dict[int, _Judged]:
    """Return the rows with cells by number."""
    judged: dict[int, _Judged] = {}
    by_key: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if cells := _cells(row.cells, columns):
            judged[number] = _Judged(cells, set())
            if row.key is not None:
                by_key[row.key].append(number)
    if by_key:
        for key, data in known:
            if key in by_key:
                values = _cells_of(data, columns) or set()
                for number in by_key[key]:
                    judged[number].own = judged[number].cells & values
    return judged


def _cells_of(data: str, columns: Sequence[Column]) -> set[tuple[str, str]] | None:
    """Return the non-empty cells of a stored record, None if it cannot be read."""
    try:
        return _cells(read_json(data), columns)
    except RecursionError:
        return None


def _cells(values: Cells, columns: Sequence[Column]) -> set[tuple[str, str]]:
    found = ((column.name, _comparable(values.get(column.name), column)) for column in columns)
    return {cell for cell in found if cell[1]}


def _comparable(value: object, column: Column) -> str:
    if isinstance(value, str) and column.separator is not None:
        value = [
            item for part in value.split(column.separator) if (item := part.strip(WHITE_SPACE))
        ]
    if isinstance(value, list):
        value = "\n".join(str(item) for item in value)
    return "" if value is None else str(value).strip(WHITE_SPACE).casefold()
