"""Find the records that a row without a key may stand for.

Such records are kept, so that a bad row never costs anyone an account.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from scimsync.jsontext import read_json
from scimsync.sources.duckdb_sql import WHITE_SPACE
from scimsync.sources.relation import Column

Cells = Mapping[str, object]
"""Column -> value, for one row without a key."""


def resembling(
    rows: Mapping[int, Cells], columns: Sequence[Column], missing: Iterable[tuple[str, str]]
) -> dict[int, list[str]]:
    """Return the keys of the records `missing` that each of `rows` may stand for, by its number.

    A record resembles a row if at least half of the row's non-empty cells in `columns` equal the
    stored values, ignoring case and surrounding whitespace. `missing` yields the key and JSON text
    of records that the source does not have.
    """
    lookup: dict[tuple[str, str], list[int]] = defaultdict(list)
    needed = {}
    for number, row in rows.items():
        cells = [
            (column.name, text)
            for column in columns
            if (text := _comparable(row.get(column.name), column))
        ]
        needed[number] = len(cells)
        for cell in cells:
            lookup[cell].append(number)
    found: dict[int, list[str]] = defaultdict(list)
    for key, data in missing:
        try:
            values = read_json(data)
        except RecursionError:
            for number in rows:  # a record that cannot be read may be any of the rows
                found[number].append(key)
            continue
        equal = Counter[int]()
        for column in columns:
            cell = column.name, _comparable(values.get(column.name), column)
            equal.update(lookup.get(cell, ()))
        for number, count in equal.items():
            if 2 * count >= needed[number]:
                found[number].append(key)
    return {number: sorted(keys) for number, keys in found.items()}


def _comparable(value: object, column: Column) -> str:
    if isinstance(value, str) and column.separator is not None:
        value = [
            item for part in value.split(column.separator) if (item := part.strip(WHITE_SPACE))
        ]
    if isinstance(value, list):
        value = "\n".join(str(item) for item in value)
    return "" if value is None else str(value).strip(WHITE_SPACE).casefold()
