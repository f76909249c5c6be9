# ruff: noqa: S608 - SQL of quoted names only
"""Find the values in a JSON file that are no usable records.

These are values that are not objects, and objects with a name twice, at any depth. RFC 8259,
section 4, leaves open which of the two values counts; DuckDB takes the first one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scimsync.sources.base import MAX_REPORTED, RejectedRow, RowLocation
from scimsync.sources.duckdb_sql import WHITE_SPACE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_IS_OBJECT = "starts_with({json}, '{{')"
_NAMES = "[json_keys({json})] || json_keys({json}, '$.**')"
"""SQL for the names in an object, and in all objects within it."""

_ALL_DIFFER = "len([n for n in {names} if len(n) <> len(list_distinct(n))]) = 0"
_SHOWN = 40

Pairs = list[tuple[str, Any]]


def is_sound(json: str) -> str:
    """Return SQL for whether the value in the column `json` is an object without repetitions."""
    names = _NAMES.format(json=json)
    return f"({_IS_OBJECT.format(json=json)} and {_ALL_DIFFER.format(names=names)})"


def are_sound(connection: DuckDBPyConnection, table: str) -> bool:
    """Return whether all values in the column `json` of `table` are sound.

    The values usually have few lists of names, of which each is looked at once. Raise duckdb.Error
    for text that is not JSON.
    """
    names = _NAMES.format(json="json")
    found = connection.execute(
        f"select 1 from (select distinct {_IS_OBJECT.format(json='json')} as is_object, {names} as"
        f" names from {table}) where not (is_object and {_ALL_DIFFER.format(names='names')}) limit"
        " 1"
    ).fetchone()
    return found is None


def unsound_values(connection: DuckDBPyConnection, table: str) -> tuple[int, list[tuple[int, str]]]:
    """Return how many values are not sound, and the first with their row numbers, from 1."""
    cursor = connection.cursor()
    cursor.execute(
        "select row, json, count(*) over () from (select json, row_number() over () as row from"
        f" {table}) where not {is_sound('json')} order by row"
    )
    rows = cursor.fetchmany(MAX_REPORTED)
    return (rows[0][2] if rows else 0), [(row, text) for row, text, _ in rows]


def rejected_value(text: str, key: str, location: RowLocation) -> RejectedRow:
    """Return the rejected row for the JSON text of a value that is not sound."""
    value = _parsed(text)
    if not isinstance(value, _Object):
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        why = f"{shown} is not a usable object and is left out, so no record counts as removed"
        detail = f"{location.prefix}{why}"
        return RejectedRow(location, None, detail, "SYNC-0225", {}, may_be_any=True)
    keys = {_text(of) for name, of in value.pairs if name == key}
    return RejectedRow(
        location,
        (keys.pop() or None) if len(keys) == 1 else None,
        f'{location.prefix}the object has the name "{_repeated(value)}" twice; the row is left out',
        "SYNC-0224",
        dict(value.pairs),
        frozenset(_text(of) for _, of in value.pairs),
    )


def _parsed(text: str) -> Any:
    """Return a value with all numbers as text, or None if it is nested too deeply."""
    try:
        return json.loads(
            text, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=str
        )
    except RecursionError:
        return None


class _Object:
    """An object with the pairs of its names and values."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.strip(WHITE_SPACE) if isinstance(value, str) else ""


def _repeated(value: Any) -> str | None:
    """Return the first name that an object within `value` has twice."""
    waiting = [value]
    for each in waiting:
        if isinstance(each, _Object):
            names = [name for name, _ in each.pairs]
            for at, name in enumerate(names):
                if name in names[:at]:
                    return name
            waiting += [inner for _, inner in each.pairs]
        elif isinstance(each, list):
            waiting += each
    return None
