# ruff: noqa: S608 - SQL of quoted names only
"""Cells that are lists in JSON, as `lists = { groups = { format = "json" } }` says.

A row with any other cell is left out: reading the cell as an empty list would remove groups.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from scimsync.sources.base import RejectedRow, RejectedRows, RowId, RowLocation
from scimsync.sources.duckdb_sql import stripped
from scimsync.sources.relation import Part

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHOWN = 40
_TEXTS = ("VARCHAR", "JSON")

Locate = Callable[[Collection[RowId]], Mapping[RowId, RowLocation]]


def parse_json_lists(
    connection: DuckDBPyConnection,
    parts: Sequence[Part],
    names: Sequence[str],
    columns: Collection[str],
    rejected: RejectedRows | None,
    locate: Locate,
) -> list[Part]:
    """Return the parts with the cells of `columns`, which are among `names`, as JSON.

    The first name is the key. Without `rejected`, a cell that is not a list makes the statement
    fail. With it, its row is left out and added to it.
    """
    found = []
    for number, part in enumerate(parts):
        at = [
            place
            for place, name in enumerate(names)
            if place and name in columns and part.types[place] in _TEXTS
        ]
        if not at:
            found.append(part)
            continue
        valid = " and ".join(_is_list(f"c{place}", part.types[place]) for place in at)
        if rejected is not None:
            _reject(connection, part, number, names, at, rejected, locate)
        cells = ", ".join(f"{_as_json(f'c{place}', part.types[place])} as c{place}" for place in at)
        condition = (
            valid if rejected is not None else f"case when {valid} then true else {_FAIL} end"
        )
        sql = f"select * replace ({cells}) from ({part.sql}) where {condition}"
        types = tuple("JSON" if place in at else kind for place, kind in enumerate(part.types))
        found.append(replace(part, sql=sql, types=types))
    return found


_FAIL = "error('not a JSON list')"


def _text(cell: str, kind: str | None) -> str:
    """Return SQL for the text in a cell: that of CSV, or a string in JSON."""
    text = f"case when json_type({cell}) = 'VARCHAR' then {cell}->>'$' end"
    return stripped(f"({text})" if kind == "JSON" else cell)


def _is_list(cell: str, kind: str | None) -> str:
    text = _text(cell, kind)
    fits = (
        f"{text} in ('', 'null') or (json_valid({text}) and coalesce(json_type(try_cast({text} as"
        " json)) = 'ARRAY', false))"
    )
    return f"coalesce({fits}, true)"


def _as_json(cell: str, kind: str | None) -> str:
    text = _text(cell, kind)
    own = cell if kind == "JSON" else "null"
    return (
        f"case when {text} is null then {own} when {text} in ('', 'null') then '[]'::json else"
        f" {text}::json end"
    )


def _reject(
    connection: DuckDBPyConnection,
    part: Part,
    number: int,
    names: Sequence[str],
    at: Sequence[int],
    rejected: RejectedRows,
    locate: Locate,
) -> None:
    """Add the rows with a cell that is not a list."""
    for place in at:
        others = " and ".join(
            _is_list(f"c{other}", part.types[other]) for other in at if other < place
        )
        wrong = connection.execute(
            f"select row, c0::varchar, {_text(f'c{place}', part.types[place])} from ({part.sql})"
            f" where not {_is_list(f'c{place}', part.types[place])} and {others or 'true'}"
            " order by row"
        ).fetchall()
        locations = locate({(number, row) for row, *_ in wrong})
        for row, key, cell in wrong:
            location = locations[number, row]
            text = str(key or "").strip().strip('"')
            shown = f"{cell[:_SHOWN]}…" if len(cell) > _SHOWN else cell
            rejected.add(
                RejectedRow(
                    location,
                    text or None,
                    f'{location.prefix}{names[place]} is not a JSON list: "{shown}"; the row is'
                    " left out",
                    "SYNC-0238",
                    {names[place]: cell},
                )
            )
